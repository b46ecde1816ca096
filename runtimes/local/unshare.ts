/**
 * The backend that needs nothing but the kernel and Perl: unshare(2), mounts, pivot_root.
 *
 * @module
 */

import { BOOTSTRAP, commonScript, fields } from "./script/common_script.ts";
import { initProgram } from "./script/init_script.ts";
import { SETUP_SCRIPT } from "./script/setup_script.ts";
import type { Operation, SandboxLayout } from "./sandbox_layout.ts";

/** How a backend is started: a program, and the frames it gets before its orders. */
export interface Launch {
  readonly command: readonly string[];
  readonly frames: readonly string[];
}

/** Options of both backends' launches. */
export interface LaunchOptions {
  readonly arch: "amd64" | "arm64";
  /** An empty directory of the sandbox's own, where the new root is put together. */
  readonly root: string;
}

/** Plans the start of a sandbox with `unshare`. Pure. */
export function unshareLaunch(layout: SandboxLayout, { arch, root }: LaunchOptions): Launch {
  const flag = (value: boolean) => value ? "1" : "";
  return {
    command: ["/usr/bin/perl", "-e", BOOTSTRAP],
    frames: [
      commonScript(arch) + SETUP_SCRIPT,
      fields([
        flag(layout.privateNetwork),
        flag(layout.switchesUser),
        String(layout.uid),
        String(layout.gid),
        flag(layout.attached),
        layout.hostname,
        root,
        layout.without.map((wall) => wall.replaceAll(" ", "-")).join(","),
        ...layout.operations.flatMap(operationFields),
      ]),
      BOOTSTRAP,
      initProgram(layout, arch),
    ],
  };
}

function operationFields(operation: Operation): readonly string[] {
  const { kind, target } = operation;
  switch (operation.kind) {
    case "bind":
    case "bind-read-only":
      return [kind, operation.source, target, ""];
    case "link":
      return [kind, operation.text, target, ""];
    case "directory":
    case "tmpfs":
      return [kind, "", target, operation.mode];
    case "proc":
    case "devices":
    case "read-only":
    case "mask":
    case "seal":
      return [kind, "", target === "/" ? "" : target, ""];
  }
}
