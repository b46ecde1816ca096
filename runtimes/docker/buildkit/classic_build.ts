/**
 * Builds with an engine's old builder: for engines without BuildKit, and where it is switched off.
 *
 * The whole context goes over at once, as a tar; cache mounts are left out, as it knows none.
 *
 * @module
 */

import { classicDockerfile } from "../../../core/image/dockerfile_text.ts";
import type { BuildOptions, ImageBuild, Progress } from "../../../core/plugin/runtime.ts";
import type { Engine } from "../engine.ts";
import { parseJson, textAt } from "../json.ts";
import { buildFailure } from "./build_failure.ts";
import { contextTree } from "./context_tree.ts";
import { instructionsOf, stepTitle } from "./dockerfile_lines.ts";
import { OutputTail } from "./output_tail.ts";
import { tarOf } from "../tar.ts";

const SEND_MS = 120_000;
/** What the builder says of itself. */
const IS_CHATTER = /^(?:$| ---> |Removing intermediate container |Successfully (?:built|tagged) )/;

/** Builds and tags. Aborting stops the build in the engine. @throws MoatError as BuildKit's do */
export async function buildClassic(
  engine: Engine,
  build: ImageBuild,
  { noCache = false, progress, signal }: BuildOptions,
): Promise<void> {
  const dockerfile = classicDockerfile(build.dockerfile);
  const files = { ...build.files, Dockerfile: { content: dockerfile, mode: 0o644 } };
  const report = new ClassicReport(build.tag, progress);
  const pieces = await engine.stream({
    method: "POST",
    path: "/build",
    query: {
      t: build.tag,
      labels: JSON.stringify(build.labels),
      nocache: noCache,
      rm: true,
      forcerm: true,
      version: 1,
    },
    body: tarOf(contextTree(files)),
    timeoutMs: SEND_MS,
    doing: `build image "${build.tag}"`,
    signal,
  });
  for await (const line of linesOf(pieces)) report.apply(parseJson(line));
  const { failure, step } = report;
  if (failure === undefined) return report.end();
  const [, number] = /(\d+)\/\d+\]/.exec(step?.name ?? "") ?? [];
  const instruction = instructionsOf(dockerfile)[Number(number) - 1];
  throw buildFailure({
    tag: build.tag,
    dockerfile,
    reason: failure,
    step: step && { ...step, error: failure },
    line: instruction?.line,
  });
}

/** Shows the builder's text as steps. */
class ClassicReport {
  readonly #id: string;
  readonly #progress: Progress | undefined;
  #step: { readonly name: string; readonly since: number; readonly output: OutputTail } | undefined;
  #isCached = false;
  failure: string | undefined;

  constructor(tag: string, progress: Progress | undefined) {
    this.#id = `build ${tag}`;
    this.#progress = progress;
  }

  get step(): { readonly name: string; readonly lastLines: readonly string[] } | undefined {
    const step = this.#step;
    return step && { name: step.name, lastLines: step.output.lastLines() };
  }

  apply(message: unknown): void {
    this.failure ??= textAt(message, "error");
    for (const line of (textAt(message, "stream") ?? "").split("\n")) this.#applyLine(line);
    const download = textAt(message, "id");
    if (download === undefined || this.#step === undefined) return;
    const state = `${textAt(message, "status") ?? ""} ${textAt(message, "progress") ?? ""}`.trim();
    this.#progress?.update(this.#id, `${stepTitle(this.#step.name)}  ${download}: ${state}`);
  }

  #applyLine(line: string): void {
    const [, number, text] = /^Step (\d+\/\d+) : ([^]*)$/.exec(line) ?? [];
    if (number !== undefined && text !== undefined) {
      this.end();
      this.#step = {
        name: `[${number}] ${text}`,
        since: performance.now(),
        output: new OutputTail(),
      };
      this.#progress?.update(this.#id, stepTitle(this.#step.name));
    } else if (line === " ---> Using cache") this.#isCached = true;
    else if (this.#step !== undefined && !IS_CHATTER.test(line)) {
      this.#step.output.add(`${line}\n`, false);
      const { name, output } = this.#step;
      this.#progress?.update(this.#id, `${stepTitle(name)}  ${output.newest()}`);
    }
  }

  /** The present step is over. */
  end(): void {
    if (this.#step === undefined) return;
    const seconds = ((performance.now() - this.#step.since) / 1000).toFixed(1);
    const result = this.#isCached ? "CACHED" : `${seconds} s`;
    this.#progress?.done(this.#id, `${stepTitle(this.#step.name)}  ${result}`);
    this.#isCached = false;
    this.#step = undefined;
  }
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
