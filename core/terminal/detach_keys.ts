/**
 * Finds `Ctrl-/ d` in what the user types, and lets everything else through unchanged.
 *
 * Ctrl-/ is the byte 0x1f, or an escape sequence when the program switched extended keys on. It is
 * held back until the next key says what was meant; `flush()` lets it go when none comes.
 *
 * @module
 */

/** How long a lone Ctrl-/ is held back. */
export const DETACH_KEYS_WAIT_MS = 1000;

/** Ctrl-/ as plain, kitty and xterm keyboards send it. */
const PREFIXES = ["\x1f", "\x1b[47;5u", "\x1b[47;5:1u", "\x1b[27;5;47~"] as const;
/** `d`, plain and as kitty keyboards send it. */
const LETTERS = ["d", "\x1b[100u", "\x1b[100;1u", "\x1b[100;1:1u"] as const;
/** Kitty's reports that a key of the first stroke was let go; they may stand between the two. */
// deno-lint-ignore no-control-regex
const RELEASE = /^\x1b\[(?:47|574\d\d);\d+:3u/;

/** What to do with a piece of input. */
export interface ScannedInput {
  /** Goes to the program. */
  readonly pass: Uint8Array;
  /** The user asked to detach; what followed is dropped. */
  readonly detach: boolean;
}

/** The keys of one attached terminal. */
export class DetachKeys {
  /** A prefix that was seen and not yet passed on, with releases behind it. */
  #held = "";

  /** True when a prefix is held back. */
  get isHolding(): boolean {
    return this.#held !== "";
  }

  /** Takes the next piece of input. */
  scan(data: Uint8Array): ScannedInput {
    if (this.#held === "" && !data.includes(0x1f) && !data.includes(0x1b)) {
      return { pass: data, detach: false };
    }
    const text = toBinary(data);
    let pass = "";
    for (let at = 0; at < text.length;) {
      const rest = text.slice(at, at + 16);
      if (this.#held !== "" && LETTERS.some((letter) => rest.startsWith(letter))) {
        this.#held = "";
        return { pass: fromBinary(pass), detach: true };
      }
      const release = this.#held === "" ? undefined : RELEASE.exec(rest)?.[0];
      if (release !== undefined) {
        this.#held += release;
        at += release.length;
        continue;
      }
      pass += this.#held;
      const prefix = PREFIXES.find((candidate) => rest.startsWith(candidate));
      this.#held = prefix ?? "";
      if (prefix === undefined) pass += text[at] ?? "";
      at += prefix?.length ?? 1;
    }
    return { pass: fromBinary(pass), detach: false };
  }

  /** Returns what is held back: no second key came. */
  flush(): Uint8Array {
    const held = this.#held;
    this.#held = "";
    return fromBinary(held);
  }
}

/** One character per byte. */
function toBinary(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 4096) {
    text += String.fromCharCode(...data.subarray(at, at + 4096));
  }
  return text;
}

function fromBinary(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
