import assert from "node:assert/strict";
import { MoatError } from "../../../core/errors.ts";
import { recipe, unique, Workshop } from "../../../tests/helpers/build_workshop.ts";
import { reportSkip, testEngines } from "../../../tests/helpers/machine.ts";
import { connectTo } from "../connect_engine.ts";
import { textAt } from "../json.ts";
import { contextTree } from "./context_tree.ts";
import { needsLoopback } from "./grpc_joint.ts";
import { reachByPriorKnowledge } from "./reach_buildkit.ts";
import { loadServices } from "./services.ts";
import { startSession } from "./session.ts";
import { solve } from "./solve.ts";
import { speaksHttp2 } from "./speaks_http2.ts";

const BASE = "debian:bookworm-slim";
const IMAGE = "moby/buildkit:latest";
const engines = testEngines();

async function docker(...args: string[]): Promise<{ ok: boolean; text: string }> {
  const host = engines[0] ?? "";
  const { success, stdout, stderr } = await new Deno.Command("docker", {
    args: ["-H", host, ...args],
  }).output();
  const decoder = new TextDecoder();
  return { ok: success, text: (success ? decoder.decode(stdout) : decoder.decode(stderr)).trim() };
}

/** A BuildKit in a container of the first engine, or the one that MOAT_TEST_BUILDKIT names. */
async function startBuildkit(): Promise<{ host: string } & AsyncDisposable> {
  const given = Deno.env.get("MOAT_TEST_BUILDKIT");
  if (given) return { host: given, [Symbol.asyncDispose]: () => Promise.resolve() };
  const name = `moat-test-buildkit-${unique()}`;
  const publish = ["-p", "127.0.0.1::1234"];
  const options = ["--detach", "--privileged", "--name", name, ...publish];
  const started = await docker("run", ...options, IMAGE, "--addr", "tcp://0.0.0.0:1234");
  assert.ok(started.ok, started.text);
  const { text: address } = await docker("port", name, "1234/tcp");
  const buildkit = {
    host: `tcp://${address}`,
    async [Symbol.asyncDispose]() {
      await docker("rm", "--force", "--volumes", name);
    },
  };
  const deadline = performance.now() + 20_000;
  for (;;) {
    const { text } = await docker("logs", name);
    const ready = await docker(
      "exec",
      name,
      "buildctl",
      "--addr",
      "tcp://127.0.0.1:1234",
      "debug",
      "workers",
    );
    if (ready.ok) return buildkit;
    assert.ok(performance.now() < deadline, text);
  }
}

async function hasBuildkit(): Promise<boolean> {
  if (engines.length === 0) return false;
  if (Deno.env.has("MOAT_TEST_BUILDKIT")) return true;
  return (await docker("image", "inspect", IMAGE)).ok;
}

const ignore = needsLoopback() || !await hasBuildkit();
if (ignore) reportSkip(`needs docker with ${IMAGE}`);

for (const target of engines) {
  Deno.test({
    name: `createBuilder() builds over BUILDKIT_HOST and loads into [${target}]`,
    ignore,
    async fn(t) {
      await using buildkit = await startBuildkit();
      const env = { BUILDKIT_HOST: buildkit.host };
      await using shop = new Workshop(target);

      await t.step("a small image, with its labels", async () => {
        const text = unique();
        const build = await recipe([`FROM ${BASE}`, "COPY f /f"], { f: text });
        const { via, imageId } = await shop.build(build, { env });
        assert.equal(via, "buildkit-remote");
        const image = await shop.image(build.tag);
        assert.equal(textAt(image, "Id"), imageId);
        assert.equal(textAt(image, "Config", "Labels", "moat.test"), "build");
        assert.equal(await shop.run(build.tag, "cat", "/f"), text);
      });

      await t.step("an image of 48 MB that does not compress", async () => {
        const lines = [
          `FROM ${BASE}`,
          "RUN head -c 48000000 /dev/urandom > /big",
          `RUN : ${unique()}`,
        ];
        const build = await recipe(lines);
        await shop.build(build, { env });
        assert.equal(await shop.run(build.tag, "stat", "-c", "%s", "/big"), "48000000\n");
      });

      await t.step("a failure with its line", async () => {
        const build = await recipe([`FROM ${BASE}`, `RUN echo ${unique()}; exit 5`]);
        await assert.rejects(shop.build(build, { env }), (error: unknown) => {
          assert.ok(error instanceof MoatError);
          assert.match(error.message, /step 2\/2 failed: exit code 5 \(Dockerfile:2\)/);
          return true;
        });
      });

      await t.step("stopped when aborted", async () => {
        const build = await recipe([`FROM ${BASE}`, `RUN echo ${unique()}; sleep 600`]);
        const abort = new AbortController();
        const reason = new Error("interrupted");
        shop.lines.length = 0;
        const building = shop.build(build, {
          env,
          signal: abort.signal,
          progress: {
            update: (_id, text) => text.includes("sleep 600") ? abort.abort(reason) : undefined,
            done: () => {},
          },
        });
        await assert.rejects(building, reason);
      });
    },
  });
}

for (const target of engines) {
  const connect = connectTo({ url: target });
  const speaks = await speaksHttp2(connect, { signal: undefined });
  if (!speaks) reportSkip("needs an engine that speaks HTTP/2 without an upgrade");
  Deno.test({
    name: `reachByPriorKnowledge() builds without an upgrade [${target}]`,
    ignore: !speaks,
    async fn() {
      const services = await loadServices();
      const text = unique();
      const dockerfile = { content: `FROM scratch\nCOPY f /f\n`, mode: 0o644 };
      let sent = 0;
      const session = await startSession(services, {
        sharedKey: text,
        modTime: 1n,
        trees: {
          dockerfile: contextTree({ Dockerfile: dockerfile }),
          context: contextTree({ f: { content: text, mode: 0o644 } }),
        },
        onSent: (size) => sent += size,
      });
      await using buildkit = await reachByPriorKnowledge(connect, services);
      const serving = buildkit.attach(session);
      await using shop = new Workshop(target);
      const { tag } = await recipe([text]);
      shop.removeLater(tag);
      await solve({ services, client: buildkit.client }, {
        session: session.id,
        frontendAttributes: {},
        exporter: "moby",
        exporterAttributes: { name: tag },
      }, { onStatus: () => {}, signal: undefined });
      await session[Symbol.asyncDispose]();
      await serving;
      assert.ok(textAt(await shop.image(tag), "Id"));
      assert.equal(sent, dockerfile.content.length + text.length);
    },
  });
}
