/**
 * Shows what takes time, on standard error: a live line per activity on a terminal, plain lines
 * elsewhere, nothing when quiet.
 *
 * On a terminal lines are redrawn in place and at most every 80 ms; `clear()` removes them before
 * the program's output starts.
 *
 * @module
 */

import type { Stdio } from "../context.ts";
import type { Progress } from "../plugin/runtime.ts";
import { printable } from "./table.ts";

/** Between two redraws. */
const REDRAW_MS = 80;
/** Before "Preparing…" appears. */
const PREPARING_MS = 100;
/** Between two plain lines of one activity. */
const PLAIN_MS = 10_000;

/** Progress that is shown until disposed. */
export interface ShownProgress extends Progress, AsyncDisposable {
  /** Removes the live lines and resolves when that is written; later activities show again. */
  clear(): Promise<void>;
}

/** Options of {@linkcode createProgress}. */
export interface ProgressDisplayOptions {
  /** Shows nothing. @default false */
  readonly quiet?: boolean;
}

/** Creates the display for these streams. */
export function createProgress(
  stdio: Pick<Stdio, "error" | "errorIsTerminal" | "size">,
  { quiet = false }: ProgressDisplayOptions = {},
): ShownProgress {
  if (quiet) return QUIET;
  return stdio.errorIsTerminal ? liveProgress(stdio) : plainProgress(stdio);
}

const QUIET: ShownProgress = {
  update() {},
  done() {},
  clear: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

function plainProgress(stdio: Pick<Stdio, "error">): ShownProgress {
  const shown = new Map<string, { text: string; at: number }>();
  const write = inOrder(stdio);
  const print = (id: string, text: string) => {
    shown.set(id, { text, at: performance.now() });
    void write(`${printable(text)}\n`);
  };
  const clear = () => write("");
  return {
    update(id, text) {
      const last = shown.get(id);
      if (last === undefined || performance.now() - last.at > PLAIN_MS) print(id, text);
    },
    done(id, text) {
      if (text !== undefined && text !== shown.get(id)?.text) print(id, text);
      shown.delete(id);
    },
    clear,
    [Symbol.asyncDispose]: clear,
  };
}

function liveProgress(stdio: Pick<Stdio, "error" | "size">): ShownProgress {
  const write = inOrder(stdio);
  const active = new Map<string, string>();
  let finished: string[] = [];
  let drawnLines = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const preparing = setTimeout(() => {
    if (active.size === 0) active.set("", "Preparing…");
    draw();
  }, PREPARING_MS);

  function draw(): void {
    clearTimeout(timer);
    timer = undefined;
    const { columns, rows } = stdio.size() ?? { columns: 80, rows: 24 };
    const live = [...active.values()].slice(-Math.max(1, rows - 2));
    const lines = live.map((text) => cut(printable(text), columns - 1));
    void write(
      erase(drawnLines) + finished.map((text) => `${printable(text)}\n`).join("") +
        lines.map((text) => `${text}\n`).join(""),
    );
    finished = [];
    drawnLines = lines.length;
  }
  function redraw(): void {
    timer ??= setTimeout(draw, REDRAW_MS);
  }
  function clear(): Promise<void> {
    clearTimeout(preparing);
    active.clear();
    if (drawnLines > 0 || finished.length > 0) draw();
    clearTimeout(timer);
    timer = undefined;
    return write("");
  }
  return {
    update(id, text) {
      clearTimeout(preparing);
      active.delete("");
      active.set(id, text);
      redraw();
    },
    done(id, text) {
      const last = text ?? active.get(id);
      active.delete(id);
      if (last !== undefined) finished.push(last);
      redraw();
    },
    clear,
    [Symbol.asyncDispose]: clear,
  };
}

/** Writes one piece after the other; a standard error that is gone is no failure. */
function inOrder({ error }: Pick<Stdio, "error">): (text: string) => Promise<void> {
  let last = Promise.resolve();
  return (text) => {
    if (text !== "") last = last.then(() => error(text)).catch(() => {});
    return last;
  };
}

/** Goes up over the lines drawn last and removes them. */
function erase(lines: number): string {
  return lines === 0 ? "" : `\x1b[${lines}A\r\x1b[J`;
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, columns - 1).join("")}…`;
}
