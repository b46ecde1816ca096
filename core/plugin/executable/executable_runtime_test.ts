import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../../../tests/helpers/machine.ts";
import { ExecutableRuntime } from "./executable_runtime.ts";

/** Ends with the first call that is none of `open`, and from then on answers each. */
const PROGRAM = `#!/usr/bin/env -S python3 -B
import json, os, struct, sys

def say(**message):
    body = json.dumps(message).encode()
    os.write(1, struct.pack(">I", len(body)) + body)

say(protocol=1)
while head := sys.stdin.buffer.read(4):
    order = json.loads(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))
    if order["call"] != "open" and not os.path.exists(__file__ + ".ended"):
        open(__file__ + ".ended", "w").close()
        sys.exit("broken")
    say(id=order["id"], result={"abilities": []})
`;

Deno.test({
  name: "an executable that has ended is started again once, however many calls come",
  ...requires("linux", "python"),
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "moat-executable-" });
    const program = join(directory, "runtime.py");
    await Deno.writeTextFile(program, PROGRAM, { mode: 0o755 });
    let starts = 0;
    {
      await using runtime = await ExecutableRuntime.open({
        executable: {
          id: "demo",
          program,
          variables: [],
          env: { PATH: Deno.env.get("PATH") ?? "" },
        },
        target: "demo",
        engine: "demo",
        stateDir: directory,
        home: "home",
        verify: () => Promise.resolve(void starts++),
      });
      await assert.rejects(runtime.kill("any", "TERM"), /it ended with code 1: broken$/);
      await Promise.all(["a", "b", "c"].map((name) => runtime.kill(name, "TERM")));
    }
    assert.equal(starts, 2);
    await Deno.remove(directory, { recursive: true });
  },
});
