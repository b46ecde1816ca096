/**
 * Makes a sandbox's directory with the files that it will see; starts nothing.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { MoatError } from "../../core/errors.ts";
import type { ContainerSpec } from "../../core/plugin/runtime.ts";
import { writeAuthorityFiles } from "./authority_files.ts";
import { checkMountPoints } from "./check_mount_points.ts";
import { etcFiles } from "./etc_files.ts";
import { relayDirectory } from "./network/contract.ts";
import { HOME, volumeSource } from "./sandbox_layout.ts";
import { type Backend, type SandboxPaths, type SandboxRecord, writeJson } from "./sandbox_state.ts";
import { isThere, removeIfThere } from "../../core/store/files.ts";

/** Options of {@linkcode createSandbox}. */
export interface CreateSandboxOptions {
  readonly paths: SandboxPaths;
  readonly volumes: string;
  readonly backend: Backend;
  /** Root's sandbox for another user: volumes become theirs. */
  readonly switchesUser: boolean;
  /** Makes what else it needs in its directory. */
  readonly prepare?: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** Creates it. Removes what it made when it throws. @throws MoatError when the name is taken */
export async function createSandbox(
  spec: ContainerSpec,
  { paths, volumes, backend, switchesUser, prepare, signal }: CreateSandboxOptions,
): Promise<void> {
  signal?.throwIfAborted();
  if (spec.image !== undefined) {
    throw new MoatError(`Cannot create sandbox "${spec.name}": this runtime has no images`);
  }
  await checkMountPoints(spec.mounts);
  await makeDirectory(spec.name, paths);
  try {
    await writeEtc(spec, paths);
    await prepareVolumes(spec, {
      volumes,
      directory: paths.directory,
      ...(switchesUser ? { owner: { uid: spec.uid, gid: spec.gid } } : {}),
    });
    await prepare?.();
    const record: SandboxRecord = {
      name: spec.name,
      labels: spec.labels,
      backend,
      detached: spec.detached,
      uid: spec.uid,
      gid: spec.gid,
      createdAt: new Date().toISOString(),
    };
    await writeJson(paths.record, record);
    signal?.throwIfAborted();
  } catch (error) {
    await removeIfThere(paths.directory);
    throw error;
  }
}

async function makeDirectory(name: string, { directory }: SandboxPaths): Promise<void> {
  await Deno.mkdir(dirname(directory), { recursive: true, mode: 0o700 });
  try {
    await Deno.mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new MoatError(`Cannot create sandbox "${name}": it exists already`);
  }
}

/** Readable to all: root may run the command as somebody else. The directory around is not. */
async function writeEtc(spec: ContainerSpec, paths: SandboxPaths): Promise<void> {
  for (const path of [paths.etc, paths.root, relayDirectory(paths.directory)]) {
    await Deno.mkdir(path);
    await Deno.chmod(path, 0o755);
  }
  const shell = await isThere("/bin/bash") ? "/bin/bash" : "/bin/sh";
  for (const [name, text] of Object.entries(etcFiles(spec, { shell, home: HOME }))) {
    await Deno.writeTextFile(join(paths.etc, name), text);
    await Deno.chmod(join(paths.etc, name), 0o644);
  }
  await writeAuthorityFiles(spec.authority, paths.directory);
}

interface VolumePlaces {
  readonly volumes: string;
  readonly directory: string;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

async function prepareVolumes({ mounts }: ContainerSpec, places: VolumePlaces): Promise<void> {
  for (const mount of mounts) {
    if (mount.kind !== "volume") continue;
    const data = volumeSource(mount, places);
    if (mount.source === "") await Deno.mkdir(data, { recursive: true, mode: 0o700 });
    else if (!await isThere(data)) {
      throw new MoatError(`Cannot mount volume "${mount.source}": it was not created`);
    }
    if (places.owner !== undefined) await Deno.chown(data, places.owner.uid, places.owner.gid);
  }
}
