/**
 * Deno, out of its official image.
 *
 * @module
 */

import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";

/** The manifest of `deno`, written `deno@2.8.3`. */
export const DENO: Manifest = {
  schema: 1,
  kind: "dependency",
  id: "deno",
  summary: "Deno, a JavaScript and TypeScript runtime",
  category: "language",
  origin: "image denoland/deno",
  commands: ["deno"],
  versions: {
    default: "2.8.3",
    known: [{ version: "2.8.3" }],
    others: 3,
  },
  host: { hint: "npm install --global deno" },
  contribution: {
    base_image: "denoland/deno:debian-{version}",
    layers: [{
      kind: "copy-from",
      group: "language",
      image: "denoland/deno:bin-{version}",
      paths: [{ from: "/deno", to: "/usr/local/bin/deno" }],
    }],
  },
};

/** The `deno` dependency. */
export const deno = createDependency(DENO);
