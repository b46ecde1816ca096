/**
 * Turns a failed build into one error: the step, where it stands in the Dockerfile, its command and
 * the last it said.
 *
 * @module
 */

import type { ServiceError } from "@grpc/grpc-js";
import { MoatError } from "../../../core/errors.ts";
import { isRecord } from "../../../core/is_record.ts";
import type { FailedStep } from "./build_report.ts";
import {
  type Instruction,
  instructionAt,
  instructionNamed,
  instructionsOf,
  stepTitle,
} from "./dockerfile_lines.ts";
import { readErrorDetails } from "./messages.ts";
import type { Services } from "./services.ts";

/** What failed, from whichever builder. */
export interface Failure {
  readonly tag: string;
  readonly dockerfile: string;
  /** The builder's own words. */
  readonly reason: string;
  readonly step: FailedStep | undefined;
  /** Line of the Dockerfile, when the builder told. */
  readonly line: number | undefined;
  readonly cause?: unknown;
}

/** An instruction is shown up to this many lines. */
const SHOWN_LINES = 12;

/** The error for the user. */
export function buildFailure(failure: Failure): MoatError {
  const { tag, dockerfile, reason, step, cause } = failure;
  const instructions = instructionsOf(dockerfile);
  const instruction = findInstruction(failure, instructions);
  const number = step === undefined ? undefined : /(\d+\/\d+)\]/.exec(step.name)?.[1];
  const what = number === undefined ? "" : `step ${number} failed: `;
  const where = instruction === undefined ? "" : ` (Dockerfile:${instruction.line})`;
  const sections = [
    `Cannot build image "${tag}": ${what}${plainReason(reason, step !== undefined)}${where}`,
    ...commandSection(instruction, step),
    ...outputSection(step),
  ];
  return new MoatError(sections.join("\n"), {
    ...(cause === undefined ? {} : { cause }),
    hint: instruction === undefined
      ? "moat plan --json shows the Dockerfile; --rebuild builds without cached layers"
      : "Correct the dependency or hook that this line comes from; moat plan --json shows all lines",
  });
}

/** Reads the Dockerfile line out of a failed call's details, where the engine gives them. */
export function failedLine(
  { metadata }: Pick<ServiceError, "metadata">,
  { decodeErrorDetails }: Pick<Services, "decodeErrorDetails">,
): number | undefined {
  const [encoded] = metadata.get("grpc-status-details-bin");
  if (!(encoded instanceof Uint8Array)) return undefined;
  for (const { typeUrl, value } of readErrorDetails(decodeErrorDetails(encoded))) {
    if (!typeUrl.endsWith("errdefs.Source+json")) continue;
    const source: unknown = JSON.parse(new TextDecoder().decode(value));
    const ranges = isRecord(source) && Array.isArray(source.ranges) ? source.ranges : [];
    const lines = ranges.flatMap((range) =>
      isRecord(range) && isRecord(range.start) ? [Number(range.start.line)] : []
    ).filter((line) => line > 0);
    if (lines.length > 0) return Math.min(...lines);
  }
}

function findInstruction(
  { line, step, reason }: Failure,
  instructions: readonly Instruction[],
): Instruction | undefined {
  if (line !== undefined) return instructionAt(line, instructions);
  const parseLine = /parse error (?:on )?line (\d+)/.exec(reason)?.[1] ??
    /Dockerfile line (\d+)/i.exec(reason)?.[1];
  if (parseLine !== undefined) return instructionAt(Number(parseLine), instructions);
  return step === undefined ? undefined : instructionNamed(step.name, instructions);
}

/** An exit code says it all when the command is shown below; other reasons stay as they are. */
function plainReason(reason: string, isStep: boolean): string {
  const code = /(?:exit code: |non-zero code: )(\d+)/.exec(reason)?.[1];
  if (isStep && code !== undefined) return `exit code ${code}`;
  const text = reason.replace(
    /^(?:failed to solve(?: with frontend [\w.]+)?: |rpc error: .*? desc = )+/,
    "",
  );
  return text.trim().replace(/\.$/, "");
}

function commandSection(
  instruction: Instruction | undefined,
  step: FailedStep | undefined,
): readonly string[] {
  if (instruction === undefined) return step === undefined ? [] : [`  ${stepTitle(step.name)}`];
  const lines = instruction.source.split("\n");
  const shown = lines.slice(0, SHOWN_LINES).map((text, index) =>
    `  ${String(instruction.line + index).padStart(4)} | ${text}`
  );
  const left = lines.length - shown.length;
  return left > 0 ? [...shown, `       | … ${left} more lines`] : shown;
}

function outputSection(step: FailedStep | undefined): readonly string[] {
  const lines = step?.lastLines.filter((line) => line.trim() !== "") ?? [];
  if (lines.length === 0) return step === undefined ? [] : ["It printed nothing"];
  return ["Its last output:", ...lines.map((line) => `  ${line}`)];
}
