import assert from "node:assert/strict";
import { MoatError } from "../../../core/errors.ts";
import { runScript } from "../../../core/image/dockerfile_text.ts";
import { recipe, unique, Workshop } from "../../../tests/helpers/build_workshop.ts";
import { reportSkip, testEngines } from "../../../tests/helpers/machine.ts";
import { textAt, valueAt } from "../json.ts";

const BASE = "debian:bookworm-slim";

async function rejection(building: Promise<unknown>): Promise<MoatError> {
  try {
    await building;
  } catch (error) {
    assert.ok(error instanceof MoatError, String(error));
    return error;
  }
  assert.fail("The build should have failed");
}

/** Processes on this machine, which is the engine's too, whose command line holds the text. */
async function processesWith(text: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(text)) count++;
  }
  return count;
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!await check()) {
    assert.ok(performance.now() < deadline, `Waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const engines = testEngines();
if (engines.length === 0) reportSkip("needs docker");

for (const target of engines) {
  const test = (name: string, fn: (workshop: Workshop) => Promise<void>, ignore = false) =>
    Deno.test({
      name: `createBuilder() ${name} [${target}]`,
      ignore,
      async fn() {
        await using workshop = new Workshop(target);
        await fn(workshop);
      },
    });

  test("builds with the engine's BuildKit and reports the engine's id and labels", async (shop) => {
    const build = await recipe(["FROM scratch", "COPY a /a", `ENV X=${unique()}`], { "a/b": "b" });
    const { via, imageId } = await shop.build(build);
    assert.equal(via, "buildkit-engine");
    const image = await shop.image(build.tag);
    assert.equal(textAt(image, "Id"), imageId);
    assert.equal(textAt(image, "Config", "Labels", "moat.test"), "build");
  });

  test("notices a change of one byte of equal length", async (shop) => {
    const id = unique();
    for (const word of ["one", "two", "six"]) {
      const build = await recipe([`FROM ${BASE}`, "COPY f /f"], { f: `${id} ${word}\n` });
      await shop.build(build);
      assert.equal(await shop.run(build.tag, "cat", "/f"), `${id} ${word}\n`);
    }
  });

  test("keeps modes, directories and names", async (shop) => {
    const build = await recipe([`FROM ${BASE}`, "COPY t /t"], { "t/a b/é": "1", "t/a.x": "2" });
    const files = { ...build.files, "t/run": { content: "#!/bin/sh\necho ran\n", mode: 0o755 } };
    await shop.build({ ...build, files });
    assert.equal(await shop.run(build.tag, "/t/run"), "ran\n");
    assert.equal(
      await shop.run(build.tag, "sh", "-c", "cd /t && find . -type f | LC_ALL=C sort"),
      "./a b/é\n./a.x\n./run\n",
    );
  });

  test("shows steps with times, and CACHED the second time", async (shop) => {
    const build = await recipe([`FROM ${BASE}`, "COPY f /f", "RUN cat /f"], { f: unique() });
    await shop.build(build);
    assert.ok(shop.lines.some((line) => /^\[3\/3\] RUN cat \/f {2}\d+\.\d s$/.test(line)));
    const sentFirst = shop.sent;
    shop.lines.length = 0;
    await shop.build(build);
    assert.ok(shop.lines.includes("[3/3] RUN cat /f  CACHED"), shop.lines.join("\n"));
    // The engine has that very context; the Dockerfile's copy may still be in use.
    assert.ok(shop.sent <= sentFirst + build.dockerfile.length, `${shop.sent} bytes`);
  });

  test("keeps a COPY cached when another file changed", async (shop) => {
    const lines = [`FROM ${BASE}`, "COPY kept /kept", "COPY changed /changed"];
    const kept = unique();
    await shop.build(await recipe(lines, { kept, changed: "1" }));
    shop.lines.length = 0;
    await shop.build(await recipe(lines, { kept, changed: unique() }));
    assert.ok(shop.lines.includes("[2/3] COPY kept /kept  CACHED"), shop.lines.join("\n"));
    assert.ok(!shop.lines.includes("[3/3] COPY changed /changed  CACHED"));
  });

  test("uses no cached layer when told so", async (shop) => {
    const build = await recipe([`FROM ${BASE}`, "RUN cat /proc/sys/kernel/random/uuid > /id"]);
    await shop.build(build);
    const first = await shop.run(build.tag, "cat", "/id");
    await shop.build(build, { noCache: true });
    assert.notEqual(await shop.run(build.tag, "cat", "/id"), first);
  });

  test("says which line failed, with its command and last output", async (shop) => {
    const build = await recipe([
      "# a comment",
      `FROM ${BASE}`,
      `RUN echo ${unique()} > /x`,
      "RUN for i in $(seq 1 50); do echo out $i; done; \\",
      "  echo oops >&2; exit 7",
      "RUN true",
    ]);
    const { message, hint } = await rejection(shop.build(build));
    assert.match(
      message,
      /^Cannot build image ".+": step 3\/4 failed: exit code 7 \(Dockerfile:4\)\n/,
    );
    assert.match(message, / 5 \| {3}echo oops >&2; exit 7\n/);
    // The engine sends the two streams on their own.
    for (const line of ["out 50", "oops"]) assert.ok(message.includes(`\n  ${line}`), message);
    assert.doesNotMatch(message, /out 3\n/);
    assert.ok(hint);
  });

  test("finds the line of a script with quotes and comments", async (shop) => {
    const script = ': "it\'s"\n# a comment\necho "$PATH" \'\\x\' >/dev/null\nexit 4\n';
    const dockerfile = `FROM ${BASE}\nRUN : ${unique()}\n${runScript(script)}\n`;
    const { message } = await rejection(shop.build({ ...await recipe([dockerfile]), dockerfile }));
    assert.match(message, /step 3\/3 failed: exit code 4 \(Dockerfile:3\)\n/);
  });

  test("says which line cannot be parsed, and which base is missing", async (shop) => {
    const wrong = await rejection(shop.build(await recipe([`FROM ${BASE}`, "FOO bar"])));
    assert.match(wrong.message, /unknown instruction: FOO.* \(Dockerfile:2\)\n {5}2 \| FOO bar/i);
    const missing = await rejection(shop.build(await recipe(["FROM debian:no-such-tag"])));
    assert.match(missing.message, /debian:no-such-tag/);
  });

  test("stops the build in the engine when aborted", async (shop) => {
    const seconds = String(100_000 + Math.floor(Math.random() * 100_000));
    const build = await recipe([`FROM ${BASE}`, `RUN echo started; sleep ${seconds}`]);
    const abort = new AbortController();
    const building = shop.build(build, { signal: abort.signal });
    building.catch(() => {});
    await until("the step", async () => await processesWith(`sleep\0${seconds}`) > 0);
    const reason = new Error("interrupted");
    abort.abort(reason);
    await assert.rejects(building, reason);
    await until("its end", async () => await processesWith(`sleep\0${seconds}`) === 0);
  }, Deno.build.os !== "linux");

  test("sends a large context once, and only what steps use", async (shop) => {
    const megabyte = unique().padEnd(1_000_000, "x");
    const files: Record<string, string> = { "unused.bin": megabyte };
    for (let index = 0; index < 40; index++) files[`big/${index}`] = `${index}${megabyte}`;
    const build = await recipe([`FROM ${BASE}`, "COPY big /big", "RUN true"], files);
    await shop.build(build);
    const expected = 40_000_000;
    assert.ok(shop.sent > expected && shop.sent < expected + 100_000, `${shop.sent} bytes`);
    await shop.build(build);
    assert.ok(shop.sent < expected + 200_000, `${shop.sent} bytes after the second build`);
  });

  test("builds several images at once", async (shop) => {
    const builds = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        recipe([`FROM ${BASE}`, "COPY f /f", "RUN cat /f"], { f: `${n} ${unique()}` })
      ),
    );
    const results = await Promise.all(builds.map((build) => shop.build(build)));
    assert.equal(new Set(results.map(({ imageId }) => imageId)).size, 4);
    for (const [index, { tag }] of builds.entries()) {
      assert.match(await shop.run(tag, "cat", "/f"), new RegExp(`^${index + 1} `));
    }
  });

  test("uses the old builder when BuildKit is switched off, and says so", async (shop) => {
    const mount = "--mount=type=cache,sharing=locked,target=/c";
    const lines = [`FROM ${BASE}`, "COPY d /d", `RUN ${mount} ["cat", "/d/f"]`];
    const build = await recipe(lines, { "d/f": unique() });
    const { via } = await shop.build(build, { env: { MOAT_DISABLE_BUILDKIT: "1" } });
    assert.equal(via, "classic");
    assert.equal(
      shop.lines[0],
      "Building with the engine's old builder: MOAT_DISABLE_BUILDKIT is set",
    );
    assert.equal(
      textAt(valueAt(await shop.image(build.tag), "Config"), "Labels", "moat.test"),
      "build",
    );
    const broken = await recipe([...lines, "RUN echo oops; exit 3"], { "d/f": unique() });
    const failure = await rejection(shop.build(broken, { env: { MOAT_DISABLE_BUILDKIT: "1" } }));
    assert.match(failure.message, /exit code 3 \(Dockerfile:4\)\n[^]*oops$/);
  });
}
