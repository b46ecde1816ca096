/**
 * What a run's owner answers to other processes over its socket while the run lives.
 *
 * @module
 */

import { join } from "node:path";
import { serveControl } from "../daemon/control.ts";
import { prepareSocketPath } from "../daemon/socket_path.ts";
import { MoatError } from "../errors.ts";
import { beginStop } from "./begin_stop.ts";
import type { OwnedRun } from "./owned_run.ts";

/** The answering end of a run that the CLI owns. */
export interface OwnerServer extends AsyncDisposable {
  /** From now on a request to stop stops the container. */
  started(): void;
}

/** Options of {@linkcode serveOwner}. */
export interface ServeOwnerOptions {
  /** Called when the run is to stop before its command has started. */
  beforeStart(reason: MoatError): void;
}

/** Begins to answer, at a path that the store knows. */
export async function serveOwner(
  run: OwnedRun,
  { beforeStart }: ServeOwnerOptions,
): Promise<OwnerServer> {
  const { store, files, record } = run;
  const path = await prepareSocketPath(join(files.directory, "owner.sock"));
  let hasStarted = false;
  const server = serveControl(path, async ({ method, graceMs }) => {
    if (method !== "stop") throw new MoatError(`Cannot ask the owner "${method}": it is unknown`);
    if (hasStarted) await beginStop(run, { reason: "stopped", graceMs: Number(graceMs) || 0 });
    else beforeStart(new MoatError(`Cannot start run "${record.name}": it was stopped`));
    return {};
  });
  store.setNote(record.id, "socket", path);
  return {
    started() {
      hasStarted = true;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
    },
  };
}
