import assert from "node:assert/strict";
import { createTestHome } from "../../../tests/helpers/test_home.ts";
import { codeSandboxSpec } from "./code_sandbox.ts";

Deno.test("a plugin sees the declared paths that are there, and never a socket", async () => {
  await using home = await createTestHome();
  const path = (name: string) => `${home.directory}/${name}`;
  await Deno.writeTextFile(path("file"), "");
  await Deno.symlink(path("nowhere"), path("dangling"));
  using _ = Deno.listen({ transport: "unix", path: path("socket") });
  await Deno.symlink(path("socket"), path("link"));
  const names = ["file", "socket", "link", "dangling", "nowhere", "file/below"];
  const spec = await codeSandboxSpec({
    directory: home.directory,
    permissions: { read: names.map(path) },
  }, { self: [Deno.execPath()], env: {} });
  const shown = spec.mounts.filter(({ target }) => target.startsWith(home.directory));
  assert.deepEqual(shown, [
    { kind: "bind", source: path("file"), target: path("file"), readOnly: true },
  ]);
});
