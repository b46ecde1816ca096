/** Runs the scripts of the first steps in real containers; nothing is built or kept. */
import assert from "node:assert/strict";
import { requires } from "../../tests/helpers/machine.ts";
import { BASE_SCRIPT, HOOK_SCRIPT, USER_SCRIPT } from "./build_scripts.ts";

async function inDebian(script: string, words: readonly string[] = []) {
  const { code, stdout, stderr } = await new Deno.Command("docker", {
    args: ["run", "--rm", "debian:bookworm-slim", "sh", "-euc", script, "sh", ...words],
  }).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout).trim(), error: text.decode(stderr).trim() };
}

const SHOW = "\nid moatuser\nstat -c '%U:%G %n' /home/moatuser /workspace";
const EXPECTED = `uid=1000(moatuser) gid=1000(moatuser) groups=1000(moatuser)
moatuser:moatuser /home/moatuser
moatuser:moatuser /workspace`;

const BEFORE = {
  "an empty base": "",
  "a base whose user has the ids": "useradd --uid 1000 --create-home node",
  "a base whose group alone has the id": "groupadd --gid 1000 staffers",
  "a base that has moatuser": "useradd --uid 1000 --create-home moatuser",
};

for (const [name, before] of Object.entries(BEFORE)) {
  Deno.test({
    name: `USER_SCRIPT makes moatuser 1000:1000 in ${name}`,
    ...requires("docker"),
    async fn() {
      const { output, error } = await inDebian(`${before}\n${USER_SCRIPT}${SHOW}`);
      assert.equal(output, EXPECTED, error);
    },
  });
}

Deno.test({
  name: "BASE_SCRIPT refuses what is not made from Debian, by name",
  ...requires("docker"),
  async fn() {
    const other = "printf 'ID=alpine\\n' > /etc/os-release";
    const { code, error } = await inDebian(`${other}\n${BASE_SCRIPT}`, ["ca-certificates"]);
    assert.equal(code, 1);
    assert.equal(error, "moat: base_image must be Debian or made from it, this one is alpine");
  },
});

async function hook(text: string) {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, text);
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", HOOK_SCRIPT, "post_build", file],
    }).output();
    const decoder = new TextDecoder();
    return { code, output: decoder.decode(stdout), error: decoder.decode(stderr) };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("HOOK_SCRIPT stops at the first failing line and names it", async () => {
  const { code, output, error } = await hook("# one\necho two\n(exit 7)\necho four\n");
  assert.equal(code, 7);
  assert.equal(output, "two\n");
  assert.match(error, /moat: post_build failed in line 3: \( exit 7 \) \(exit code 7\)/);
});

Deno.test("HOOK_SCRIPT runs comments, compound statements and unset variables", async () => {
  const text =
    'if [ -z "$UNSET" ]; then\n  echo a # why\nfi\ncase x in x) echo b;; esac\nf() {\n echo c\n}\nf';
  assert.deepEqual(await hook(text), { code: 0, output: "a\nb\nc\n", error: "" });
});
