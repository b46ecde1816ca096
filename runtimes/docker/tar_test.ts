import assert from "node:assert/strict";
import { contextTree } from "./buildkit/context_tree.ts";
import { tarOf } from "./tar.ts";

const LONG = `${"d".repeat(90)}/${"f".repeat(95)}`;

async function untar(archive: Uint8Array<ArrayBuffer>, ...args: string[]): Promise<string> {
  const child = new Deno.Command("tar", { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(archive);
  await writer.close();
  const { stdout, stderr, success } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("tarOf() is read by tar: names, modes, sizes, content", async () => {
  const archive = tarOf(contextTree({
    "a/é.txt": { content: "hello\n", mode: 0o640 },
    "run.sh": { content: "x".repeat(513), mode: 0o755 },
    [LONG]: { content: "", mode: 0o644 },
  }));
  assert.equal(archive.length % 512, 0);
  const bytes = new Uint8Array(archive);
  const listing = await untar(bytes, "--quoting-style=literal", "-tvf", "-");
  const rows = listing.trimEnd().split("\n").map((line) => {
    const [mode, , size, , , name] = line.split(/\s+/);
    return [mode, size, name];
  });
  assert.deepEqual(rows, [
    ["drwxr-xr-x", "0", "a/"],
    ["-rw-r-----", "6", "a/é.txt"],
    ["drwxr-xr-x", "0", `${"d".repeat(90)}/`],
    ["-rw-r--r--", "0", LONG],
    ["-rwxr-xr-x", "513", "run.sh"],
  ]);
  assert.equal(await untar(bytes, "-xOf", "-", "a/é.txt"), "hello\n");
});

Deno.test("tarOf() keeps owners, also with ids beyond seven octal digits", async () => {
  const file = { path: "x", mode: 0o600, content: new Uint8Array(0) };
  const archive = tarOf([
    file,
    { ...file, uid: 999, gid: 1000 },
    { ...file, uid: 4_000_000_000, gid: 0 },
  ]);
  const listing = await untar(new Uint8Array(archive), "--numeric-owner", "-tvf", "-");
  const owners = listing.trimEnd().split("\n").map((line) => line.split(/\s+/)[1]);
  assert.deepEqual(owners, ["0/0", "999/1000", "4000000000/0"]);
});

Deno.test("tarOf() refuses a name that the format cannot hold", () => {
  const tree = contextTree({ ["n".repeat(101)]: { content: "", mode: 0o644 } });
  assert.throws(() => tarOf(tree), /its name is too long/);
});
