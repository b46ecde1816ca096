/**
 * Where a run and its companions are found: addresses out of the run's subnet, or one loopback.
 *
 * @module
 */

import type { Companions, ContainerSpec } from "../../plugin/runtime.ts";
import type { RunPlan } from "../plan.ts";
import { addressIn } from "../subnets.ts";

/** Lines of /etc/hosts. */
export type Hosts = ContainerSpec["hosts"];

/** Addresses of one run, and who is to know them. */
export interface Placement {
  /** The run's own; absent: the engine's choice. */
  readonly address?: string;
  /** What the run knows. */
  readonly hosts: Hosts;
  /** By host name. */
  readonly companions: Readonly<
    Record<string, { readonly address?: string; readonly hosts: Hosts }>
  >;
}

/** What decides about addresses. */
export interface PlaceOptions {
  readonly addressing: Companions["addressing"];
  /** CIDR of the run's network; absent where the runtime has no subnets. */
  readonly subnet: string | undefined;
}

/** The gateway has the first address. */
const RUN_AT = 2;
const LOOPBACK = "127.0.0.1";

/** Gives everybody an address and everybody else's name. A run without companions gets neither. */
export function placeCompanions(
  { services, sidecars, container }: Pick<RunPlan, "services" | "sidecars" | "container">,
  { addressing, subnet }: PlaceOptions,
): Placement {
  const names = [...services, ...sidecars].map(({ name }) => name);
  if (names.length === 0) return { hosts: [], companions: {} };
  const everybody = [container.hostname, ...names];
  const own = everybody.map((_, index) =>
    addressing === "loopback" || subnet === undefined
      ? undefined
      : addressIn(subnet, RUN_AT + index)
  );
  const lines = everybody.map((name, index) => ({ name, address: own[index] ?? LOOPBACK }));
  const others = (name: string) => lines.filter((line) => line.name !== name);
  const [address] = own;
  return {
    ...(address === undefined ? {} : { address }),
    hosts: others(container.hostname),
    companions: Object.fromEntries(names.map((name, index) => {
      const address = own[index + 1];
      return [name, { hosts: others(name), ...(address === undefined ? {} : { address }) }];
    })),
  };
}
