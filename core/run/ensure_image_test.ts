import assert from "node:assert/strict";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { InterruptedError } from "../errors.ts";
import type { ImageBuild, Images } from "../plugin/runtime.ts";
import { ensureImage } from "./ensure_image.ts";
import type { ImagePlan } from "./plan.ts";

const BUILD: ImagePlan = {
  kind: "build",
  tag: "moat/run:0123456789abcdef",
  base: "debian:bookworm-slim",
  dockerfile: "FROM debian:bookworm-slim\n",
  files: {},
  digest: "0123",
  rebuild: false,
};
const never = new AbortController().signal;

/** Images whose builds end when `finish` is called. */
function createImages(present: readonly string[] = []) {
  const tags = new Set(present);
  const builds: ImageBuild[] = [];
  const pulls: string[] = [];
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const images: Images = {
    exists: (ref) => Promise.resolve(tags.has(ref)),
    id: (ref) => Promise.resolve(tags.has(ref) ? `sha256:${ref}` : undefined),
    pull(ref) {
      pulls.push(ref);
      tags.add(ref);
      return Promise.resolve();
    },
    async build(build) {
      builds.push(build);
      begun.resolve();
      await gate.promise;
      tags.add(build.tag);
      return { imageId: "sha256:1", via: "other" };
    },
    listOwn: () => Promise.resolve([]),
    untag: () => Promise.resolve(true),
  };
  return { images, builds, pulls, begun: begun.promise, finish: () => gate.resolve() };
}

Deno.test("ensureImage() pulls only what is not there", async () => {
  await using home = await createTestHome();
  const { images, pulls } = createImages(["debian:bookworm-slim"]);
  const options = { images, paths: home.paths, signal: never };
  await ensureImage({ kind: "base", ref: "debian:bookworm-slim" }, options);
  await ensureImage({ kind: "base", ref: "node:22-slim" }, options);
  assert.deepEqual(pulls, ["node:22-slim"]);
});

Deno.test("ensureImage() from eight runs at once builds once, labelled as an image of moat", async () => {
  await using home = await createTestHome();
  const { images, builds, finish } = createImages();
  const options = { images, paths: home.paths, signal: never };
  const waiting = Array.from({ length: 8 }, () => ensureImage(BUILD, options));
  finish();
  await Promise.all(waiting);
  assert.deepEqual(builds.map(({ tag, labels }) => [tag, labels]), [
    [BUILD.kind === "build" && BUILD.tag, { "moat.image": "1" }],
  ]);
});

Deno.test("ensureImage() builds what exists only to rebuild it", async () => {
  await using home = await createTestHome();
  const { images, builds, finish } = createImages(["moat/run:0123456789abcdef"]);
  finish();
  const options = { images, paths: home.paths, signal: never };
  await ensureImage(BUILD, options);
  assert.equal(builds.length, 0);
  await ensureImage({ ...BUILD, rebuild: true }, options);
  assert.equal(builds.length, 1);
});

Deno.test("ensureImage() stops waiting for another's build when interrupted", async () => {
  await using home = await createTestHome();
  const { images, begun, finish } = createImages();
  const first = ensureImage(BUILD, { images, paths: home.paths, signal: never });
  await begun;
  const controller = new AbortController();
  const second = ensureImage(BUILD, { images, paths: home.paths, signal: controller.signal });
  controller.abort(new InterruptedError());
  await assert.rejects(second, InterruptedError);
  finish();
  await first;
});
