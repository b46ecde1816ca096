/**
 * The runtimes that this machine can test moat on, as environments for `TestHome`.
 *
 * @module
 */

import { has, reportSkip, testEngines } from "./machine.ts";

/** A runtime to run a test on. */
export interface RuntimeUnderTest {
  /** For the test's name: `local`, `docker`. */
  readonly label: string;
  readonly env: Readonly<Record<string, string>>;
  readonly isDocker: boolean;
}

/** All that work here; local first. What does not is reported as skipped. */
export function runtimesUnderTest(): readonly RuntimeUnderTest[] {
  const all: RuntimeUnderTest[] = [];
  if (has("linux")) all.push({ label: "local", env: { MOAT_RUNTIME: "local" }, isDocker: false });
  else reportSkip("needs linux");
  const engines = testEngines();
  if (engines.length === 0) reportSkip("needs docker");
  for (const [index, target] of engines.entries()) {
    const label = engines.length > 1 ? `docker ${index + 1}` : "docker";
    const env = { MOAT_RUNTIME: "docker", DOCKER_HOST: target, MOAT_NO_SANDBOX: "1" };
    all.push({ label, env, isDocker: true });
  }
  return all;
}
