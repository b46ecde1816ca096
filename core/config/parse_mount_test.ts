import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { parseMount } from "./parse_mount.ts";

const GOOD: readonly (readonly [string, readonly [string, string, boolean]])[] = [
  ["./a:/a", ["./a", "/a", false]],
  ["~/.ssh:/ssh:ro", ["~/.ssh", "/ssh", true]],
  ["/a:/a//b/:rw", ["/a", "/a/b", false]],
  ["a b:/workspace/c", ["a b", "/workspace/c", false]],
];

for (const [text, [source, target, readOnly]] of GOOD) {
  Deno.test(`parseMount() takes ${text}`, () => {
    assert.deepEqual(parseMount(text), { source, target, readOnly, exclude: [] });
  });
}

const BAD = [
  "",
  "./a",
  ":/a",
  "./a:a",
  "./a:/",
  "./a://",
  "./a:/workspace",
  "./a:/workspace/",
  "./a:/b/../workspace",
  "./a:/proc",
  "./a:/proc/sys",
  "./a:/sys/fs/cgroup",
  "./a:/dev/",
  "./a:/b:rx",
  "./a:/b:ro:z",
  "./a:/b\n/c",
];

for (const text of BAD) {
  Deno.test(`parseMount() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseMount(text), (error) => error instanceof UsageError && !!error.hint);
  });
}
