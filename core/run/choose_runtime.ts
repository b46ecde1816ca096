/**
 * Which runtime a run gets, and why.
 *
 * First match wins: asked for by flag, variable or file; then automatic. A named runtime that is
 * not there is an error, never a fallback. Automatic: the first engine that answers and has its
 * default isolation (an engine is enough when no isolation is asked for); else one that runs on
 * host tools, when it has every ability that the plan needs.
 *
 * @module
 */

import { MoatError, UnavailableError } from "../errors.ts";
import type { RuntimeProbe } from "../plugin/contract.ts";
import type { AbilityName, Isolation, RuntimeFacts } from "../plugin/runtime.ts";
import type { Origin } from "./request.ts";

/** What the choice depends on. */
export interface RuntimeWish {
  readonly runtime?: { readonly id: string; readonly origin: Origin };
  readonly isolation?: "gvisor" | "none";
  /** Abilities that the plan needs, with what needs them. */
  readonly needs: readonly { readonly ability: AbilityName; readonly by: string }[];
  /** Why the host lacks a tool that the run needs; asked of runtimes that use host tools. */
  missingTool?(facts: RuntimeFacts): Promise<string | undefined>;
}

/** Candidates in order of preference, each probed at most once and only when needed. */
export interface RuntimeCandidates {
  readonly ids: readonly string[];
  probe(id: string): Promise<RuntimeProbe>;
}

/** A chosen runtime. */
export interface RuntimeChoice {
  readonly facts: RuntimeFacts;
  readonly isolation: Isolation;
  readonly reason: string;
  /** For the user, when a weaker runtime than the preferred one was taken. */
  readonly notices: readonly string[];
}

/**
 * Chooses the runtime and its isolation.
 *
 * @throws UnavailableError when what was asked for is not there, MoatError when an ability is missing
 */
export async function chooseRuntime(
  wish: RuntimeWish,
  candidates: RuntimeCandidates,
): Promise<RuntimeChoice> {
  return wish.runtime === undefined
    ? await chooseAutomatically(wish, candidates)
    : await chooseNamed(wish.runtime, wish, candidates);
}

/** How strong an isolation is; higher is stronger. */
export function isolationRank(isolation: Isolation): number {
  return { gvisor: 3, vm: 3, namespaces: 2, container: 1 }[isolation];
}

async function chooseNamed(
  named: { readonly id: string; readonly origin: Origin },
  wish: RuntimeWish,
  candidates: RuntimeCandidates,
): Promise<RuntimeChoice> {
  const probe = await candidates.probe(named.id);
  if (probe.kind === "unavailable") {
    throw new UnavailableError(`Cannot use runtime "${named.id}": ${probe.reason}`, {
      hint: probe.hint,
    });
  }
  const asked = named.origin === "typed" ? "asked for" : "asked for by the project's file";
  return finish(probe.facts, wish, { reason: asked, notices: [] });
}

async function chooseAutomatically(
  wish: RuntimeWish,
  candidates: RuntimeCandidates,
): Promise<RuntimeChoice> {
  const passedOver: { id: string; reason: string; hint: string; facts?: RuntimeFacts }[] = [];
  for (const id of candidates.ids) {
    const probe = await candidates.probe(id);
    if (probe.kind === "unavailable") {
      passedOver.push({ id, reason: probe.reason, hint: probe.hint });
      continue;
    }
    const { facts } = probe;
    const missing = facts.defaultIsolationMissing;
    if (missing !== undefined && wish.isolation !== "none") {
      passedOver.push({ id, ...missing, facts });
      continue;
    }
    const lacking = wish.needs.find(({ ability }) => !facts.abilities.includes(ability));
    const noGvisor = wish.isolation === "gvisor" && !facts.isolations.includes("gvisor");
    if (lacking !== undefined || noGvisor) {
      const what = lacking === undefined ? "gVisor" : `what ${lacking.by} needs`;
      passedOver.push({ id, reason: `it does not have ${what}`, hint: "moat doctor" });
      continue;
    }
    const tool = facts.usesHostTools ? await wish.missingTool?.(facts) : undefined;
    if (tool !== undefined) {
      passedOver.push({ id, reason: tool, hint: "moat doctor" });
      continue;
    }
    const stronger = passedOver[0];
    return finish(facts, wish, {
      reason: stronger === undefined
        ? "automatic: the first that works here"
        : `automatic: ${stronger.id} was passed over, ${stronger.reason}`,
      notices: stronger === undefined ? [] : [
        `Using runtime "${facts.id}": ${stronger.id}: ${stronger.reason} (${
          firstLine(stronger.hint)
        })`,
      ],
    });
  }
  throw noneLeft(passedOver);
}

/** The error of the strongest runtime that is there but lacks its isolation, else all reasons. */
function noneLeft(
  passedOver: readonly { id: string; reason: string; hint: string; facts?: RuntimeFacts }[],
): MoatError {
  const engine = passedOver.find(({ facts }) => facts !== undefined) ?? passedOver[0];
  if (engine === undefined) return new UnavailableError("Cannot choose a runtime: none is known");
  const reasons = passedOver.map(({ id, reason }) => `${id}: ${reason}`).join("; ");
  return new UnavailableError(`Cannot choose a runtime: ${reasons}`, { hint: engine.hint });
}

function finish(
  facts: RuntimeFacts,
  wish: RuntimeWish,
  { reason, notices }: { readonly reason: string; readonly notices: readonly string[] },
): RuntimeChoice {
  const lacking = wish.needs.find(({ ability }) => !facts.abilities.includes(ability));
  if (lacking !== undefined) {
    throw new MoatError(
      `Cannot run ${lacking.by} on runtime "${facts.id}": it has no ability "${lacking.ability}"`,
      { hint: `Take the entry out, or choose another runtime with --runtime` },
    );
  }
  return { facts, isolation: isolationFor(facts, wish.isolation), reason, notices };
}

function isolationFor(facts: RuntimeFacts, wanted: "gvisor" | "none" | undefined): Isolation {
  const weakest = facts.isolations.at(-1) ?? facts.defaultIsolation;
  if (wanted === "none") return weakest;
  if (wanted === "gvisor" && !facts.isolations.includes("gvisor")) {
    throw new UnavailableError(
      `Cannot isolate with gVisor on runtime "${facts.id}": ${
        facts.defaultIsolationMissing?.reason ?? "it cannot do that"
      }`,
      { hint: facts.defaultIsolationMissing?.hint ?? "moat run --runtime docker" },
    );
  }
  if (facts.defaultIsolationMissing !== undefined) {
    const { reason, hint } = facts.defaultIsolationMissing;
    throw new UnavailableError(`Cannot isolate with gVisor on runtime "${facts.id}": ${reason}`, {
      hint,
    });
  }
  return facts.defaultIsolation;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
