/**
 * A plan for people: what a run will create, before anything is created.
 *
 * @module
 */

import { formatReach } from "../config/parse_reach.ts";
import type { Limits, Mount } from "../plugin/runtime.ts";
import type { CompanionPlan, ImagePlan, RunPlan, ServicePlan } from "../run/plan.ts";
import type { EnvValue } from "../run/request.ts";
import { labelled } from "./report_error.ts";
import { alignColumns, printable } from "./table.ts";

/** The plan as text. Secret values print as `***`. */
export function renderPlan(plan: RunPlan): string {
  const { container, runtime } = plan;
  const rows: (readonly [string, string])[] = [
    ["Run", `${plan.name} (${plan.id})`],
    ["Project", plan.project],
    ["Runtime", `${runtime.id}, ${runtime.description} (${runtime.reason})`],
    ["Isolation", runtime.isolation],
    ...optionalRow("Image", plan.image && imageText(plan.image)),
    ["Command", container.command.map(quoteWord).join(" ")],
    ["User", `${container.uid}:${container.gid} in ${container.workdir}`],
    ...optionalRow("Privileged", container.privileged ? container.privilegedFor : undefined),
    ["Terminal", container.tty ? "yes" : "no"],
    ["Network", networkText(plan)],
    ...container.mounts.map((mount): [string, string] => ["Mount", mountText(mount)]),
    ...container.toolPaths.map((path): [string, string] => ["Tools", `${path} (read-only)`]),
    ...Object.entries(container.env).map(([name, value]): [string, string] => [
      "Variable",
      `${name}=${envText(value)}`,
    ]),
    ...Object.entries(container.authority?.env ?? {}).map(([name, path]): [string, string] => [
      "Variable",
      `${name}=${path}`,
    ]),
    ...plan.services.map((service): [string, string] => ["Service", serviceText(service)]),
    ...plan.sidecars.map((sidecar): [string, string] => ["Sidecar", companionText(sidecar)]),
    ...plan.endpoints.map(({ name, port }): [string, string] => ["Endpoint", `${name} :${port}`]),
    ...(plan.reach ?? []).map((reach): [string, string] => ["Reaches", formatReach(reach)]),
    ...optionalRow("Limits", limitsText(container.limits)),
    ...optionalRow("Time-out", plan.timeoutMs === undefined ? "" : `${plan.timeoutMs / 1000}s`),
    ...plan.trust.map(({ key, value, effect }): [string, string] => [
      "Needs trust",
      `${key}: ${value} (${effect})`,
    ]),
  ];
  const lines = alignColumns(rows.map(([label, text]) => [label, printable(text)]));
  return `${lines.join("\n")}\n` +
    plan.warnings.map((text) => labelled("warning", text)).join("") +
    plan.notices.map((text) => labelled("note", text)).join("");
}

function optionalRow(label: string, text: string | undefined): [string, string][] {
  return text === undefined || text === "" ? [] : [[label, text]];
}

function serviceText(service: ServicePlan): string {
  const { port, wait, data } = service;
  return [
    `${companionText(service)} on port ${port}`,
    ...(data?.source === "keep" ? [`data kept on ${data.volume}`] : []),
    ...(data?.seedFrom === undefined ? [] : ["seeded"]),
    ...(wait ? [] : ["not waited for"]),
  ].join(", ");
}

function companionText({ name, image, isolation, privileged, limits }: CompanionPlan): string {
  return [
    image === undefined ? `${name}, the host's own server` : `${name}, ${image}`,
    ...(isolation === undefined ? [] : [isolation]),
    ...(privileged === undefined ? [] : ["privileged"]),
    ...(limits.memoryBytes === undefined ? [] : [memoryText(limits.memoryBytes)]),
  ].join(", ");
}

function imageText(image: ImagePlan): string {
  if (image.kind === "base") return image.ref;
  return `${image.tag}, built on ${image.base}${image.rebuild ? ", built again" : ""}`;
}

function networkText({ network }: RunPlan): string {
  switch (network.kind) {
    case "own":
      return `its own, ${network.name} out of ${network.pool}`;
    case "host":
      return "the host's";
    case "sandbox":
      return "its own";
  }
}

function mountText({ kind, source, target, readOnly }: Mount): string {
  const from = kind === "tmpfs"
    ? "an empty directory"
    : kind === "volume" && source === ""
    ? "a volume of the run's own"
    : source;
  return `${from} at ${target}${readOnly ? " (read-only)" : ""}`;
}

function envText(value: EnvValue): string {
  switch (value.kind) {
    case "text":
      return value.text;
    case "secret":
      return "***";
    case "later":
      return value.reference;
    case "service":
      return value.text.replaceAll("{password}", "***");
  }
}

function limitsText({ memoryBytes, cpus, ulimits = [] }: Limits): string {
  return [
    ...(memoryBytes === undefined ? [] : [memoryText(memoryBytes)]),
    ...(cpus === undefined ? [] : [`processors ${cpus}`]),
    ...ulimits.map(({ name, soft, hard }) => `${name} ${soft}:${hard}`),
  ].join(", ");
}

/** In the unit of moat.yaml, so that it is the number that stands there. */
function memoryText(bytes: number): string {
  return `memory ${Math.round(bytes / 1024 ** 2)} MB`;
}

/** A word as a shell would need it. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
