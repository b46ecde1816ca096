/**
 * Reads back what an engine made of a container.
 *
 * @module
 */

import type { CallOptions, ContainerState } from "../../core/plugin/runtime.ts";
import { isolationOf } from "./container_body.ts";
import type { Engine } from "./engine.ts";
import { entriesAt, numberAt, textAt, valueAt } from "./json.ts";

/** The container's state, or `undefined` when there is none of that name. */
export async function inspectContainer(
  engine: Engine,
  name: string,
  { signal }: CallOptions = {},
): Promise<ContainerState | undefined> {
  const value = await readContainer(engine, name, { signal });
  return value === undefined ? undefined : parseState(name, value);
}

/** The engine's own description of the container, or `undefined`. */
export async function readContainer(
  engine: Engine,
  name: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<unknown> {
  const { status, value } = await engine.call({
    method: "GET",
    path: `/containers/${encodeURIComponent(name)}/json`,
    doing: `inspect container "${name}"`,
    accept: [404],
    signal,
  });
  return status === 404 ? undefined : value;
}

function parseState(name: string, value: unknown): ContainerState {
  const status = parseStatus(textAt(value, "State", "Status"));
  const isolatedBy = textAt(value, "HostConfig", "Runtime") || "runc";
  const startedAt = parseTime(textAt(value, "State", "StartedAt"));
  const finishedAt = parseTime(textAt(value, "State", "FinishedAt"));
  const addresses = entriesAt(value, "NetworkSettings", "Networks").flatMap(([, network]) =>
    textAt(network, "IPAddress") || []
  );
  return {
    name,
    status,
    ...(status !== "exited" ? {} : {
      exit: {
        code: numberAt(value, "State", "ExitCode") ?? 0,
        oomKilled: valueAt(value, "State", "OOMKilled") === true,
      },
    }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined || status !== "exited" ? {} : { finishedAt }),
    isolation: isolationOf(isolatedBy),
    isolatedBy,
    addresses,
  };
}

function parseStatus(status: string | undefined): ContainerState["status"] {
  if (status === "created") return "created";
  return status === "exited" || status === "dead" || status === "removing" ? "exited" : "running";
}

/** Go's zero time means "never". */
function parseTime(text: string | undefined): Date | undefined {
  if (text === undefined || text.startsWith("0001-")) return undefined;
  return new Date(text);
}
