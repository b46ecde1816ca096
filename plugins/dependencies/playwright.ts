/**
 * Playwright with Chromium and the Debian packages that it needs.
 *
 * The browser lies outside of any home, so that the run's user finds it whatever its ids are.
 *
 * @module
 */

import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import { NPM_CACHE, NPM_INSTALL } from "./_npm_tool.ts";
import pins from "./catalogue/npm.json" with { type: "json" };

const known = pins.playwright;

/** The manifest of `playwright`. */
export const PLAYWRIGHT: Manifest = {
  schema: 1,
  kind: "dependency",
  id: "playwright",
  summary: "Playwright, with Chromium",
  category: "tool",
  origin: "npm package playwright",
  requires: ["node"],
  commands: ["playwright"],
  versions: {
    default: known[0]?.version ?? "latest",
    known,
    others: 3,
    channels: ["latest"],
  },
  host: { hint: "npm install --global playwright && playwright install chromium" },
  contribution: {
    env: { PLAYWRIGHT_BROWSERS_PATH: "/opt/playwright" },
    layers: [{
      kind: "run",
      group: "custom",
      script: `${NPM_INSTALL}
playwright install --with-deps chromium
chmod -R a+rX "$PLAYWRIGHT_BROWSERS_PATH"
mountpoint -q /var/lib/apt/lists || rm -rf /var/lib/apt/lists/*`,
      env: { PACKAGE: "playwright", VERSION: "{version}", INTEGRITY: "{integrity}" },
      cache_mounts: [NPM_CACHE, "/var/cache/apt", "/var/lib/apt/lists"],
    }],
  },
};

/** The `playwright` dependency. */
export const playwright = createDependency(PLAYWRIGHT);
