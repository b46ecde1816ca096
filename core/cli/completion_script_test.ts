import assert from "node:assert/strict";
import { completionScript } from "./completion_script.ts";
import { COMMANDS } from "./commands/mod.ts";

function has(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/${program}`).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
        return false;
      }
      throw error;
    }
  });
}

/** What bash offers for the words, the last of which is being typed. */
async function completeInBash(words: readonly string[]): Promise<readonly string[]> {
  const script = [
    completionScript("bash", COMMANDS),
    "moat() { echo my-run; }",
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})`,
    `COMP_CWORD=${words.length - 1}`,
    "_moat",
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join("\n");
  const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", script] }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean);
}

const CASES: readonly [readonly string[], readonly string[]][] = [
  [["moat", "ru"], ["run"]],
  [["moat", "ls", "--al"], ["--all"]],
  [["moat", "run", "--isol"], ["--isolation"]],
  [["moat", "run", "--isolation", ""], ["gvisor", "none"]],
  [["moat", "run", "--isolation", "g"], ["gvisor"]],
  [["moat", "stop", "my"], ["my-run"]],
  [["moat", "run", "--", "--"], []],
  [["moat", "completions", "z"], ["zsh"]],
];

for (const [words, expected] of CASES) {
  Deno.test({
    name: `completionScript() for bash completes ${words.join(" ")}`,
    ignore: !has("bash"),
    fn: async () => assert.deepEqual(await completeInBash(words), expected),
  });
}
