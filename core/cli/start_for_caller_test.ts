import assert from "node:assert/strict";
import { requires } from "../../tests/helpers/machine.ts";
import { callerEnv, callerOf } from "./start_for_caller.ts";

Deno.test("callerEnv() is the caller's, with the MOAT_HOME that was passed", () => {
  const env = {
    HOME: "/root",
    USER: "root",
    LOGNAME: "root",
    MOAT_HOME: "/home/ann/other",
    PATH: "/bin",
    SUDO_UID: "1000",
    SUDO_USER: "ann",
    SUDO_COMMAND: "moat proxy start",
  };
  assert.deepEqual(callerEnv(env, { name: "ann", home: "/home/ann" }), {
    HOME: "/home/ann",
    USER: "ann",
    LOGNAME: "ann",
    MOAT_HOME: "/home/ann/other",
    PATH: "/bin",
  });
});

Deno.test("callerOf() is whoever called sudo as another than root", requires("root"), () => {
  assert.equal(callerOf({ env: { SUDO_UID: "1000" } }), 1000);
  for (const SUDO_UID of ["0", "", "-1", "1.5", "ann"]) {
    assert.equal(callerOf({ env: { SUDO_UID } }), undefined);
  }
  assert.equal(callerOf({ env: {} }), undefined);
});
