/**
 * The services of a run as `moat service ls` shows them.
 *
 * @module
 */

import type { CompanionPlan, ServicePlan } from "../run/plan.ts";
import type { Paths } from "../store/paths.ts";
import type { RunRecord, ServiceState } from "../store/run_record.ts";
import { isLive } from "../run/states.ts";
import { shownState, stateAfterRun } from "./describe_run.ts";
import { alignColumns } from "./table.ts";

/** One service; keys are always there, `null` where there is nothing. */
export interface ServiceDescription {
  readonly name: string;
  readonly kind: "service" | "sidecar";
  /** `planned`: not begun; `stopped`: ended with its run; `orphaned`: nobody looks after the run. */
  readonly state: ServiceState | "planned" | "stopped" | "orphaned";
  /** `null` for a server of this machine. */
  readonly image: string | null;
  readonly port: number | null;
  /** The engine's name for it. */
  readonly container: string;
  /** Where its data comes from: `fresh`, `template` or `keep`. */
  readonly data: string | null;
  /** The volume of kept data. */
  readonly volume: string | null;
}

/** Describes them all, from the record alone. */
export async function listServices(
  record: RunRecord,
  paths: Paths,
): Promise<readonly ServiceDescription[]> {
  const run = await shownState(record, paths);
  const states = new Map(record.services?.map(({ name, state }) => [name, state]));
  const describe = (companion: CompanionPlan | ServicePlan, kind: ServiceDescription["kind"]) => {
    const data = "data" in companion ? companion.data : undefined;
    return {
      name: companion.name,
      kind,
      state: run === "orphaned"
        ? run
        : isLive(run)
        ? states.get(companion.name) ?? "planned"
        : stateAfterRun(states.get(companion.name)),
      image: companion.image ?? null,
      port: "port" in companion ? companion.port : null,
      container: companion.container,
      data: data?.source ?? null,
      volume: data?.volume ?? null,
    } satisfies ServiceDescription;
  };
  const { services, sidecars } = record.plan;
  return [
    ...services.map((service) => describe(service, "service")),
    ...sidecars.map((sidecar) => describe(sidecar, "sidecar")),
  ];
}

/** The table. */
export function renderServices(services: readonly ServiceDescription[]): string {
  const rows = services.map(({ name, state, image, port, volume, data }) => [
    name,
    state,
    image ?? "this machine's",
    port === null ? "" : `:${port}`,
    volume === null ? data ?? "" : `keep (${volume})`,
  ]);
  const table = alignColumns([["NAME", "STATE", "IMAGE", "PORT", "DATA"], ...rows]);
  return `${table.join("\n")}\n`;
}
