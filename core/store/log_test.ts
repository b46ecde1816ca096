import assert from "node:assert/strict";
import { join } from "node:path";
import type { LoggedChunk, OutputChunk, OutputStream } from "../plugin/runtime.ts";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { openLogWriter } from "./log_writer.ts";
import { type LogEntry, readLog, type ReadLogOptions } from "./read_log.ts";

const encoder = new TextEncoder();

function chunk(text: string | Uint8Array, stream: OutputStream = "stdout"): OutputChunk {
  return { stream, data: typeof text === "string" ? encoder.encode(text) : text };
}

function logged(text: string, cursor: string): LoggedChunk {
  return { ...chunk(text), time: new Date("2025-01-01T00:00:00Z"), cursor };
}

async function write(logs: string, chunks: readonly OutputChunk[], maxBytes?: number) {
  await using writer = await openLogWriter({ logs }, maxBytes === undefined ? {} : { maxBytes });
  for (const one of chunks) await writer.write(one);
}

async function read(logs: string, options: ReadLogOptions = {}): Promise<readonly LogEntry[]> {
  return await Array.fromAsync(readLog({ logs }, options));
}

async function text(logs: string, options: ReadLogOptions = {}): Promise<string> {
  const decoder = new TextDecoder();
  const entries = await read(logs, options);
  return entries.map(({ data }) => decoder.decode(data, { stream: true })).join("");
}

async function files(logs: string): Promise<string> {
  const names = [...Deno.readDirSync(logs)].map(({ name }) => name).toSorted();
  return (await Promise.all(names.map((name) => Deno.readTextFile(join(logs, name))))).join("");
}

Deno.test("readLog() gives back streams, times and bytes in order", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  await write(logs, [chunk("out\n"), chunk("err\n", "stderr"), chunk("partial")]);
  const entries = await read(logs);
  assert.deepEqual(entries.map(({ stream }) => stream), ["stdout", "stderr", "stdout"]);
  assert.equal(await text(logs), "out\nerr\npartial");
  assert(Date.now() - (entries[0]?.time.getTime() ?? 0) < 60_000);
});

Deno.test("readLog() of a log that is not there is empty", async () => {
  await using home = await createTestHome();
  assert.deepEqual(await read(join(home.directory, "none")), []);
});

Deno.test("log files keep characters that were split over chunks as text", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  const bytes = encoder.encode("ä€😀 end\n");
  await write(logs, Array.from(bytes, (byte) => chunk(Uint8Array.of(byte))));
  assert.equal(await text(logs), "ä€😀 end\n");
  assert(!(await files(logs)).includes("base64"));
});

Deno.test("log files hold what is not UTF-8 as base64, byte for byte", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7 + index % 13) % 256);
  await write(logs, [chunk(bytes), chunk(Uint8Array.of(0xe2, 0x82))]);
  const all = (await read(logs)).flatMap(({ data }) => [...data]);
  assert.deepEqual(Uint8Array.from(all), Uint8Array.from([...bytes, 0xe2, 0x82]));
  assert((await files(logs)).includes('"e":"base64"'));
});

Deno.test("readLog() gives a line of 10 MB whole", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  const line = "x".repeat(10_000_000) + "\n";
  await write(logs, [chunk("first\n"), chunk(line)]);
  assert.equal(await text(logs), "first\n" + line);
  assert.equal(await text(logs, { tail: 1 }), line);
});

for (
  const { log, tail, expected } of [
    { log: ["a\nb\nc\n"], tail: 2, expected: "b\nc\n" },
    { log: ["a\nb\nc"], tail: 2, expected: "b\nc" },
    { log: ["a\nb", "b\nc", "c\n"], tail: 2, expected: "bb\ncc\n" },
    { log: ["a\n", "\n", "\n"], tail: 2, expected: "\n\n" },
    { log: ["a\nb\n"], tail: 0, expected: "" },
    { log: ["a\nb\n"], tail: 9, expected: "a\nb\n" },
    { log: ["a\n", "b\n"], tail: 1, expected: "b\n" },
    { log: [], tail: 3, expected: "" },
  ]
) {
  Deno.test(`readLog() gives the last ${tail} lines of ${JSON.stringify(log)}`, async () => {
    await using home = await createTestHome();
    const logs = join(home.directory, "logs");
    await write(logs, log.map((part) => chunk(part)));
    assert.equal(await text(logs, { tail }), expected);
  });
}

Deno.test("readLog() counts the last lines over segments and streams", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`);
  for (let at = 0; at < lines.length; at += 50) {
    const part = lines.slice(at, at + 50);
    await write(logs, part.map((line, i) => chunk(line, i % 2 ? "stderr" : "stdout")), 8 * 50_000);
  }
  assert([...Deno.readDirSync(logs)].length > 1);
  assert.equal(await text(logs, { tail: 1234 }), lines.slice(-1234).join(""));
});

Deno.test("readLog() leaves out what is older than `since`", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  await using writer = await openLogWriter({ logs });
  await writer.write(chunk("old\n"), new Date("2025-01-01T00:00:00Z"));
  await writer.write(chunk("new\n"), new Date("2025-01-02T00:00:00Z"));
  await writer[Symbol.asyncDispose]();
  assert.equal(await text(logs, { since: new Date("2025-01-01T12:00:00Z") }), "new\n");
});

Deno.test("openLogWriter() drops the oldest output and readers say so", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  for (let round = 0; round < 200; round++) {
    await write(logs, [chunk(`${round} ${"x".repeat(1000)}\n`)], 64_000);
  }
  const entries = await read(logs);
  assert.equal(entries[0]?.stream, "moat");
  assert.match(new TextDecoder().decode(entries[0]?.data), /^Older output was dropped/);
  assert(new TextDecoder().decode(entries.at(-1)?.data).startsWith("199 "));
  const kept = (await files(logs)).length;
  assert(kept > 48_000 && kept < 72_000, `${kept} bytes kept`);
});

Deno.test("openLogWriter() goes on behind an unfinished line, which readers skip", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  await write(logs, [logged("one\n", "c1"), logged("two\n", "c2")]);
  const path = join(logs, "000001.jsonl");
  const whole = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, whole.slice(0, -10));
  assert.equal(await text(logs), "one\n");
  await using writer = await openLogWriter({ logs });
  assert.equal(writer.lastCursor, "c1");
  await writer.write(logged("two\n", "c2"));
  await writer[Symbol.asyncDispose]();
  assert.equal(await text(logs), "one\ntwo\n");
});

Deno.test("openLogWriter() keeps a cursor only where everything before it is in the file", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  const euro = encoder.encode("€");
  const half = { ...logged("", "c7"), data: euro.slice(0, 2) };
  const rest = { ...logged("", "c8"), data: euro.slice(2) };
  await write(logs, [half]);
  await using writer = await openLogWriter({ logs });
  assert.equal(writer.lastCursor, "c7");
  await writer.write(rest);
  await writer[Symbol.asyncDispose]();
  assert.equal(await text(logs), "€");
});

Deno.test("readLog() follows until the run ends and misses nothing", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  let live = true;
  const reading = text(logs, { follow: true, isLive: () => live });
  const expected: string[] = [];
  await using writer = await openLogWriter({ logs }, { maxBytes: 80_000 });
  for (let index = 0; index < 300; index++) {
    expected.push(`${index} ${"y".repeat(100)}\n`);
    await writer.write(chunk(expected[index] ?? ""));
    if (index % 50 === 0) await Promise.resolve();
  }
  await writer[Symbol.asyncDispose]();
  live = false;
  assert.equal(await reading, expected.join(""));
});

Deno.test("readLog() stops following when the signal says so", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  await write(logs, [chunk("x\n")]);
  const controller = new AbortController();
  const seen: string[] = [];
  for await (const { data } of readLog({ logs }, { follow: true, signal: controller.signal })) {
    seen.push(new TextDecoder().decode(data));
    controller.abort();
  }
  assert.deepEqual(seen, ["x\n"]);
});

Deno.test("openLogWriter() shows output to a follower while it is open", async () => {
  await using home = await createTestHome();
  const logs = join(home.directory, "logs");
  await using writer = await openLogWriter({ logs });
  await writer.write(chunk("live\n"));
  for await (const { data } of readLog({ logs }, { follow: true })) {
    assert.equal(new TextDecoder().decode(data), "live\n");
    break;
  }
});
