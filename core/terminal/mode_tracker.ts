/**
 * Remembers which terminal modes a program's output has changed, so that exactly those are undone.
 *
 * Sending every reset blindly is not harmless: leaving the alternate screen moves the cursor on
 * terminals that are not in it. Looks at escape sequences only; text passes at full speed.
 *
 * @module
 */

const ESC = 0x1b;
/** Private modes that are on in a fresh terminal: autowrap and the cursor. */
const ON_BY_DEFAULT: ReadonlySet<number> = new Set([7, 25]);
/** The alternate screen, which is left before anything else is undone. */
const ALTERNATE_SCREENS: ReadonlySet<number> = new Set([47, 1047, 1049]);
/** Longer sequences are none that sets a mode. */
const LONGEST_SEQUENCE = 64;

const decoder = new TextDecoder("latin1");

/** The modes of one terminal as one program left them. */
export class ModeTracker {
  readonly #modes = new Set<number>();
  #kittyFlags = false;
  #modifyOtherKeys = false;
  #scrollRegion = false;
  #keypad = false;
  #colours = false;
  #cursorShape = false;
  /** Start of a sequence that the last chunk cut. */
  #pending = "";

  /** Looks at output on its way to the terminal. */
  see(data: Uint8Array): void {
    if (this.#pending === "" && !data.includes(ESC)) return;
    const text = this.#pending + decoder.decode(data);
    this.#pending = "";
    let at = text.indexOf("\x1b");
    while (at >= 0) {
      const length = this.#sequence(text, at);
      if (length === undefined) {
        const cut = text.slice(at);
        if (cut.length < LONGEST_SEQUENCE) this.#pending = cut;
        return;
      }
      at = text.indexOf("\x1b", at + length);
    }
  }

  /** What undoes all that is still changed; empty when nothing is. */
  resets(): string {
    const modes = [...this.#modes];
    const undo = (mode: number) => `\x1b[?${mode}${ON_BY_DEFAULT.has(mode) ? "h" : "l"}`;
    return [
      this.#kittyFlags ? "\x1b[=0;1u" : "",
      ...modes.filter((mode) => ALTERNATE_SCREENS.has(mode)).map(undo),
      ...modes.filter((mode) => !ALTERNATE_SCREENS.has(mode)).map(undo),
      this.#kittyFlags ? "\x1b[=0;1u" : "",
      this.#modifyOtherKeys ? "\x1b[>4m" : "",
      this.#scrollRegion ? "\x1b7\x1b[r\x1b8" : "",
      this.#keypad ? "\x1b>" : "",
      this.#colours ? "\x1b[m" : "",
      this.#cursorShape ? "\x1b[ q" : "",
    ].join("");
  }

  /** Takes in the sequence that starts at the place; returns its length, `undefined` when cut. */
  #sequence(text: string, at: number): number | undefined {
    const kind = text[at + 1];
    if (kind === undefined) return undefined;
    if (kind === "c") this.#forget();
    if (kind === "=" || kind === ">") this.#keypad = kind === "=";
    if (kind !== "[") return 1;
    let end = at + 2;
    while (end < text.length && !isFinal(text.charCodeAt(end))) {
      if (end - at > LONGEST_SEQUENCE) return 1;
      end++;
    }
    const final = text[end];
    if (final === undefined) return undefined;
    this.#control(text.slice(at + 2, end), final);
    return end + 1 - at;
  }

  #control(parameters: string, final: string): void {
    if (final === "h" || final === "l") {
      if (parameters.startsWith("?")) this.#setModes(parameters.slice(1), final === "h");
    } else if (final === "u" && /^[>=]/.test(parameters)) {
      this.#kittyFlags = !/^=0?(;|$)/.test(parameters);
    } else if (final === "u" && parameters.startsWith("<")) {
      this.#kittyFlags = false;
    } else if (final === "m" && parameters.startsWith(">4")) {
      this.#modifyOtherKeys = !/^>4(;0?)?$/.test(parameters);
    } else if (final === "m" && !parameters.startsWith(">")) {
      this.#colours = !/^0*$/.test(parameters);
    } else if (final === "r" && !parameters.startsWith("?")) {
      this.#scrollRegion = parameters !== "";
    } else if (final === "q" && parameters.endsWith(" ")) {
      this.#cursorShape = !/^0? $/.test(parameters);
    } else if (final === "p" && parameters === "!") this.#forget();
  }

  #setModes(list: string, on: boolean): void {
    for (const word of list.split(";")) {
      const mode = Number(word);
      if (!Number.isInteger(mode)) continue;
      if (on === ON_BY_DEFAULT.has(mode)) this.#modes.delete(mode);
      else this.#modes.add(mode);
    }
  }

  /** After a full reset of the terminal. */
  #forget(): void {
    this.#modes.clear();
    this.#kittyFlags = this.#modifyOtherKeys = this.#scrollRegion = false;
    this.#keypad = this.#colours = this.#cursorShape = false;
  }
}

function isFinal(code: number): boolean {
  return code >= 0x40 && code <= 0x7e;
}
