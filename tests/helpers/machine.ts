/**
 * What this machine has, so that a test which needs more is skipped with its reason.
 *
 * @module
 */

/** Something that not every machine has. */
export type Need =
  | "docker"
  | "gvisor"
  | "bubblewrap"
  | "root"
  | "tmux"
  | "linux"
  | "binary"
  | "ps"
  | "git"
  | "postgres"
  | "redis"
  | "python"
  | "node"
  | "npm"
  | "curl"
  | "wget"
  | "chromium"
  | "podman";

/** Engine addresses to test on: MOAT_TEST_ENGINES (comma-separated), else the usual socket. */
export function testEngines(): readonly string[] {
  const listed = Deno.env.get("MOAT_TEST_ENGINES");
  if (listed) return listed.split(",");
  return [Deno.env.get("DOCKER_HOST") ?? "unix:///var/run/docker.sock"].filter(engineAnswers);
}

/** Options for `Deno.test`: ignored, with the reason printed, unless the machine has all of it. */
export function requires(...needs: readonly Need[]): { readonly ignore: boolean } {
  const missing = needs.filter((need) => !has(need));
  if (missing.length > 0) {
    const wanted = (Deno.env.get("MOAT_TEST_EXPECT") ?? "").split(",");
    const broken = missing.filter((need) => wanted.includes(need));
    if (broken.length > 0) throw new Error(`This machine should have: ${broken.join(", ")}`);
    reportSkip(`needs ${missing.join(", ")}`);
  }
  return { ignore: missing.length > 0 };
}

/** Tells the runner of the suites why a test is skipped; one line each. */
export function reportSkip(reason: string): void {
  const file = Deno.env.get("MOAT_TEST_SKIPS");
  if (file) Deno.writeTextFileSync(file, `${reason}\n`, { append: true });
}

/** Says whether this machine has it. */
export function has(need: Need): boolean {
  switch (need) {
    case "docker":
      return testEngines().length > 0;
    case "gvisor":
      return has("docker") && onPath("runsc");
    case "bubblewrap":
      return onPath("bwrap");
    case "tmux":
      return onPath("tmux");
    case "git":
      return onPath("git");
    case "postgres":
      return hasPostgres() && onPath("psql");
    case "redis":
      return onPath("redis-server");
    case "python":
      return onPath("python3");
    case "podman":
      return onPath("podman");
    case "ps":
      return onPath("ps");
    case "node":
      return onPath("node");
    case "npm":
      return onPath("npm");
    case "curl":
      return onPath("curl");
    case "wget":
      return onPath("wget");
    case "chromium":
      return onPath("chromium") && onPath("certutil");
    case "root":
      return Deno.uid() === 0;
    case "linux":
      return Deno.build.os === "linux";
    case "binary":
      return Deno.env.get("MOAT_TEST_BINARY") !== undefined;
  }
}

/** Debian keeps the server of each version aside. */
function hasPostgres(): boolean {
  if (onPath("postgres")) return true;
  try {
    return [...Deno.readDirSync("/usr/lib/postgresql")].some(({ name }) =>
      isFile(`/usr/lib/postgresql/${name}/bin/postgres`)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function engineAnswers(target: string): boolean {
  if (!target.startsWith("unix://")) return true;
  const { success } = new Deno.Command("perl", {
    args: [
      "-MIO::Socket::UNIX",
      "-e",
      "exit(IO::Socket::UNIX->new(Peer => $ARGV[0]) ? 0 : 1)",
      target.slice("unix://".length),
    ],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success;
}

function onPath(program: string): boolean {
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  return directories.some((directory) => isFile(`${directory}/${program}`));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
