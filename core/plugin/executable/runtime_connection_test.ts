import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../../../tests/helpers/machine.ts";
import { RefusedCall } from "./runtime_call.ts";
import { RuntimeConnection } from "./runtime_connection.ts";

const needs = requires("linux", "python");

/** Begins like the protocol's library, and answers call 1 with what `answer` writes. */
const PROGRAM = (answer: string) =>
  `#!/usr/bin/env -S python3 -B
import base64, json, os, struct, sys, time

def write(body):
    os.write(1, struct.pack(">I", len(body)) + body)

def say(**message):
    write(json.dumps(message).encode())

def order():
    return json.loads(sys.stdin.buffer.read(struct.unpack(">I", sys.stdin.buffer.read(4))[0]))

say(protocol=1)
asked = order()
${answer}
sys.stdin.buffer.read()
`;

for (
  const { title, answer, message } of [
    { title: "ends", answer: `sys.exit("broken")`, message: /it ended with code 1: broken$/ },
    {
      title: "is killed",
      answer: "os.kill(os.getpid(), 9)",
      message: /"x": it ended by SIGKILL$/,
    },
    { title: "is late", answer: "", message: /it does not answer "ask" within 0\.3 seconds$/ },
    {
      title: "answers a call that was not made",
      answer: "say(id=2, result=1)",
      message: /it does not answer as it must$/,
    },
    {
      title: "answers with what is no answer",
      answer: 'say(id=1, error="no")',
      message: /it does not answer as it must$/,
    },
    { title: "writes no JSON", answer: 'write(b"{")', message: /is no frame of the protocol$/ },
    {
      title: "announces a gigabyte",
      answer: 'os.write(1, b"\\x40\\x00\\x00\\x00")',
      message: /is no frame of the protocol$/,
    },
    {
      title: "sends more than was taken",
      answer: 'for _ in range(20): say(id=1, data="AAAA")',
      message: /it sends more than was taken$/,
    },
    {
      title: "sends a piece that is too large",
      answer: 'say(id=1, data="A" * 700000)',
      message: /it does not answer as it must$/,
    },
    {
      title: "sends a piece that is no base64",
      answer: 'say(id=1, data="!")',
      message: /it does not answer as it must$/,
    },
    {
      title: "takes more than was sent",
      answer: "say(id=1, taken=1)",
      message: /it takes more than was sent$/,
    },
  ]
) {
  Deno.test({
    name: `an executable that ${title} ends with an error that names the plugin`,
    ...needs,
    async fn() {
      await using program = await write(PROGRAM(answer));
      await using connection = await RuntimeConnection.start(program.executable);
      const call = connection.call("ask", {
        params: {},
        timeoutMs: title === "is late" ? 300 : 5000,
      });
      await assert.rejects(call.result, { name: "MoatError", message });
      assert.equal(connection.isUsable, false);
      assert.throws(() => connection.call("again", { params: {} }), message);
    },
  });
}

Deno.test({
  name: "an executable of another protocol, and one that says none, are not used",
  ...needs,
  async fn() {
    for (
      const [hello, message] of [
        ["protocol=2", /it speaks protocol 2, this is 1$/],
        ["name=1", /it does not say which protocol it speaks$/],
      ] as const
    ) {
      await using program = await write(PROGRAM("").replace("protocol=1", hello));
      await assert.rejects(RuntimeConnection.start(program.executable), message);
    }
  },
});

Deno.test({
  name: "a slow reader slows the executable, and gets everything in order",
  ...needs,
  async fn() {
    const answer = `room = 16
for number in range(100):
    while room == 0:
        room += order().get("taken", 0)
    room -= 1
    say(id=1, data=base64.b64encode(b"%03d" % number).decode(), stream="stderr")
say(id=1, result={})`;
    await using program = await write(PROGRAM(answer));
    await using connection = await RuntimeConnection.start(program.executable);
    const call = connection.call("ask", { params: {}, timeoutMs: 5000 });
    const pieces = await Array.fromAsync(call.output());
    assert.deepEqual(
      pieces.map(({ data, stream }) => [atob(data), stream]),
      Array.from({ length: 100 }, (_, number) => [String(number).padStart(3, "0"), "stderr"]),
    );
  },
});

Deno.test({
  name: "a call that is refused says why, and others go on",
  ...needs,
  async fn() {
    const answer = `say(id=1, error={"message": "no such thing", "hint": "look"})
say(id=order()["id"], result=asked["with"])`;
    await using program = await write(PROGRAM(answer));
    await using connection = await RuntimeConnection.start(program.executable);
    await assert.rejects(connection.call("ask", { params: { a: 1 } }).result, (error) => {
      assert(error instanceof RefusedCall);
      assert.deepEqual([error.message, error.hint], ["no such thing", "look"]);
      return true;
    });
    assert.deepEqual(await connection.call("ask", { params: {} }).result, { a: 1 });
  },
});

Deno.test({
  name: "the executable gets the variables that were named, and little else",
  ...needs,
  async fn() {
    await using program = await write(PROGRAM("say(id=1, result=sorted(os.environ))"));
    Deno.env.set("MOAT_TEST_OWN", "of the process that starts it");
    const env = {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: "/",
      SECRET: "1",
      MINE: "2",
      LD_PRELOAD: "",
    };
    await using connection = await RuntimeConnection.start({
      ...program.executable,
      variables: ["MINE"],
      env,
    });
    Deno.env.delete("MOAT_TEST_OWN");
    const names = await connection.call("ask", { params: {} }).result;
    assert(Array.isArray(names));
    assert.deepEqual(
      ["PATH", "HOME", "MINE", "SECRET", "LD_PRELOAD", "MOAT_TEST_OWN"].map((name) =>
        names.includes(name)
      ),
      [
        true,
        true,
        true,
        false,
        false,
        false,
      ],
    );
  },
});

Deno.test({
  name: "what the executable started goes with it, and what holds its streams open holds up nobody",
  ...needs,
  async fn() {
    const answer = `import subprocess
inside = subprocess.Popen(["sleep", "1000"])
outside = subprocess.Popen(["sleep", "1000"], start_new_session=True)
say(id=1, result=[inside.pid, outside.pid])
sys.exit(0)`;
    await using program = await write(PROGRAM(answer));
    const connection = await RuntimeConnection.start(program.executable);
    const pids = await connection.call("ask", { params: {} }).result;
    assert(Array.isArray(pids));
    await connection[Symbol.asyncDispose]();
    assert.deepEqual(pids.map(isAlive), [false, true]);
    Deno.kill(pids[1], "SIGKILL");
  },
});

/** Somebody else's zombie is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function write(text: string) {
  const directory = await Deno.makeTempDir({ prefix: "moat-executable-" });
  const program = join(directory, "program");
  await Deno.writeTextFile(program, text, { mode: 0o700 });
  return {
    executable: { id: "x", program, variables: [], env: Deno.env.toObject() },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}
