/**
 * What the user typed behind a command's name, checked against its flags.
 *
 * Asking for a flag that the command does not have is a bug and throws.
 *
 * @module
 */

import type { LeafCommand } from "./command.ts";

/** Parsed arguments of one command. */
export class Arguments {
  readonly #command: LeafCommand;
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #positionals: readonly string[];
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
    this.#positionals = parsed.positionals;
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
    const index = this.#command.positionals.findIndex((positional) => positional.name === name);
    if (index < 0) throw new TypeError(`Command "${this.#command.name}" has no "${name}"`);
    return this.#positionals[index];
  }
}
