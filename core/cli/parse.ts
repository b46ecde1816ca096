/**
 * Turns the words behind a command's name into {@linkcode Arguments}.
 *
 * `node:util` splits the words; this checks them in the order typed, so that the first mistake is
 * the one reported. Pure: looks nothing up.
 *
 * @module
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { Arguments, assignPositionals } from "./arguments.ts";
import type { Flag, LeafCommand } from "./command.ts";

/** Help was asked for instead of the command: `-h` short, `--help` all. */
export type HelpWish = "short" | "long";

/** Options of {@linkcode parseArguments}. */
export interface ParseOptions {
  /** The command as typed, such as `moat deps list`, for messages. */
  readonly path: string;
}

/** Flags that every command has. */
export const HELP_FLAG: Flag = {
  name: "help",
  short: "h",
  summary: "Help for this command; --help shows all of it",
};

type Token = NonNullable<ReturnType<typeof splitWords>["tokens"]>[number];

/**
 * Parses the words of one command, or says that help was asked for.
 *
 * @throws UsageError with the nearest flag or the right form
 */
export function parseArguments(
  words: readonly string[],
  command: LeafCommand,
  { path }: ParseOptions = { path: `moat ${command.name}` },
): Arguments | HelpWish {
  const { head, rest } = splitRest(words, command);
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  const help = `${path} -h`;
  for (const token of splitWords(head, command).tokens) {
    if (token.kind === "positional") {
      positionals.push(token.value);
      if (positionals.length > command.positionals.length) throw surplus(words, command, path);
    } else if (token.kind === "option") {
      if (token.name === HELP_FLAG.name) return token.rawName === "-h" ? "short" : "long";
      const flag = findFlag(token, command, help);
      const value = checkedValue(flag, token, help);
      const values_ = values.get(flag.name);
      if (values_ === undefined) values.set(flag.name, [value]);
      else values_.push(value);
    }
  }
  checkRequired(command, { positionals, rest, path });
  return new Arguments(command, { values, positionals, rest });
}

function splitWords(words: readonly string[], command: LeafCommand) {
  const options: ParseArgsOptionsConfig = {};
  for (const flag of [...command.flags, HELP_FLAG]) {
    options[flag.name] = {
      type: flag.value === undefined ? "boolean" : "string",
      ...(flag.short === undefined ? {} : { short: flag.short }),
    };
  }
  return parseArgs({
    args: [...words],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
}

/** Cuts off what follows `--`, or what starts after the positionals where the command says so. */
function splitRest(
  words: readonly string[],
  command: LeafCommand,
): { readonly head: readonly string[]; readonly rest: readonly string[] | undefined } {
  const limit = command.rest?.afterPositionals ?? Infinity;
  let seen = 0;
  for (const token of splitWords(words, command).tokens) {
    if (token.kind === "option-terminator") {
      return { head: words.slice(0, token.index), rest: words.slice(token.index + 1) };
    }
    if (token.kind === "positional" && ++seen > limit) {
      return { head: words.slice(0, token.index), rest: words.slice(token.index) };
    }
  }
  return { head: words, rest: undefined };
}

function findFlag(token: Token & { kind: "option" }, command: LeafCommand, help: string): Flag {
  const flag = command.flags.find(({ name }) => name === token.name);
  if (flag !== undefined) return flag;
  // A flag is never negated by `no-`: the plain one would mean the opposite.
  const names = command.flags.filter(({ hidden, name }) =>
    !hidden && name.startsWith("no-") === token.name.startsWith("no-")
  ).map(({ name }) => name);
  const guess = token.rawName.startsWith("--") ? nearest(token.name, names) : undefined;
  throw new UsageError(`Cannot use flag "${token.rawName}": there is no such flag`, {
    hint: guess === undefined ? help : `Did you mean "--${guess}"?`,
  });
}

function checkedValue(flag: Flag, token: Token & { kind: "option" }, help: string): string {
  const shown = token.rawName;
  const { value } = token;
  if (flag.value === undefined) {
    if (value === undefined) return "";
    throw new UsageError(`Cannot use flag "${shown}=${value}": ${shown} takes no value`, {
      hint: help,
    });
  }
  const missing = value === undefined ||
    (!token.inlineValue && value.length > 1 && value.startsWith("-"));
  if (missing) {
    throw new UsageError(`Cannot use flag "${shown}": its value is missing`, {
      hint: `--${flag.name}=${placeholder(flag)}`,
    });
  }
  const why = whyUnusable(flag, value);
  if (why !== undefined) {
    throw new UsageError(`Cannot use "${value}" for ${shown}: ${why}`, {
      hint: choiceHint(flag, value) ?? help,
    });
  }
  return value;
}

/** The value as help shows it. */
export function placeholder({ value }: Flag): string {
  if (value === undefined) return "";
  return value.kind === "choice" ? value.choices.join("|") : value.placeholder;
}

function whyUnusable({ value: spec }: Flag, value: string): string | undefined {
  switch (spec?.kind) {
    case "integer":
      return /^\d{1,15}$/.test(value) && Number(value) >= spec.min
        ? undefined
        : `it is not a whole number of ${spec.min} or more`;
    case "choice":
      return spec.choices.includes(value)
        ? undefined
        : `it is not one of ${spec.choices.join(", ")}`;
    case "text":
      return spec.check?.(value);
  }
  return undefined;
}

function choiceHint({ name, value: spec }: Flag, value: string): string | undefined {
  if (spec?.kind !== "choice") return undefined;
  const guess = nearest(value, spec.choices);
  return guess === undefined ? undefined : `--${name} ${guess}`;
}

function surplus(words: readonly string[], command: LeafCommand, path: string): UsageError {
  const terminator = words.indexOf("--");
  const typed = terminator < 0 ? words : words.slice(0, terminator);
  const positionals = splitWords(typed, command).tokens
    .filter((token) => token.kind === "positional");
  if (command.surplus !== undefined) {
    const first = positionals[0]?.index ?? 0;
    return command.surplus(typed.slice(first), { flags: typed.slice(0, first) });
  }
  const extra = positionals[command.positionals.length]?.value ?? "";
  const most = command.positionals.length;
  return new UsageError(
    `Cannot use "${extra}": ${path} takes ${most === 0 ? "no" : `at most ${most}`} argument${
      most === 1 ? "" : "s"
    }`,
    { hint: `${path} -h` },
  );
}

function checkRequired(
  { positionals: specs, rest: restSpec }: LeafCommand,
  { positionals, rest, path }: {
    readonly positionals: readonly string[];
    readonly rest: readonly string[] | undefined;
    readonly path: string;
  },
): void {
  const assigned = assignPositionals(specs, positionals);
  for (const spec of specs) {
    const value = assigned.get(spec.name);
    if (value === undefined) {
      if (!spec.required) continue;
      throw new UsageError(`Cannot run "${path}": <${spec.name}> is missing`, {
        hint: `${path} -h`,
      });
    }
    if (spec.choices !== undefined && !spec.choices.includes(value)) {
      const guess = nearest(value, spec.choices);
      throw new UsageError(
        `Cannot use "${value}" as <${spec.name}>: it is not one of ${spec.choices.join(", ")}`,
        { hint: guess === undefined ? `${path} -h` : `${path} ${guess}` },
      );
    }
  }
  if (rest !== undefined && restSpec === undefined) {
    throw new UsageError(`Cannot run "${path}": it takes nothing behind "--"`, {
      hint: `${path} -h`,
    });
  }
  if (restSpec !== undefined && (rest === undefined ? restSpec.required : rest.length === 0)) {
    throw new UsageError(`Cannot run "${path}": <${restSpec.name}> is missing`, {
      hint: `${path} -- ${restSpec.name}`,
    });
  }
}
