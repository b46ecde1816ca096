import assert from "node:assert/strict";
import { EXIT, InterruptedError, MoatError, UsageError } from "../errors.ts";
import { renderError, reportError } from "./report_error.ts";

Deno.test("renderError() writes message and hint, further lines indented", () => {
  const error = new MoatError("Cannot do it: no\n  because", { hint: "do this\nor that" });
  assert.equal(
    renderError(error),
    "error: Cannot do it: no\n         because\nhint: do this\n      or that\n",
  );
});

Deno.test("renderError() names the cause once", () => {
  const cause = new Error("no space");
  assert.equal(
    renderError(new MoatError("Cannot write", { cause })),
    "error: Cannot write: no space\n",
  );
});

Deno.test("renderError() leaves out numbers and calls of the system", () => {
  const cause = new Error("No such file or directory (os error 2): stat '/a b'");
  assert.equal(
    renderError(new MoatError('Cannot read "/a b"', { cause })),
    'error: Cannot read "/a b": No such file or directory\n',
  );
});

Deno.test("renderError() calls anything else a fault in moat and shows where", () => {
  const text = renderError(new TypeError("x is not a function"));
  assert.match(text, /^error: This is a fault in moat: x is not a function\n/);
  assert.match(text, /report_error_test\.ts/);
});

Deno.test("reportError() chooses the exit code", async () => {
  const code = (error: unknown, failureExitCode = 125) =>
    reportError(error, { error: () => {} }, { failureExitCode });
  assert.equal(await code(new MoatError("m")), 125);
  assert.equal(await code(new MoatError("m"), 1), 1);
  assert.equal(await code(new MoatError("m", { exitCode: EXIT.permanent })), 125);
  assert.equal(await code(new UsageError("m")), 2);
  assert.equal(await code(new InterruptedError()), 130);
  assert.equal(await code(new TypeError("m")), 125);
});
