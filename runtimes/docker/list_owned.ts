/**
 * Lists what the runs of one home have on an engine.
 *
 * @module
 */

import { LABEL, type Role, runIdFromLabels } from "../../core/ids.ts";
import type { CallOptions, OwnedResource, ResourceKind } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { listAt, textAt, textsAt } from "./json.ts";

const ROLES: readonly Role[] = ["run", "service", "sidecar", "network", "volume", "probe"];

/** Containers, networks and volumes whose labels name this home and a run. */
export async function listOwned(
  engine: Engine,
  home: string,
  options: CallOptions = {},
): Promise<readonly OwnedResource[]> {
  const lists = await Promise.all([
    listKind(engine, "container", { ...options, home }),
    listKind(engine, "network", { ...options, home }),
    listKind(engine, "volume", { ...options, home }),
  ]);
  return lists.flat();
}

async function listKind(
  engine: Engine,
  kind: ResourceKind,
  { home, signal }: { readonly home: string } & CallOptions,
): Promise<readonly OwnedResource[]> {
  const { value } = await engine.call({
    method: "GET",
    path: kind === "container" ? "/containers/json" : `/${kind}s`,
    query: {
      filters: JSON.stringify({ label: [`${LABEL.home}=${home}`] }),
      all: kind === "container" ? true : undefined,
    },
    doing: `list ${kind}s`,
    signal,
  });
  const items = kind === "volume" ? listAt(value, "Volumes") : listAt(value);
  return items.flatMap((item) => {
    const labels = textsAt(item, "Labels");
    const runId = runIdFromLabels(labels, home);
    const role = ROLES.find((known) => known === labels[LABEL.role]);
    const name = kind === "container" ? containerName(item) : textAt(item, "Name");
    if (runId === undefined || role === undefined || name === undefined) return [];
    return [{ kind, name, runId, role, running: textAt(item, "State") === "running" }];
  });
}

function containerName(item: unknown): string | undefined {
  const first = listAt(item, "Names")[0];
  return typeof first === "string" ? first.replace(/^\//, "") : undefined;
}
