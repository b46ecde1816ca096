/**
 * What the user typed behind a command's name, checked against its flags.
 *
 * Asking for a flag that the command does not have is a bug and throws.
 *
 * @module
 */

import type { LeafCommand, Positional } from "./command.ts";

/** Parsed arguments of one command. */
export class Arguments {
  readonly #command: LeafCommand;
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #positionals: ReadonlyMap<string, string>;
  /** Words behind `--`; `undefined` when there was none. */
  readonly rest: readonly string[] | undefined;

  constructor(
    command: LeafCommand,
    parsed: {
      readonly values: ReadonlyMap<string, readonly string[]>;
      readonly positionals: readonly string[];
      readonly rest: readonly string[] | undefined;
    },
  ) {
    this.#command = command;
    this.#values = parsed.values;
    this.#positionals = assignPositionals(command.positionals, parsed.positionals);
    this.rest = parsed.rest;
  }

  /** Says whether the flag was given. */
  has(flag: string): boolean {
    return this.list(flag).length > 0;
  }

  /** The value given last, or `undefined`. */
  text(flag: string): string | undefined {
    return this.list(flag).at(-1);
  }

  /** The value given last as a number, or `undefined`; the parser has checked that it is one. */
  integer(flag: string): number | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : Number(text);
  }

  /** All values in the order given; for a flag without value, one empty text each time. */
  list(flag: string): readonly string[] {
    if (!this.#command.flags.some(({ name }) => name === flag)) {
      throw new TypeError(`Command "${this.#command.name}" has no flag "${flag}"`);
    }
    return this.#values.get(flag) ?? [];
  }

  /** The word at the positional's place, or `undefined`. */
  positional(name: string): string | undefined {
    if (this.#command.positionals.every((positional) => positional.name !== name)) {
      throw new TypeError(`Command "${this.#command.name}" has no "${name}"`);
    }
    return this.#positionals.get(name);
  }
}

/**
 * Words by the positionals that they stand for, in order; an optional one gets none that a required
 * one behind it needs.
 */
export function assignPositionals(
  positionals: readonly Positional[],
  words: readonly string[],
): ReadonlyMap<string, string> {
  const assigned = new Map<string, string>();
  let required = positionals.filter((positional) => positional.required).length;
  let at = 0;
  for (const positional of positionals) {
    if (positional.required) required--;
    else if (words.length - at <= required) continue;
    const word = words[at++];
    if (word !== undefined) assigned.set(positional.name, word);
  }
  return assigned;
}
