/**
 * Runs started at once, each with a database of its own: the same in a test and in `soak`.
 *
 * @module
 */

import { engineTool, homeObjects } from "./engine_objects.ts";
import { TestHome } from "./moat.ts";

/** What came of one round. */
export interface DatabaseRound {
  readonly ms: number;
  /** What was wrong, one line each. */
  readonly problems: readonly string[];
}

/** Fails when another run has been in this database, and says which password it has. */
const SCRIPT = `
psql -q "$MOAT_POSTGRES_URL" -c "create table mine (name text)" \\
  -c "insert into mine values ('$MOAT_RUN_NAME')" &&
psql -At "$MOAT_POSTGRES_URL" -c "select name from mine" &&
printf %s "$MOAT_POSTGRES_PASSWORD" > "password-$MOAT_RUN_NAME"
`;

/** Starts so many at once on the engine and waits for all. */
export async function playDatabases(target: string, count: number): Promise<DatabaseRound> {
  await using home = await TestHome.create({
    MOAT_RUNTIME: "docker",
    DOCKER_HOST: target,
    MOAT_NO_SANDBOX: "1",
  });
  await home.write("moat.yaml", "dependencies: [postgres@17, psql, redis-cli]\n");
  const names = Array.from({ length: count }, (_, number) => `run-${number}`);
  const started = performance.now();
  const outcomes = await Promise.all(
    names.map((name) => home.moat(["run", "-q", "--name", name, "--", "sh", "-c", SCRIPT])),
  );
  const ms = performance.now() - started;
  const problems = outcomes.flatMap(({ code, stdout, stderr }, index) =>
    code === 0 && stdout === `${names[index]}\n` ? [] : [`${names[index]}: ${code} ${stderr}`]
  );
  const passwords = await Promise.all(
    names.map((name) => Deno.readTextFile(`${home.project}/password-${name}`).catch(() => name)),
  );
  if (new Set(passwords).size !== count) problems.push("two runs have one password");
  return { ms, problems: [...problems, ...await homeObjects(home, engineTool(target))] };
}
