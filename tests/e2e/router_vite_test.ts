/**
 * A Vite dev server as people start it, behind the router: hot reload goes through a WebSocket there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Chromium } from "../helpers/chromium.ts";
import { fetchFrom } from "../helpers/fetch_from.ts";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";
import { until } from "../helpers/until.ts";

const VITE = "vite@8.3.4";
const HOST = "web.shop.localhost";

const FILES: Readonly<Record<string, string>> = {
  "moat.yaml": "name: shop\ndependencies: [node]\nports: {web: 5173}\n" +
    "command: exec node node_modules/vite/bin/vite.js\n",
  "package.json": JSON.stringify({ private: true, type: "module" }),
  // Notes on which socket Vite's own script heard something first.
  "index.html": `<!doctype html><h1></h1><script>
window.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", () => window.heardOn ??= this.url);
  }
};
</script><script type="module" src="/main.js"></script>`,
  "main.js": `import { text } from "./text.js";
const heading = document.querySelector("h1");
heading.textContent = text;
import.meta.hot.accept("./text.js", (changed) => heading.textContent = changed.text);
`,
  "text.js": textOf(0),
};

function textOf(count: number): string {
  return `export const text = "text ${count}";\n`;
}

/** Installs Vite once, for projects to copy it. */
async function install(directory: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("npm", {
    args: [
      "install",
      "--silent",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--prefix",
      directory,
      VITE,
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** Never there by half, as editors do it. */
async function save(home: TestHome, name: string, text: string): Promise<void> {
  await home.write(`${name}.new`, text);
  await Deno.rename(join(home.project, `${name}.new`), join(home.project, name));
}

Deno.test(
  "Vite reloads what changes through the router",
  requires("npm", "node", "chromium", "binary"),
  async (t) => {
    const directory = await Deno.makeTempDir({ prefix: "moat-vite-" });
    try {
      await install(directory);
      for (const { label, env } of runtimesUnderTest()) {
        await t.step(label, () => tryVite(env, `${directory}/node_modules`));
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

async function tryVite(env: Readonly<Record<string, string>>, modules: string): Promise<void> {
  await using home = await TestHome.create(env);
  for (const [name, text] of Object.entries(FILES)) await home.write(name, text);
  const copied = await new Deno.Command("cp", { args: ["-r", modules, home.project] }).output();
  assert(copied.success);
  await home.ok(["run", "-d"]);
  const port = Number(new URL((await home.ok(["open", "--print"])).trim()).port);
  await until("Vite", async () => (await fetchFrom(port, { host: HOST })).status === 200);
  await assert.rejects(fetch(`https://localhost:${port}/`), /UnknownIssuer/);
  const authority = join(home.home, "store", "router-ca.crt");
  await using chromium = await Chromium.start({ authority });
  const shows = (text: string) =>
    until(
      `the page shows "${text}"`,
      async () => await chromium.evaluate(`document.querySelector("h1")?.textContent`) === text,
    );
  let count = 0;
  for (const scheme of ["http", "https"]) {
    await chromium.undisturbed(async () => {
      await chromium.open(`${scheme}://${HOST}:${port}/`);
      await shows(`text ${count}`);
      const socket = await until(
        "the socket",
        async () => await chromium.evaluate("window.heardOn") ?? undefined,
      );
      assert.equal(new URL(String(socket)).host, `${HOST}:${port}`);
      await chromium.evaluate("window.isSamePage = true");
      count += 1;
      await save(home, "text.js", textOf(count));
      await shows(`text ${count}`);
      assert.equal(await chromium.evaluate("window.isSamePage"), true);
    });
  }
}
