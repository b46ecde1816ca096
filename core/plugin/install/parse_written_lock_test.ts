import assert from "node:assert/strict";
import { join } from "node:path";
import { createTestHome } from "../../../tests/helpers/test_home.ts";
import { parseWrittenLock } from "./parse_written_lock.ts";
import { formatLock, LOCK_FILE, type LockedPlugin, readLock } from "./plugin_lock.ts";

const DIGEST = `sha256:${"0a".repeat(32)}`;

const PLUGINS: readonly LockedPlugin[] = [
  { id: "a-1", kind: "dependency", version: "1.2.3-rc.1+5", source: "./tools/a-1", digest: DIGEST },
  { id: "b", kind: "dependency", version: "1.10", source: "builtin" },
  { id: "c", kind: "runtime", version: "1.0.0", source: "npm:moat-c@1.0.0", digest: DIGEST },
  {
    id: "d",
    kind: "provider",
    version: "1e3",
    source: "d@0.2.0",
    digest: DIGEST,
    previous: { version: "0.1.0", source: "../d.tgz", digest: DIGEST },
  },
];

Deno.test("a lock as moat writes it is read without YAML, to the same plugins", async () => {
  const text = await formatLock(PLUGINS);
  assert.match(text, /version: "1\.10"/);
  assert.deepEqual(parseWrittenLock(text), PLUGINS);
  assert.deepEqual(await readAsYaml(`${text}# not as moat writes it\n`), PLUGINS);
});

Deno.test("what the quick reader reads, YAML reads the same; all else is left to YAML", async () => {
  const plain = await formatLock(PLUGINS);
  const lines = plain.split("\n");
  const sources = [
    "true",
    "null",
    "~",
    "1",
    "0x1f",
    ".5",
    ".inf",
    "-",
    "yes",
    "a:",
    "a: b",
    "a #b",
    "'a'",
    '"a"',
    "&a",
    "*a",
    "!a b",
    "[a]",
    "{a}",
    "|",
    "a:b",
    "@a",
    "/a/b",
    "~/a",
    "./a b",
    "é",
  ];
  const changed = [
    ...sources.map((source) => plain.replace("./tools/a-1", source)),
    ...[
      "1",
      "01",
      "1_0",
      "0o7",
      "1e3",
      "null",
      '"1.10"',
      "2026-01-31",
      "1.2.3 ",
      '"1',
      '1"',
      '"null"',
      '"a\\x"',
    ].map((version) => plain.replace("1.2.3-rc.1+5", version)),
    // Each line left out, twice, further in, and with a comment.
    ...lines.flatMap((line, index) =>
      [[], [line, line], [`  ${line}`], [`${line} # x`], [`${line}\r`]].map((other) =>
        lines.toSpliced(index, 1, ...other).join("\n")
      )
    ),
    plain.replace("kind: runtime", "kind: other"),
    plain.replace(DIGEST, DIGEST.slice(1)),
    plain.trimEnd(),
    plain.replaceAll("\n", "\r\n"),
    "",
    "plugins: {}\n",
  ];
  let quick = 0;
  for (const one of changed) {
    const read = parseWrittenLock(one);
    if (read === undefined) continue;
    quick++;
    assert.deepEqual(read, await readAsYaml(`${one}# not as moat writes it\n`), one);
  }
  assert(quick > 10 && quick < changed.length / 2, String(quick));
});

/** As YAML, which the comment at its end brings about. */
async function readAsYaml(text: string): Promise<readonly LockedPlugin[]> {
  assert.equal(parseWrittenLock(text), undefined);
  await using home = await createTestHome();
  await Deno.writeTextFile(join(home.directory, LOCK_FILE), text);
  return await readLock(home.directory);
}
