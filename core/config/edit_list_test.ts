import assert from "node:assert/strict";
import { addToList, removeFromList } from "./edit_list.ts";

const CASES: readonly { title: string; text: string; add: string; result: string }[] = [
  { title: "an empty file", text: "", add: "a", result: "dependencies:\n  - a\n" },
  {
    title: "no list",
    text: "# mine\nname: x # here\n",
    add: "postgres@17",
    result: "# mine\nname: x # here\ndependencies:\n  - postgres@17\n",
  },
  {
    title: "no line break at the end",
    text: "name: x",
    add: "a",
    result: "name: x\ndependencies:\n  - a\n",
  },
  {
    title: "a block list between others, with comments",
    text: "dependencies:\n    - node@22   # the server\n    # tools\n    - jq # last\n\nname: x\n",
    add: "a",
    result:
      "dependencies:\n    - node@22   # the server\n    # tools\n    - jq # last\n    - a\n\nname: x\n",
  },
  {
    title: "a block list without indentation",
    text: "dependencies:\n- node\nname: x\n",
    add: "a",
    result: "dependencies:\n- node\n- a\nname: x\n",
  },
  {
    title: "a list on one line",
    text: "dependencies: [node@22, jq] # all\n",
    add: "a",
    result: "dependencies: [node@22, jq, a] # all\n",
  },
  {
    title: "a list over several lines in brackets",
    text: "dependencies: [\n  node@22,\n  jq,\n]\n",
    add: "a",
    result: "dependencies: [\n  node@22,\n  jq, a\n]\n",
  },
  { title: "an empty list", text: "dependencies: []\n", add: "a", result: "dependencies: [a]\n" },
  {
    title: "a key without value",
    text: "dependencies:\nname: x\n",
    add: "a",
    result: "dependencies:\n  - a\nname: x\n",
  },
  {
    title: "a word that needs quotes",
    text: "dependencies:\n  - node\n",
    add: "npm:@a/b@1",
    result: "dependencies:\n  - node\n  - npm:@a/b@1\n",
  },
  {
    title: "Windows line ends",
    text: "dependencies:\r\n  - node\r\nname: x\r\n",
    add: "a",
    result: "dependencies:\r\n  - node\r\n  - a\r\nname: x\r\n",
  },
];

for (const { title, text, add, result } of CASES) {
  Deno.test(`an entry is added to ${title}`, async () => {
    assert.equal(await addToList(text, "dependencies", add), result);
    assert.equal(await addToList(result, "dependencies", add), result);
  });
}

for (
  const { title, text, result } of [
    { title: "first of a block list", text: "d:\n  - a # one\n  - b\n", result: "d:\n  - b\n" },
    { title: "only one", text: "x: 1\nd:\n  - a\ny: 2\n", result: "x: 1\ny: 2\n" },
    { title: "first of a line", text: "d: [a, b, c] # x\n", result: "d: [b, c] # x\n" },
    { title: "last of a line", text: "d: [b, c, a]\n", result: "d: [b, c]\n" },
    { title: "missing one", text: "d: [b]\n", result: "d: [b]\n" },
  ]
) {
  Deno.test(`the ${title} is removed`, async () => {
    assert.equal(await removeFromList(text, "d", "a"), result);
  });
}

Deno.test("a list that cannot be edited is left alone", async () => {
  await assert.rejects(addToList("dependencies: text\n", "dependencies", "a"), /Cannot edit/);
  await assert.rejects(addToList("{dependencies: []}\n", "dependencies", "a"), /Cannot edit/);
});
