/**
 * Follows a build's steps: shows each as an activity, and remembers what a failure has to tell.
 *
 * A step that ends may begin again at once (the base image does, several times), so its last line
 * comes a moment later.
 *
 * @module
 */

import type { Progress } from "../../../core/plugin/runtime.ts";
import { stepTitle } from "./dockerfile_lines.ts";
import type { BuildStatus, Vertex, VertexLog, VertexStatus } from "./messages.ts";
import { OutputTail } from "./output_tail.ts";

/** What is known of the step that failed. */
export interface FailedStep {
  /** As BuildKit names it, such as `[2/5] RUN false`. */
  readonly name: string;
  readonly error: string;
  readonly lastLines: readonly string[];
}

/** Of a step's output, beside its name. */
const SHOWN_CHARACTERS = 100;
const TICK_MS = 250;
/** After this long without beginning again a step has ended. */
const SETTLED_MS = 200;
/** A step that takes less has one line only, when it ends. */
const SHORT_MS = 200;
/** BuildKit's own steps are worth a line when they take longer. */
const INTERNAL_MS = 1_000;

interface Step {
  vertex: Vertex;
  /** Milliseconds of the parts that have ended. */
  spentMs: number;
  /** When, by our clock, the present part began; or when the last one ended. */
  since: number;
  state: "waiting" | "running" | "ended" | "shown";
  isVisible: boolean;
  readonly output: OutputTail;
  shownText: string;
  readonly parts: Map<string, VertexStatus>;
}

/** One build's report. Disposing shows the last lines. */
export class BuildReport implements Disposable {
  readonly #progress: Progress | undefined;
  readonly #prefix: string;
  readonly #steps = new Map<string, Step>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(tag: string, progress: Progress | undefined) {
    this.#prefix = `build ${tag}`;
    this.#progress = progress;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Takes news. */
  apply({ vertexes, statuses, logs }: BuildStatus): void {
    for (const vertex of vertexes) this.#applyVertex(vertex);
    for (const status of statuses) this.#steps.get(status.vertex)?.parts.set(status.id, status);
    for (const log of logs) this.#applyLog(log);
    for (const { vertex } of [...statuses, ...logs]) this.#show(vertex);
  }

  /** The first step that failed by itself, not because another did. */
  failedStep(): FailedStep | undefined {
    for (const { vertex: { name, error }, output } of this.#steps.values()) {
      if (hasFailed(error)) return { name, error, lastLines: output.lastLines() };
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const [digest, step] of this.#inOrder()) {
      if (step.state === "ended" || step.state === "running") {
        this.#finish(digest, step);
      }
    }
  }

  #applyVertex(vertex: Vertex): void {
    const { digest, startedMs, completedMs } = vertex;
    const step = this.#steps.get(digest) ?? newStep(vertex);
    this.#steps.set(digest, step);
    const { startedMs: knownStart, completedMs: knownEnd } = step.vertex;
    step.vertex = vertex;
    if (startedMs === undefined) return;
    if (completedMs === undefined) {
      if (step.state !== "running") step.since = performance.now();
      step.state = "running";
    } else if (step.state !== "ended" || knownStart !== startedMs || knownEnd !== completedMs) {
      step.spentMs += completedMs - startedMs;
      step.since = performance.now();
      if (step.state !== "shown") step.state = "ended";
    }
    this.#show(digest);
  }

  #applyLog({ vertex, isError, data }: VertexLog): void {
    this.#steps.get(vertex)?.output.add(new TextDecoder().decode(data), isError);
  }

  #inOrder(): readonly (readonly [digest: string, step: Step])[] {
    return [...this.#steps].toSorted(([, one], [, other]) => numberOf(one) - numberOf(other));
  }

  #tick(): void {
    const now = performance.now();
    for (const [digest, step] of this.#inOrder()) {
      const isLong = now - step.since > (isNumbered(step.vertex) ? SHORT_MS : INTERNAL_MS);
      if (step.state === "running" && isLong && !step.vertex.cached) step.isVisible = true;
      if (step.state === "ended" && now - step.since > SETTLED_MS) this.#finish(digest, step);
      else this.#show(digest);
    }
  }

  #show(digest: string): void {
    const step = this.#steps.get(digest);
    if (step === undefined || step.state !== "running" || !step.isVisible) return;
    const ran = step.spentMs + performance.now() - step.since;
    const details = [
      seconds(ran),
      amount(step.parts),
      step.output.newest().slice(0, SHOWN_CHARACTERS),
    ];
    const shown = details.filter((text) => text !== undefined && text !== "");
    const text = [titleOf(step.vertex), ...(ran < INTERNAL_MS ? [] : shown)].join("  ");
    if (text !== step.shownText) this.#progress?.update(`${this.#prefix} ${digest}`, text);
    step.shownText = text;
  }

  #finish(digest: string, step: Step): void {
    const { vertex, isVisible } = step;
    const result = resultOf(step);
    step.state = "shown";
    if (!isVisible && !isNumbered(vertex)) return;
    this.#progress?.done(`${this.#prefix} ${digest}`, `${titleOf(vertex)}  ${result}`);
  }
}

function resultOf({ vertex: { cached, error }, spentMs, state }: Step): string {
  if (hasFailed(error)) return "FAILED";
  if (error !== "" || state === "running") return "stopped";
  return cached ? "CACHED" : seconds(spentMs);
}

/** By itself, not because another step did. */
function hasFailed(error: string): boolean {
  return error !== "" && !/context cancell?ed|^cancell?ed/i.test(error);
}

function newStep(vertex: Vertex): Step {
  return {
    vertex,
    spentMs: 0,
    since: performance.now(),
    state: "waiting",
    isVisible: false,
    output: new OutputTail(),
    shownText: "",
    parts: new Map(),
  };
}

function isNumbered({ name }: Vertex): boolean {
  return /^\[[^\]]*\d+\/\d+\]/.test(name);
}

function numberOf({ vertex: { name } }: Step): number {
  return Number(/(\d+)\/\d+\]/.exec(name)?.[1] ?? 0);
}

function titleOf({ name }: Vertex): string {
  return stepTitle(name.replace(/^\[internal\] /, ""));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Megabytes of a download, when sizes are known. */
function amount(parts: ReadonlyMap<string, VertexStatus>): string | undefined {
  let [current, total] = [0, 0];
  for (const part of parts.values()) {
    total += part.total;
    current += part.completed ? part.total : part.current;
  }
  return total === 0 ? undefined : `${megabytes(current)}/${megabytes(total)} MB`;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
