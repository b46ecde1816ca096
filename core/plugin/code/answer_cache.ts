/**
 * Answers of plugins that are code, kept by the digest of the plugin and the question.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { removeFileIfThere, replaceFile } from "../../store/files.ts";
import type { Paths } from "../../store/paths.ts";
import type { DependencyEntry } from "../contribution.ts";
import { CODE_CONTRACT } from "../manifest.ts";
import type { CodeTarget } from "./plugin_protocol.ts";

/** The answers of one plugin. */
export interface AnswerCache {
  read(key: string): Promise<unknown>;
  write(key: string, answer: unknown): Promise<void>;
}

/** More answers of one plugin are not kept. */
const MAX_ANSWERS = 100;

/** The key of a question. Pure. */
export function answerKey(
  { entry, target }: { readonly entry: DependencyEntry; readonly target: CodeTarget },
): string {
  return createHash("sha256").update(JSON.stringify([CODE_CONTRACT, entry, target])).digest("hex");
}

/** The cache of the plugin with that digest, below MOAT_HOME. */
export function answerCache({ store }: Pick<Paths, "store">, digest: string): AnswerCache {
  const directory = join(store, "plugin-answers", digest.replace(/^sha256:/, ""));
  return {
    async read(key) {
      try {
        return JSON.parse(await Deno.readTextFile(join(directory, key)));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    async write(key, answer) {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      await replaceFile(join(directory, key), JSON.stringify(answer));
      await removeOldest(directory, MAX_ANSWERS);
    },
  };
}

/** Leaves so many files, the newest. */
async function removeOldest(directory: string, kept: number): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  if (names.length <= kept) return;
  const aged = await Promise.all(names.map(async (name) => {
    const path = join(directory, name);
    const found = await Deno.lstat(path).catch(() => undefined);
    return { path, time: Number(found?.mtime ?? 0) };
  }));
  const oldest = aged.toSorted((a, b) => a.time - b.time).slice(0, names.length - kept);
  for (const { path } of oldest) await removeFileIfThere(path);
}
