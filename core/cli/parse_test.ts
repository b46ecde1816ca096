import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { Arguments } from "./arguments.ts";
import type { LeafCommand } from "./command.ts";
import { parseArguments } from "./parse.ts";

const EXAMPLE: LeafCommand = {
  name: "example",
  group: "Start",
  summary: "For tests",
  help: "For tests.",
  example: "moat example",
  flags: [
    { name: "detach", short: "d", summary: "A flag" },
    { name: "interactive", short: "i", summary: "A flag" },
    { name: "name", value: { kind: "text", placeholder: "NAME" }, summary: "A text" },
    {
      name: "env",
      short: "e",
      value: { kind: "text", placeholder: "K=V" },
      repeatable: true,
      summary: "A list",
    },
    {
      name: "tail",
      short: "n",
      value: { kind: "integer", placeholder: "N", min: 1 },
      summary: "A number",
    },
    { name: "mode", value: { kind: "choice", choices: ["fast", "slow"] }, summary: "A choice" },
  ],
  positionals: [{ name: "path", summary: "A word" }],
  rest: { name: "command", summary: "The rest" },
  run: () => Promise.resolve(0),
};
const EXEC: LeafCommand = {
  ...EXAMPLE,
  rest: { name: "command", summary: "The rest", required: true, afterPositionals: 1 },
};

function parse(words: readonly string[], command = EXAMPLE): Arguments {
  const parsed = parseArguments(words, command);
  assert(parsed instanceof Arguments);
  return parsed;
}

Deno.test("parseArguments() takes flags before and behind words, short ones together", () => {
  const args = parse(["-di", "here", "--name", "a", "-n5", "--mode=fast"]);
  assert.deepEqual(
    [args.has("detach"), args.has("interactive"), args.text("name"), args.integer("tail")],
    [true, true, "a", 5],
  );
  assert.deepEqual([args.text("mode"), args.positional("path")], ["fast", "here"]);
});

Deno.test("parseArguments() leaves everything behind -- alone", () => {
  const args = parse(["-d", "--", "npm", "--", "-x", "--help"]);
  assert.deepEqual(args.rest, ["npm", "--", "-x", "--help"]);
  assert.equal(args.positional("path"), undefined);
});

Deno.test("parseArguments() keeps repeated values in order, otherwise the last one counts", () => {
  const args = parse(["-e", "A=1", "--env=B=2=3", "--name", "a", "--name", "b"]);
  assert.deepEqual(args.list("env"), ["A=1", "B=2=3"]);
  assert.equal(args.text("name"), "b");
});

Deno.test("parseArguments() begins the rest behind the positionals where a command says so", () => {
  const args = parse(["-i", "web", "ls", "-la", "--name"], EXEC);
  assert.deepEqual([args.positional("path"), args.rest], ["web", ["ls", "-la", "--name"]]);
  assert.deepEqual(parse(["--", "ls", "-la"], EXEC).rest, ["ls", "-la"]);
});

Deno.test("parseArguments() says which help was asked for, whatever else is wrong behind it", () => {
  assert.equal(parseArguments(["-h", "--nope"], EXAMPLE), "short");
  assert.equal(parseArguments(["-d", "--help"], EXAMPLE), "long");
});

/** Words, message, hint. */
const MISTAKES: readonly [readonly string[], RegExp, string, LeafCommand?][] = [
  [["--detahc"], /Cannot use flag "--detahc"/, 'Did you mean "--detach"?'],
  [["-x"], /Cannot use flag "-x"/, "moat example -h"],
  [["--no-detach"], /Cannot use flag "--no-detach"/, "moat example -h"],
  [["--detach=yes"], /--detach takes no value/, "moat example -h"],
  [["--name"], /"--name": its value is missing/, "--name=NAME"],
  [["--name", "--detach"], /"--name": its value is missing/, "--name=NAME"],
  [["--name", "--", "x"], /"--name": its value is missing/, "--name=NAME"],
  [["-n", "0"], /Cannot use "0" for -n: it is not a whole number of 1 or more/, "moat example -h"],
  [["--tail", "1.5"], /Cannot use "1.5" for --tail/, "moat example -h"],
  [["--mode", "fsat"], /not one of fast, slow/, "--mode fast"],
  [["a", "b"], /Cannot use "b": moat example takes at most 1 argument/, "moat example -h"],
  [["a", "b", "--nope"], /Cannot use "b"/, "moat example -h"],
  [["--"], /<command> is missing/, "moat example -- command"],
  [["web"], /<command> is missing/, "moat example -- command", EXEC],
];

for (const [words, message, hint, command] of MISTAKES) {
  Deno.test(`parseArguments() refuses ${words.join(" ")}`, () => {
    assert.throws(() => parse(words, command), (error: unknown) => {
      assert(error instanceof UsageError);
      assert.match(error.message, message);
      assert.equal(error.hint, hint);
      return true;
    });
  });
}

Deno.test("Arguments refuses a flag that the command does not have", () => {
  assert.throws(() => parse([]).has("nope"), TypeError);
});

Deno.test("parseArguments() leaves out an optional word before a required one", () => {
  const command: LeafCommand = {
    ...EXAMPLE,
    positionals: [
      { name: "run", summary: "Optional" },
      { name: "service", summary: "Required", required: true },
    ],
  };
  const one = parse(["postgres"], command);
  assert.deepEqual([one.positional("run"), one.positional("service")], [undefined, "postgres"]);
  const two = parse(["myapp", "postgres"], command);
  assert.deepEqual([two.positional("run"), two.positional("service")], ["myapp", "postgres"]);
  assert.throws(() => parseArguments([], command), /<service> is missing/);
});
