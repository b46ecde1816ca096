import assert from "node:assert/strict";
import { requires, testEngines } from "../helpers/machine.ts";
import { type Outcome, TestHome } from "../helpers/moat.ts";

/** A line on standard error that says the engine's old builder was used. */
const OLD_BUILDER = /old builder/;

/** What only a build prints. */
const BUILD_STEP = /\b(FROM|COPY|RUN) /;

for (const [index, target] of testEngines().entries()) {
  const label = `docker ${index + 1}`;
  const env = { MOAT_RUNTIME: "docker", DOCKER_HOST: target, MOAT_NO_SANDBOX: "1" };
  const options = requires("docker");

  Deno.test({
    name: `${label}: one language alone is its slim image, and nothing is built`,
    ...options,
    fn: async () => {
      await using home = await TestHome.create(env);
      await Deno.chown(home.project, 1000, 1000);
      await home.write("moat.yaml", "dependencies: [node@22]\n");
      assert.match(
        await home.ok(["run", "--", "sh", "-c", "node --version; id -u"]),
        /^v22\..*\n1000\n$/,
      );
      await home.write("moat.yaml", "dependencies: [python@3.11]\n");
      const { stdout, stderr } = await home.moat(["run", "--", "python3", "--version"]);
      assert.match(stdout, /^Python 3\.11\./);
      assert.doesNotMatch(stderr, BUILD_STEP);
    },
  });

  Deno.test({
    name: `${label}: two languages and tools are built once over BuildKit and run as the user`,
    ...options,
    fn: async () => {
      await using home = await TestHome.create(env);
      await Deno.chown(home.project, 1000, 1000);
      await home.write(
        "moat.yaml",
        "dependencies: [node@22, python@3.11, git, jq, ripgrep, psql, npm:cowsay]\ntrust_host_ca: true\n",
      );
      const script =
        "id -u; node --version; python3 --version; git --version; jq --version; rg --version; psql --version; cowsay moo";
      const first = await home.moat(["run", "--trust", "--", "sh", "-ec", script]);
      assert.equal(first.code, 0, first.stderr);
      assert.doesNotMatch(first.stderr, OLD_BUILDER);
      for (
        const line of [
          /^1000$/m,
          /^v22\./m,
          /^Python 3\.11/m,
          /^git version/m,
          /^jq-/m,
          /^ripgrep /m,
          /^psql /m,
          /< moo >/,
        ]
      ) {
        assert.match(first.stdout, line);
      }
      const second = await home.moat(["run", "--", "node", "--version"]);
      assert.equal(second.code, 0, second.stderr);
      assert.doesNotMatch(second.stderr, BUILD_STEP);
    },
  });

  Deno.test({
    name: `${label}: eight processes that need the same new image build it once`,
    ...options,
    fn: async () => {
      await using home = await TestHome.create(env);
      await home.write("moat.yaml", `hooks:\n  post_build: echo ${crypto.randomUUID()} > ~/mark\n`);
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => home.moat(["run", "--", "cat", "/home/moatuser/mark"])),
      );
      assert.deepEqual(
        outcomes.map(({ code, stderr }) => code === 0 ? 0 : stderr),
        Array(8).fill(0),
      );
      const built = outcomes.filter(({ stderr }: Outcome) => /RUN hook post_build/.test(stderr));
      assert.equal(built.length, 1);
      assert(outcomes.every(({ stderr }) => !OLD_BUILDER.test(stderr)));
    },
  });

  Deno.test({
    name: `${label}: a broken hook shows its command, its output and the line; nothing is left`,
    ...options,
    fn: async () => {
      await using home = await TestHome.create(env);
      await home.write(
        "moat.yaml",
        `hooks:\n  post_build: |\n    # ${crypto.randomUUID()}\n    echo about to fail\n    no-such-tool --flag\n`,
      );
      const { code, stdout, stderr } = await home.moat(["run", "--", "true"]);
      assert.deepEqual([code, stdout], [125, ""], stderr);
      assert.match(stderr, /about to fail/);
      assert.match(stderr, /no-such-tool/);
      assert.match(stderr, /Dockerfile:\d+|line \d+/);
      assert.deepEqual(
        JSON.parse(await home.ok(["list", "--json"])).map(({ state }: { state: string }) => state),
        [
          "failed",
        ],
      );
    },
  });
}
