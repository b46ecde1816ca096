import assert from "node:assert/strict";
import {
  classicDockerfile,
  copyInstruction,
  envInstruction,
  runInstruction,
  runScript,
} from "./dockerfile_text.ts";

/** The words of a RUN as an engine reads them: continued lines joined, comments dropped, JSON. */
function wordsOf(instruction: string): unknown {
  const lines = instruction.split("\n").filter((line) => !/^\s*#/.test(line));
  const joined = lines.map((line) => line.replace(/\\$/, "")).join("");
  return JSON.parse(joined.replace(/^RUN (?:--mount=\S+ )*/, ""));
}

Deno.test("runInstruction() keeps every word, whatever is in it", () => {
  const words = [
    "a b",
    "$HOME",
    '"',
    "'",
    "\\",
    "`id`",
    "#",
    "a\nb",
    "\n# no comment\n",
    "",
    "é\\",
  ];
  assert.deepEqual(wordsOf(runInstruction(words)), words);
});

Deno.test("runInstruction() hands variables over as words of env, sorted", () => {
  const env = { B: "x y", A: 'q"q' };
  assert.deepEqual(wordsOf(runInstruction(["true"], { env })), ["env", 'A=q"q', "B=x y", "true"]);
});

Deno.test("runScript() breaks the script after its lines and keeps its text", () => {
  const script = "if true; then\n  # why\n  printf '%s\\n' \"$@\"\nfi";
  const instruction = runScript(script, { words: ["a b"] });
  assert.deepEqual(wordsOf(instruction), ["sh", "-euc", script, "sh", "a b"]);
  assert.equal(instruction.split("\n").length, 5);
});

Deno.test("classicDockerfile() takes out the mounts that runInstruction() wrote, and nothing else", () => {
  const mounted = runInstruction(["npm", "--mount=type=cache,target=/x"], {
    cacheMounts: ["/root/.npm", "/var/x"],
  });
  assert.equal(
    classicDockerfile(`FROM x\n${mounted}\n${runInstruction(["true"])}\n`),
    'FROM x\nRUN ["npm", "--mount=type=cache,target=/x"]\nRUN ["true"]\n',
  );
});

Deno.test("envInstruction() expands nothing", () => {
  assert.equal(envInstruction("A", 'a $B ${C} "d" \\e'), 'ENV A="a \\$B \\${C} \\"d\\" \\\\e"');
});

Deno.test("copyInstruction() names the image it copies from", () => {
  assert.equal(copyInstruction("/a b", "/c", "x:1"), 'COPY --from=x:1 ["/a b","/c"]');
});

Deno.test("what cannot be quoted is refused", () => {
  for (const bad of ["", "a b", "a\nRUN id", "$A", 'a"', "a,b", "é"]) {
    assert.throws(() => copyInstruction("/a", "/b", bad), TypeError);
    assert.throws(() => envInstruction(bad, "x"), TypeError);
    assert.throws(() => runInstruction(["true"], { cacheMounts: [bad] }), TypeError);
  }
  assert.throws(() => envInstruction("A", "a\nRUN id"), TypeError);
});
