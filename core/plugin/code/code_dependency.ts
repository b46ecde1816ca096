/**
 * A dependency whose contribution a module of the plugin gives: asked in a sandbox, its answers
 * checked like a manifest and remembered.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { printable } from "../../cli/table.ts";
import { MoatError } from "../../errors.ts";
import type { DependencyPlugin, DependencyQuestion } from "../contract.ts";
import type { Contribution } from "../contribution.ts";
import {
  contributeManifest,
  createDependency,
  type Manifest,
  type ManifestContribution,
} from "../manifest.ts";
import { manifestProblem } from "../read_manifest.ts";
import { type AnswerCache, answerKey } from "./answer_cache.ts";
import { PluginProcess } from "./plugin_process.ts";

/** Options of {@linkcode createCodeDependency}. */
export interface CodeDependencyOptions {
  /** The plugin's files on this machine. */
  readonly directory: string;
  readonly context: Context;
  /** The plugin's own directory, where it may write one; absent: one for each of its processes. */
  readonly ownDirectory?: string;
  /** Where answers are kept; absent: nowhere. */
  readonly cache?: AnswerCache;
}

/** The plugin that the manifest and its module describe. Starts nothing yet. */
export function createCodeDependency(
  manifest: Manifest,
  options: CodeDependencyOptions,
): DependencyPlugin {
  return {
    ...createDependency(manifest),
    contribute() {
      throw new MoatError(`Cannot ask plugin "${manifest.id}" here: it is code`);
    },
    ask: (questions) => ask(manifest, questions, options),
  };
}

async function ask(
  manifest: Manifest,
  questions: readonly DependencyQuestion[],
  { directory, ownDirectory, context, cache }: CodeDependencyOptions,
): Promise<readonly Contribution[]> {
  // What else it may look at can change without its files.
  const usable = manifest.permissions === undefined ? cache : undefined;
  await using stack = new AsyncDisposableStack();
  let process: PluginProcess | undefined;
  const contributions: Contribution[] = [];
  for (const { entry, target } of questions) {
    const { arch, suite, present } = target;
    const question = { entry, target: { arch, suite, present } };
    const key = answerKey(question);
    let answer = await usable?.read(key);
    if (answer === undefined) {
      process ??= stack.use(
        await PluginProcess.start({
          manifest,
          directory,
          ...(ownDirectory === undefined ? {} : { cache: ownDirectory }),
        }, context),
      );
      answer = await process.ask(entry, question.target);
    }
    const contribution = await checkAnswer(manifest, answer);
    await usable?.write(key, contribution);
    contributions.push(contributeManifest({ ...manifest, contribution }, entry, target));
  }
  return contributions;
}

/** The answer as the contribution that a manifest could have. @throws MoatError naming the plugin */
async function checkAnswer(manifest: Manifest, answer: unknown): Promise<ManifestContribution> {
  const [{ CONTRIBUTION_SCHEMA }, { getDotPath, safeParse }] = await Promise.all([
    import("../manifest_schema.ts"),
    import("valibot"),
  ]);
  const result = safeParse(CONTRIBUTION_SCHEMA, answer);
  if (!result.success) {
    const [{ message }] = result.issues;
    const place = getDotPath(result.issues[0]) ?? "its answer";
    throw refused(manifest, `"${place}" ${message.split("\n", 1)[0]}`);
  }
  const { entry: _, contract: __, permissions: ___, ...declared } = manifest;
  const problem = manifestProblem({ ...declared, contribution: result.output });
  if (problem !== undefined) throw refused(manifest, problem.state);
  return result.output;
}

function refused({ id }: Manifest, state: string): MoatError {
  return new MoatError(`Cannot use what plugin "${id}" answers: ${printable(state)}`, {
    hint: `moat plugin remove ${id}`,
  });
}
