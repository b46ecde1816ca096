import assert from "node:assert/strict";
import { createProgress } from "./progress.ts";

/** Standard error that is kept. */
function captured(terminal: boolean, columns = 40) {
  let text = "";
  return {
    get text() {
      return text;
    },
    error: (piece: string | Uint8Array) => {
      text += piece;
    },
    errorIsTerminal: terminal,
    size: () => ({ columns, rows: 24 }),
  };
}

Deno.test("createProgress() prints plain lines where there is no terminal", async () => {
  const out = captured(false);
  const progress = createProgress(out);
  progress.update("a", "Pulling a: 1/10 MB");
  progress.update("a", "Pulling a: 2/10 MB");
  progress.update("b", "Pulling b");
  progress.done("a", "Pulled a");
  progress.done("b");
  await progress[Symbol.asyncDispose]();
  assert.equal(out.text, "Pulling a: 1/10 MB\nPulling b\nPulled a\n");
});

Deno.test("createProgress() redraws lines in place on a terminal and keeps the last ones", async () => {
  const out = captured(true);
  await using progress = createProgress(out);
  progress.update("a", "Pulling a: 1/10 MB");
  progress.update("b", "Building b");
  progress.done("a", "Pulled a");
  await progress.clear();
  assert.equal(out.text, "Pulled a\n");
});

Deno.test("createProgress() removes live lines before the program's output", async () => {
  const drawn = Promise.withResolvers<void>();
  const out = captured(true);
  const error = (piece: string | Uint8Array) => {
    out.error(piece);
    drawn.resolve();
  };
  await using progress = createProgress({ ...out, error });
  progress.update("a", "Building a thing whose line is too long for this terminal");
  await drawn.promise;
  assert.equal(out.text, "Building a thing whose line is too lon…\n");
  await progress.clear();
  assert(out.text.endsWith("\x1b[1A\r\x1b[J"));
});

Deno.test("createProgress() says that it is preparing when nothing else is said", async () => {
  const drawn = Promise.withResolvers<void>();
  const out = captured(true);
  const error = (piece: string | Uint8Array) => {
    out.error(piece);
    drawn.resolve();
  };
  await using _progress = createProgress({ ...out, error });
  await drawn.promise;
  assert.equal(out.text, "Preparing…\n");
});

Deno.test("createProgress() lets no text of others move the cursor", async () => {
  const out = captured(false);
  await using progress = createProgress(out);
  progress.update("a", "name\x1b[2J\rspoofed");
  await progress.clear();
  assert.equal(out.text, "name\u{fffd}[2J\u{fffd}spoofed\n");
});

Deno.test("createProgress() is silent when quiet", async () => {
  const out = captured(false);
  await using progress = createProgress(out, { quiet: true });
  progress.update("a", "Pulling");
  progress.done("a", "Pulled");
  await progress.clear();
  assert.equal(out.text, "");
});
