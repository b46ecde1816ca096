import assert from "node:assert/strict";
import { captureContext } from "../../tests/helpers/captured_context.ts";
import { InterruptedError } from "../errors.ts";
import { confirm } from "./ask.ts";

Deno.test("an interrupted question ends its line", async () => {
  const captured = captureContext({ env: { HOME: "/nowhere" }, cwd: "/" });
  const { stdio } = captured.context;
  const input = new ReadableStream<Uint8Array>();
  const interrupt = new AbortController();
  const answer = confirm("Go on?", { stdio: { ...stdio, input }, signal: interrupt.signal });
  interrupt.abort();
  await assert.rejects(answer, InterruptedError);
  assert.equal(captured.stderr(), "Go on? [y/N] \n");
});
