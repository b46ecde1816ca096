/**
 * The backend that has bubblewrap build the same layout.
 *
 * Options of bubblewrap 0.8 are used; an older one fails the trial and is not taken.
 *
 * @module
 */

import { BOOTSTRAP } from "./script/common_script.ts";
import { initProgram } from "./script/init_script.ts";
import type { Operation, SandboxLayout } from "./sandbox_layout.ts";
import type { Launch, LaunchOptions } from "./unshare.ts";
import type { Wall } from "./walls.ts";

/** Plans the start of a sandbox with bubblewrap. Pure. */
export function bubblewrapLaunch(
  layout: SandboxLayout,
  { arch, program }: Pick<LaunchOptions, "arch"> & { readonly program: string },
): Launch {
  const has = (wall: Wall) => !layout.without.includes(wall);
  const when = (condition: boolean, ...words: readonly string[]) => condition ? words : [];
  return {
    command: [
      ...when(has("session"), "setsid"),
      program,
      "--unshare-user",
      ...when(has("processes"), "--unshare-pid", "--as-pid-1"),
      ...when(has("ipc"), "--unshare-ipc"),
      ...when(has("hostname"), "--unshare-uts", "--hostname", layout.hostname),
      ...when(has("cgroup"), "--unshare-cgroup"),
      ...when(layout.privateNetwork && has("network"), "--unshare-net"),
      ...when(has("nested namespaces"), "--disable-userns"),
      ...when(has("capabilities"), "--cap-drop", "ALL"),
      ...when(has("session"), "--new-session"),
      ...when(layout.attached, "--die-with-parent"),
      ...["--uid", String(layout.uid), "--gid", String(layout.gid)],
      ...["--info-fd", "3"],
      ...layout.operations.flatMap(operationWords),
      ...["--chdir", "/", "--", "/usr/bin/perl", "-e", BOOTSTRAP],
    ],
    frames: [initProgram(layout, arch)],
  };
}

function operationWords(operation: Operation): readonly string[] {
  const { target } = operation;
  switch (operation.kind) {
    case "bind":
      // Only when a test takes the wall of devices out.
      return [operation.source === "/dev" ? "--dev-bind" : "--bind", operation.source, target];
    case "bind-read-only":
      return ["--ro-bind", operation.source, target];
    case "link":
      return ["--symlink", operation.text, target];
    case "directory":
      return ["--perms", operation.mode, "--dir", target];
    case "tmpfs":
      return ["--perms", operation.mode, "--tmpfs", target];
    case "proc":
      return ["--proc", target];
    case "devices":
      return ["--dev", target, "--perms", "1777", "--tmpfs", "/dev/shm"];
    case "read-only":
      return ["--ro-bind", target, target];
    case "mask":
      return isDirectoryMask(target)
        ? ["--perms", "0555", "--tmpfs", target, "--remount-ro", target]
        : ["--ro-bind", "/dev/null", target];
    case "seal":
      return ["--remount-ro", target];
  }
}

function isDirectoryMask(target: string): boolean {
  return ["/proc/acpi", "/proc/asound", "/proc/pressure", "/proc/scsi"].includes(target);
}
