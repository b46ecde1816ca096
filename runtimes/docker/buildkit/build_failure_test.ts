import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { Metadata } from "@grpc/grpc-js";
import { buildFailure, failedLine } from "./build_failure.ts";
import { loadServices } from "./services.ts";

const DOCKERFILE = "FROM debian\nRUN true\nRUN make \\\n  all\n";
const STEP = {
  name: "[3/3] RUN make   all",
  error: "exit code: 2",
  lastLines: ["cc x.c", "x.c:1: error", ""],
};

Deno.test("buildFailure() names step, exit code and line, and shows command and output", () => {
  const { message, hint } = buildFailure({
    tag: "moat/run:x",
    dockerfile: DOCKERFILE,
    reason: 'process "/bin/sh -c make all" did not complete successfully: exit code: 2',
    step: STEP,
    line: 4,
  });
  assert.equal(
    message,
    [
      'Cannot build image "moat/run:x": step 3/3 failed: exit code 2 (Dockerfile:3)',
      "     3 | RUN make \\",
      "     4 |   all",
      "Its last output:",
      "  cc x.c",
      "  x.c:1: error",
    ].join("\n"),
  );
  assert.match(hint ?? "", /hook/);
});

Deno.test("buildFailure() finds the line by the step's name where the engine tells none", () => {
  const { message } = buildFailure({
    tag: "t",
    dockerfile: DOCKERFILE,
    reason: "executor failed running [/bin/sh -c make all]: exit code: 2",
    step: { ...STEP, lastLines: [] },
    line: undefined,
  });
  assert.match(message, /exit code 2 \(Dockerfile:3\)\n/);
  assert.match(message, /It printed nothing$/);
});

Deno.test("buildFailure() shows the line of a Dockerfile that cannot be parsed", () => {
  const { message } = buildFailure({
    tag: "t",
    dockerfile: "FROM debian\nFOO bar\n",
    reason: "failed to solve with frontend dockerfile.v0: rpc error: code = Unknown desc = " +
      "dockerfile parse error on line 2: unknown instruction: FOO",
    step: undefined,
    line: undefined,
  });
  assert.equal(
    message,
    'Cannot build image "t": dockerfile parse error on line 2: unknown instruction: FOO ' +
      "(Dockerfile:2)\n     2 | FOO bar",
  );
});

Deno.test("buildFailure() shows the beginning of a long instruction", () => {
  const dockerfile = `RUN a \\\n${"  b \\\n".repeat(20)}  c\n`;
  const { message } = buildFailure({ tag: "t", dockerfile, reason: "x", step: STEP, line: 1 });
  assert.match(message, /\| … 10 more lines/);
});

Deno.test("failedLine() reads the source range out of a call's details", async () => {
  const services = await loadServices();
  const source = JSON.stringify({ ranges: [{ start: { line: 12 } }, { start: { line: 11 } }] });
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", statusWithDetail("x/errdefs.Source+json", source));
  assert.equal(failedLine({ metadata }, services), 11);
  assert.equal(failedLine({ metadata: new Metadata() }, services), undefined);
});

/** A `google.rpc.Status` by hand: field 3, an `Any` of fields 1 and 2. */
function statusWithDetail(typeUrl: string, value: string): Buffer {
  const field = (number: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.from([number << 3 | 2, bytes.length]), bytes]);
  const any = Buffer.concat([field(1, Buffer.from(typeUrl)), field(2, Buffer.from(value))]);
  return field(3, any);
}
