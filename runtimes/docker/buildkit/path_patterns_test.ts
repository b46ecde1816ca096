import assert from "node:assert/strict";
import { contextTree } from "./context_tree.ts";
import { filterTree, type PathFilter } from "./path_patterns.ts";

const FILE = { content: "", mode: 0o644 };
const TREE = contextTree({
  "Dockerfile": FILE,
  "big/one.bin": FILE,
  "src/a.js": FILE,
  "src/b.ts": FILE,
  "src/deep/c.js": FILE,
  "[odd]/x": FILE,
});
const ALL = TREE.map(({ path }) => path);

interface Case extends Partial<PathFilter> {
  readonly name: string;
  readonly expected: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "nothing asked gives all", expected: ALL },
  { name: "a followed file comes alone", follows: ["/Dockerfile"], expected: ["Dockerfile"] },
  {
    name: "a followed file brings its directories",
    follows: ["src/deep/c.js"],
    expected: ["src", "src/deep", "src/deep/c.js"],
  },
  {
    name: "a followed directory brings its content",
    follows: ["big"],
    expected: ["big", "big/one.bin"],
  },
  { name: "following the root gives all", follows: ["Dockerfile", "/"], expected: ALL },
  { name: "what is not there gives nothing", follows: [".dockerignore"], expected: [] },
  {
    name: "a star stays in its directory",
    includes: ["src/*.js"],
    expected: ["src", "src/a.js"],
  },
  {
    name: "two stars go through directories",
    includes: ["**/*.js"],
    expected: ["src", "src/a.js", "src/deep", "src/deep/c.js"],
  },
  {
    name: "a question mark is one character, a class one of it",
    includes: ["src/?.[t-z]s"],
    expected: ["src", "src/b.ts"],
  },
  {
    name: "a backslash takes the meaning away",
    includes: ["\\[odd\\]/x"],
    expected: ["[odd]", "[odd]/x"],
  },
  {
    name: "excluded directories go with their content",
    excludes: ["big", "src/deep", "[[]odd]"],
    expected: ["Dockerfile", "src", "src/a.js", "src/b.ts"],
  },
  {
    name: "the last pattern decides",
    excludes: ["**", "!src/a.js"],
    expected: ["src", "src/a.js"],
  },
  {
    name: "includes and excludes work together",
    includes: ["src"],
    excludes: ["**/*.js"],
    expected: ["src", "src/b.ts", "src/deep"],
  },
  { name: "a dot is a dot", includes: ["src/aXjs", "src/a.js"], expected: ["src", "src/a.js"] },
];

for (const { name, expected, includes = [], excludes = [], follows = [] } of CASES) {
  Deno.test(`filterTree(): ${name}`, () => {
    const kept = filterTree(TREE, { includes, excludes, follows });
    assert.deepEqual(kept.map(({ path }) => path), expected);
  });
}
