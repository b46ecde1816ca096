/**
 * The engine's own tests on the runtime that compiled programs have.
 *
 * @module
 */

import assert from "node:assert/strict";
import { requires } from "../helpers/machine.ts";
import { createTestHome } from "../helpers/test_home.ts";

Deno.test("the engine passes its tests in a compiled program", requires("binary"), async () => {
  await using home = await createTestHome();
  const program = `${home.directory}/suite`;
  const compiled = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-check",
      "-A",
      "--output",
      program,
      "scripts/router_suite.ts",
    ],
  }).output();
  assert(compiled.success, new TextDecoder().decode(compiled.stderr));
  const { stdout } = await new Deno.Command(program).output();
  assert.match(new TextDecoder().decode(stdout), /[0-9]{3} tests, 0 failed\n$/);
});
