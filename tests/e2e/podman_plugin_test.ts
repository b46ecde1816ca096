import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import {
  makePodman,
  makePodmanSubject,
  PODMAN_PLUGIN,
  type PodmanEngine,
} from "../helpers/podman_subject.ts";
import { until } from "../helpers/until.ts";
import { RUNTIME_CASES } from "../contracts/runtime_contract.ts";
import { runCase } from "../contracts/contract_suite.ts";

/** What shows most in a few seconds each; `deno task soak podman` goes through all. */
const CASES = [
  "standard input arrives, with its end",
  "kept output continues behind any cursor, each piece once",
  "exec() can be signalled",
  "a terminal is a terminal of the size asked for",
];

Deno.test({
  name: "podman, by the example's executable: runs, and passes the contract",
  ...requires("docker", "podman", "python", "root"),
  async fn(test) {
    await using engine = await makePodman();
    await test.step("moat plugin add, moat run", async () => {
      await using home = await TestHome.create(engine.env);
      await home.ok(["plugin", "add", PODMAN_PLUGIN, "--yes"]);
      await home.write("file", "of the project\n");
      const output = await home.ok([
        "run",
        "--runtime",
        "podman",
        "--",
        "sh",
        "-c",
        "cat file; pwd",
      ]);
      assert.equal(output, "of the project\n/workspace\n");
      assert.equal(
        (await home.moat(["run", "--runtime", "podman", "--", "sh", "-c", "exit 7"])).code,
        7,
      );
    });
    await test.step("values of -e are in no arguments", async () => {
      await using home = await TestHome.create(engine.env);
      await home.ok(["plugin", "add", PODMAN_PLUGIN, "--yes"]);
      const secrets = ["-e", "TOKEN=s3cret-1", "-e", "PATH=/bin:/usr/bin:/s3cret-2"];
      const command = ["sh", "-c", 'echo "$TOKEN $PATH"; exec sleep 1000'];
      const id = (await home.ok(
        ["run", "--runtime", "podman", "-d", ...secrets, "--", ...command],
      )).trim();
      await until(
        "the values",
        async () => (await home.ok(["logs", id])).includes("s3cret-1 /bin:/usr/bin:/s3cret-2"),
      );
      const created = await inspect(engine, `moat-${id}`, "{{json .Config.CreateCommand}}");
      assert.match(created, /"TOKEN"/);
      assert(!created.includes("s3cret"), created);
    });
    for (const title of CASES) {
      await test.step(title, async () => {
        const check = RUNTIME_CASES[title];
        assert(check !== undefined, `the contract has no case "${title}"`);
        await runCase(check, { make: () => makePodmanSubject(engine), deadlineMs: 90_000 });
      });
    }
  },
});

Deno.test("the example has the protocol's library as moat writes it", async () => {
  const [own, written] = await Promise.all([
    Deno.readTextFile(join(PODMAN_PLUGIN, "moat_runtime.py")),
    Deno.readTextFile(join(PODMAN_PLUGIN, "../../../core/plugin/executable/moat_runtime.py")),
  ]);
  assert.equal(own, written);
});

async function inspect(
  { env }: PodmanEngine,
  name: string,
  format: string,
): Promise<string> {
  const { stdout } = await new Deno.Command("podman", {
    args: ["container", "inspect", "--format", format, name],
    env,
  }).output();
  return new TextDecoder().decode(stdout);
}
