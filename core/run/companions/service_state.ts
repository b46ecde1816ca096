/**
 * What a run's services are doing, as its record keeps it and `moat list --json` shows it.
 *
 * @module
 */

import { recordEvent } from "../../store/events.ts";
import type { ServiceState } from "../../store/run_record.ts";
import type { OwnedRun } from "../owned_run.ts";

/** A change of one service or sidecar. */
export interface ServiceChange {
  readonly name: string;
  readonly container: string;
  readonly state: ServiceState;
  /** More to say in the event. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Records the state and the event. Only the run's owner does. */
export async function changeService(
  { store, record, files }: Pick<OwnedRun, "store" | "record" | "files">,
  { name, container, state, details = {} }: ServiceChange,
): Promise<void> {
  const known = store.getRun(record.id)?.services ?? [];
  const isNew = known.every((service) => service.name !== name);
  const services = isNew
    ? [...known, { name, state }]
    : known.map((service) => service.name === name ? { name, state } : service);
  store.update(record.id, { services });
  await recordEvent(files, { type: "service", name, container, state, ...details });
}

/** The present state of one of them. */
export function serviceState(
  { store, record }: Pick<OwnedRun, "store" | "record">,
  name: string,
): ServiceState | undefined {
  return store.getRun(record.id)?.services?.find((service) => service.name === name)?.state;
}
