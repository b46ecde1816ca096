import assert from "node:assert/strict";
import { imageDigest, imageTag } from "./tag.ts";

Deno.test("imageDigest() does not depend on the order of files", () => {
  const a = { content: "a", mode: 0o644 };
  const b = { content: "b", mode: 0o644 };
  assert.equal(imageDigest("FROM x", { a, b }), imageDigest("FROM x", { b, a }));
});

Deno.test("imageDigest() changes with the Dockerfile and each file's path, mode and content", () => {
  const digests = [
    imageDigest("FROM x", {}),
    imageDigest("FROM y", {}),
    imageDigest("FROM x", { a: { content: "a", mode: 0o644 } }),
    imageDigest("FROM x", { b: { content: "a", mode: 0o644 } }),
    imageDigest("FROM x", { a: { content: "b", mode: 0o644 } }),
    imageDigest("FROM x", { a: { content: "a", mode: 0o755 } }),
    imageDigest("FROM x", { a: { content: "", mode: 0o644 }, b: { content: "a", mode: 0o644 } }),
    imageDigest("FROM xa", { "": { content: "a", mode: 0o644 } }),
  ];
  assert.equal(new Set(digests).size, digests.length);
});

Deno.test("imageTag() is a name and 16 hex digits", () => {
  assert.match(imageTag(imageDigest("FROM x", {})), /^moat\/run:[0-9a-f]{16}$/);
});
