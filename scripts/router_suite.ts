/**
 * The router engine's tests as a program, so that they can run on the runtime that is shipped.
 *
 *     deno compile -A --no-check --output /tmp/suite scripts/router_suite.ts && /tmp/suite
 *
 * A compiled program has no `Deno.test`: the files register with the one made here.
 *
 * @module
 */

interface Test {
  readonly name: string;
  readonly run: () => unknown;
}

const tests: Test[] = [];

Object.defineProperty(Deno, "test", {
  value(name: string, ...[first, second]: readonly unknown[]): void {
    const run = second ?? first;
    if (typeof run === "function") tests.push({ name, run: () => run() });
  },
});

await import("../proxy/router/http1/engine_test.ts");
await import("../proxy/router/http1/bodies_test.ts");
await import("../proxy/router/http1/streams_test.ts");
await import("../proxy/router/h2/pass_frames_test.ts");
await import("../proxy/router/h2/serve_h2_test.ts");
await import("../proxy/tls/authority_test.ts");
await import("../proxy/tls/serve_tls_test.ts");
await import("../tests/e2e/router_conformance_test.ts");

let failed = 0;
for (const { name, run } of tests) {
  try {
    await run();
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error}`);
  }
}
console.log(`Deno ${Deno.version.deno}: ${tests.length} tests, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
