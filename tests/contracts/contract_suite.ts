/**
 * How the suites of contracts become tests: one for each case, on a subject of its own.
 *
 * @module
 */

import { reportSkip } from "../helpers/machine.ts";

const DEADLINE_MS = 90_000;

/** The cases of a suite by name; each throws when the subject does not do what the contract says. */
export type ContractCases<S> = Readonly<Record<string, (subject: S) => Promise<void>>>;

/** Options of {@linkcode registerContract}. */
export interface ContractOptions<S extends AsyncDisposable> {
  make(): Promise<S>;
  /** Cases that do not hold here, by name, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
  /** The machine lacks what the subject needs. */
  readonly ignore?: boolean;
}

/** Registers a test for each case. @throws TypeError for a skip of a case that is not there */
export function registerContract<S extends AsyncDisposable>(
  cases: ContractCases<S>,
  { name, make, skip = {}, ignore = false }: ContractOptions<S> & { readonly name: string },
): void {
  for (const unknown of Object.keys(skip).filter((title) => !Object.hasOwn(cases, title))) {
    throw new TypeError(`${name} skips a case that is not there: ${unknown}`);
  }
  for (const [title, check] of Object.entries(cases)) {
    const reason = skip[title];
    if (reason !== undefined && !ignore) reportSkip(`${name}: ${title}: ${reason}`);
    Deno.test({
      name: `${name}: ${title}`,
      ignore: ignore || reason !== undefined,
      fn: () => runCase(check, { make, deadlineMs: DEADLINE_MS }),
    });
  }
}

/** Runs one case on a subject of its own. @throws what the case throws, or when it takes too long */
export async function runCase<S extends AsyncDisposable>(
  check: ContractCases<S>[string],
  { make, deadlineMs }: { make(): Promise<S>; readonly deadlineMs: number },
): Promise<void> {
  await using subject = await make();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("The case takes too long")), deadlineMs);
  const checked = check(subject);
  // When it takes too long, nobody hears its end.
  checked.catch(() => {});
  try {
    await Promise.race([checked, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
