/**
 * Commands and flags as values: parsing, help, completions and docs/commands.md all come from them.
 *
 * A command's module is light; `run` imports what it needs when it is called.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { UsageError } from "../errors.ts";
import type { Arguments } from "./arguments.ts";

/** Groups of `moat --help`, in the order of a user's day. */
export const COMMAND_GROUPS = [
  "Start",
  "Look",
  "Act on a run",
  "Project",
  "Machine",
] as const;

/** What a shell can complete a value with. */
export type Completion = "run" | "service" | "file" | "directory" | "none";

/** The value that a flag takes. */
export type FlagValue =
  | {
    readonly kind: "text";
    /** As help shows it, such as `K=V`. */
    readonly placeholder: string;
    readonly complete?: Completion;
    /** Says why the text cannot be used, such as `it is empty`; `undefined` when it can. */
    check?(text: string): string | undefined;
  }
  | { readonly kind: "integer"; readonly placeholder: string; readonly min: number }
  | { readonly kind: "choice"; readonly choices: readonly string[] };

/** One flag. Without `value` it is there or not. */
export interface Flag {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly value?: FlagValue;
  /** May be given several times; otherwise the last one counts. */
  readonly repeatable?: boolean;
  /** No full stop. */
  readonly summary: string;
  /** Shown by `--help` only, so that `-h` fits one screen. */
  readonly rare?: boolean;
  /** Accepted, shown nowhere: an old name. */
  readonly hidden?: boolean;
}

/** A word without dashes, by its place. */
export interface Positional {
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  readonly complete?: Completion;
  readonly choices?: readonly string[];
}

/** The words behind `--`. */
export interface Rest {
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  /** Also starts, without `--`, at the word after this many positionals. */
  readonly afterPositionals?: number;
}

/** What every entry of the command table has. */
interface CommandDescription {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly group: typeof COMMAND_GROUPS[number];
  /** No full stop. */
  readonly summary: string;
  /** When to use it and what may surprise; a few lines. */
  readonly help: string;
  /** A whole command line that works, starting with `moat`. */
  readonly example: string;
  readonly hidden?: boolean;
}

/** A command that does something. */
export interface LeafCommand extends CommandDescription {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  readonly rest?: Rest;
  /** Exit code when moat itself fails. @default 1 */
  readonly failureExitCode?: number;
  /**
   * The error for more words than positionals, where better advice than the usual exists: the
   * words from the first positional on, and what stands before them.
   */
  surplus?(words: readonly string[], before: { readonly flags: readonly string[] }): UsageError;
  /** Does it; returns moat's exit code. */
  run(args: Arguments, context: Context): Promise<number>;
}

/** A command of commands, such as `moat deps`. */
export interface CommandGroup extends CommandDescription {
  readonly subcommands: readonly LeafCommand[];
}

/** An entry of the command table. */
export type Command = LeafCommand | CommandGroup;

/** `--json` of commands that list or report. */
export const JSON_FLAG: Flag = { name: "json", summary: "Print JSON on standard output" };

/** `-q`. */
export const QUIET_FLAG: Flag = {
  name: "quiet",
  short: "q",
  summary: "No progress and no notices",
};

/** The optional name of a run; without it the newest of this directory. */
export const RUN_POSITIONAL: Positional = {
  name: "run",
  summary: "Id, start of an id, or name; default: the newest run of this directory",
  complete: "run",
};
