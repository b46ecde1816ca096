import assert from "node:assert/strict";
import { TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";

const CASES: readonly (readonly [string, readonly string[], number])[] = [
  ["success", ["run", "--", "true"], 0],
  ["the command's own code", ["run", "--", "sh", "-c", "exit 7"], 7],
  ["a signal", ["run", "--", "sh", "-c", "kill -9 $$"], 137],
  ["TERM to itself", ["run", "--", "sh", "-c", "kill -TERM $$"], 143],
  ["a command that is not there", ["run", "--", "no-such-command"], 127],
  ["a file that cannot be invoked", ["run", "--", "/etc/passwd"], 126],
  ["a time-out", ["run", "--timeout", "300ms", "--", "sleep", "60"], 124],
  ["an unknown flag", ["run", "--no-such-flag"], 2],
  ["an unknown runtime", ["run", "--runtime", "nope", "--", "true"], 2],
];

for (const { label, env } of runtimesUnderTest()) {
  Deno.test(`${label}: exit codes`, async (t) => {
    await using home = await TestHome.create(env);
    for (const [name, args, expected] of CASES) {
      await t.step(name, async () => {
        const { code, stderr } = await home.moat(args);
        assert.equal(code, expected, stderr);
      });
    }
  });

  Deno.test(`${label}: standard output holds the program's output only`, async () => {
    await using home = await TestHome.create(env);
    const { code, stdout, stderr } = await home.moat([
      "run",
      "--",
      "sh",
      "-c",
      "echo out; echo err >&2",
    ]);
    assert.deepEqual([code, stdout], [0, "out\n"]);
    assert.match(stderr, /^err$/m);
  });

  Deno.test(`${label}: standard input reaches the program, binary and unchanged`, async () => {
    await using home = await TestHome.create(env);
    const input = crypto.getRandomValues(new Uint8Array(60_000));
    const [expected] = await Promise.all([sha256(input)]);
    const { stdout } = await home.moat(["run", "--", "sha256sum"], { input });
    assert.equal(stdout.split(" ")[0], expected);
  });

  Deno.test(`${label}: a line of 10 MB arrives whole, on the stream and in the log`, async () => {
    await using home = await TestHome.create(env);
    const script = "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end";
    const { stdout } = await home.moat(["run", "--", "sh", "-c", script]);
    assert.equal(stdout.length, 10_000_001 + 4);
    assert.equal((await home.ok(["logs"])).length, 10_000_001 + 4);
    assert.equal(await home.ok(["logs", "-n", "1"]), "end\n");
  });
}

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}
