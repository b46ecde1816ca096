import assert from "node:assert/strict";
import { requestWith } from "../../tests/helpers/requests.ts";
import type { RunRequest } from "../run/request.ts";
import { protectedMounts } from "./protected_mounts.ts";

function mounts(
  project: Partial<RunRequest["project"]>,
  changes: Partial<RunRequest> = {},
): string[] {
  const path = "/home/ann/shop";
  const whole = { path, uid: 1, gid: 1, hasGit: false, configFiles: [], ...project };
  return protectedMounts(requestWith({ project: whole, ...changes }), "/workspace").map((
    { kind, source, target, readOnly },
  ) => `${kind} ${source} ${target} ${readOnly ? "ro" : "rw"}`);
}

Deno.test("protectedMounts() keeps the configuration files that exist", () => {
  assert.deepEqual(mounts({}), []);
  assert.deepEqual(mounts({ configFiles: ["moat.yaml", "moat.lock"] }), [
    "bind /home/ann/shop/moat.yaml /workspace/moat.yaml ro",
    "bind /home/ann/shop/moat.lock /workspace/moat.lock ro",
  ]);
});

Deno.test("protectedMounts() makes .git a mount point before its hooks", () => {
  assert.deepEqual(mounts({ hasGit: true, gitHooks: true }), [
    "bind /home/ann/shop/.git /workspace/.git rw",
    "bind /home/ann/shop/.git/hooks /workspace/.git/hooks ro",
  ]);
  assert.deepEqual(mounts({ hasGit: true, gitHooks: false }), [
    "bind /home/ann/shop/.git /workspace/.git rw",
  ]);
});

const WORKTREE = { gitFile: true, gitHooks: true, gitCommonDir: "/home/ann/repo/.git" };

Deno.test("protectedMounts() mounts the repository of a worktree at its own path", () => {
  assert.deepEqual(mounts(WORKTREE), [
    "bind /home/ann/shop/.git /workspace/.git ro",
    "bind /home/ann/repo/.git /home/ann/repo/.git rw",
    "bind /home/ann/repo/.git/hooks /home/ann/repo/.git/hooks ro",
  ]);
});

Deno.test("protectedMounts() protects nothing with --allow-config-write", () => {
  const allowed = { allowConfigWrite: true };
  assert.deepEqual(
    mounts({ hasGit: true, gitHooks: true, configFiles: ["moat.yaml"] }, allowed),
    [],
  );
  assert.deepEqual(mounts(WORKTREE, allowed), ["bind /home/ann/repo/.git /home/ann/repo/.git rw"]);
});
