/** What every dependency of moat's own does, and that the checks notice one that does it wrong. */

import assert from "node:assert/strict";
import { checkPlugin } from "../../core/plugin/check_plugin.ts";
import type { DependencyPlugin, Plugin } from "../../core/plugin/contract.ts";
import { Registry } from "../../core/plugin/registry.ts";
import { DEPENDENCIES } from "../../plugins/dependencies/mod.ts";
import { SERVICES } from "../../plugins/services/mod.ts";

const OWN = new Registry<Plugin>([...DEPENDENCIES, ...SERVICES]);

for (const plugin of OWN.list("dependency")) {
  Deno.test(`dependency "${plugin.id}" passes the checks of the contract`, async () => {
    assert.deepEqual(await problems(plugin), []);
  });
}

const HELLO: DependencyPlugin = {
  kind: "dependency",
  id: "hello-there",
  summary: "Says hello",
  category: "tool",
  base: () => "debian:bookworm",
  contribute: ({ requested }, { arch }) => ({
    apt: ["hello"],
    env: { HELLO: `${requested} ${arch}` },
  }),
  find: async (_, probe) => {
    const path = await probe.which("hello");
    return path === undefined
      ? { kind: "missing", reason: "there is no hello", hint: "Install it" }
      : { kind: "found", paths: [path], bin: [] };
  },
};

const ASKED: DependencyPlugin = {
  ...HELLO,
  contribute() {
    throw new Error("it is code");
  },
  ask: (questions) =>
    Promise.resolve(questions.map(({ entry, target }) => HELLO.contribute(entry, target))),
};

type Method = {
  [K in keyof DependencyPlugin]-?: NonNullable<DependencyPlugin[K]> extends
    (...args: never[]) => unknown ? K : never;
}[keyof DependencyPlugin];

let calls = 0;

/** Every method of the contract: the type lets none be left out. */
const MUTANTS: Readonly<
  Record<Method, readonly { readonly wrong: string; readonly change: Partial<DependencyPlugin> }[]>
> = {
  base: [
    { wrong: "names no image", change: { base: () => "not an image" } },
    { wrong: "changes its mind", change: { base: () => `debian:${calls++}` } },
    { wrong: "throws", change: { base: fail } },
  ],
  contribute: [
    { wrong: "throws", change: { contribute: fail } },
    { wrong: "changes its mind", change: { contribute: () => ({ env: { A: `${calls++}` } }) } },
    {
      wrong: "gives what is no data",
      change: { contribute: () => ({ env: Object(new Map([["A", "B"]])) }) },
    },
    { wrong: "gives nothing", change: { contribute: () => Object(null) && JSON.parse("null") } },
  ],
  find: [
    { wrong: "throws", change: { find: fail } },
    {
      wrong: "finds what is not there",
      change: { find: () => Promise.resolve({ kind: "found", paths: [], bin: [] }) },
    },
    {
      wrong: "gives no advice",
      change: { find: () => Promise.resolve({ kind: "missing", reason: "it is not", hint: "" }) },
    },
    {
      wrong: "finds what is nowhere",
      change: {
        find: async (_, probe) =>
          await probe.which("hello") === undefined
            ? { kind: "missing", reason: "there is no hello", hint: "Install it" }
            : { kind: "found", paths: ["hello"], bin: [] },
      },
    },
  ],
  ask: [
    { wrong: "throws", change: { ask: fail } },
    { wrong: "answers one question", change: { ask: () => Promise.resolve([{}]) } },
    {
      wrong: "answers in an order of its own",
      change: {
        ask: (questions) =>
          Promise.resolve(
            questions.map(({ entry, target }) => HELLO.contribute(entry, target))
              .toSorted((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1),
          ),
      },
    },
    {
      wrong: "changes its mind",
      change: {
        ask: (questions) => Promise.resolve(questions.map(() => ({ env: { A: `${calls++}` } }))),
      },
    },
  ],
};

Deno.test("a dependency that does what the contract says passes, whether it is asked or not", async () => {
  assert.deepEqual(await problems(HELLO), []);
  assert.deepEqual(await problems(ASKED), []);
});

for (const [method, mutants] of Object.entries(MUTANTS)) {
  for (const { wrong, change } of mutants) {
    Deno.test(`a dependency whose ${method} ${wrong} fails the checks`, async () => {
      const whole = method === "ask" ? ASKED : HELLO;
      assert.notDeepEqual(await problems({ ...whole, ...change }), []);
    });
  }
}

for (
  const { title, change } of [
    { title: "no name", change: { id: "No Name" } },
    { title: "a name of moat's own", change: { id: "ripgrep" } },
    { title: "the name of packages behind a colon", change: { id: "pip" } },
    { title: "a name that looks like one of moat's own", change: { id: "ripgrpe" } },
    { title: "no summary", change: { summary: "" } },
    { title: "a requirement that nobody knows", change: { requires: ["no-such-thing"] } },
    { title: "a stand-in for what nobody knows", change: { expands: ["no-such-thing"] } },
    {
      title: "a default version that it does not have",
      change: { versions: { default: "9", known: [{ version: "1" }], open: false } },
    },
  ] satisfies readonly { title: string; change: Partial<DependencyPlugin> }[]
) {
  Deno.test(`a dependency with ${title} fails the checks`, async () => {
    assert.notDeepEqual(await problems({ ...HELLO, ...change }), []);
  });
}

async function problems(plugin: DependencyPlugin): Promise<readonly string[]> {
  const checks = await checkPlugin(plugin, OWN);
  return checks.flatMap(({ title, problem }) =>
    problem === undefined ? [] : [`${title}: ${problem}`]
  );
}

function fail(): never {
  throw new Error("It is broken");
}
