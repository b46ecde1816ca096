/**
 * Writes docs/commands.md from the command values and docs/moat-yaml.md from the schema; with
 * `--check` only says whether they are current.
 *
 *     deno run -A scripts/docs.ts [--check]
 *
 * @module
 */

import { join } from "node:path";
import { COMMANDS } from "../core/cli/commands/mod.ts";
import { renderCommandsPage } from "./commands_page.ts";
import { projectConfigJsonSchema } from "../core/config/json_schema.ts";
import { renderKeysPage } from "./keys_page.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const pages = {
    "commands.md": renderCommandsPage(COMMANDS),
    "moat-yaml.md": renderKeysPage(await projectConfigJsonSchema()),
  };
  let exitCode = 0;
  for (const [name, page] of Object.entries(pages)) {
    const file = join(import.meta.dirname ?? ".", "..", "docs", name);
    if (!args.includes("--check")) {
      await Deno.writeTextFile(file, page);
    } else if (await readOrNothing(file) !== page) {
      const message =
        `docs/${name} is not current; write it again with: deno run -A scripts/docs.ts\n`;
      await Deno.stderr.write(new TextEncoder().encode(message));
      exitCode = 1;
    }
  }
  return exitCode;
}

async function readOrNothing(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
