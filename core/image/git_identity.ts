/**
 * Who commits inside a run: the host's git identity, as a file of git's own format.
 *
 * @module
 */

/** Name and address of commits. */
export interface GitIdentity {
  readonly name?: string;
  readonly email?: string;
}

/** Options of {@linkcode readGitIdentity}. */
export interface ReadGitIdentityOptions {
  /** A repository may have an identity of its own. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 5000;

/** The configuration for an image. The project is trusted whoever owns it inside. */
export function gitConfigText({ name, email }: GitIdentity = {}): string {
  const user = [
    ...(name === undefined ? [] : [`\tname = ${quote(name)}`]),
    ...(email === undefined ? [] : [`\temail = ${quote(email)}`]),
  ];
  const sections = [
    ...(user.length === 0 ? [] : ["[user]", ...user]),
    "[safe]",
    "\tdirectory = /workspace",
  ];
  return `${sections.join("\n")}\n`;
}

/** Asks the host's git; what it does not know is left out. */
export async function readGitIdentity(options: ReadGitIdentityOptions = {}): Promise<GitIdentity> {
  const [name, email] = await Promise.all([
    gitConfig("user.name", options),
    gitConfig("user.email", options),
  ]);
  return {
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
  };
}

async function gitConfig(
  key: string,
  { cwd, signal }: ReadGitIdentityOptions,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["config", "--get", key],
      stdin: "null",
      stderr: "null",
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      ...(cwd === undefined ? {} : { cwd }),
    }).output();
    const value = new TextDecoder().decode(stdout).trim();
    return success && value !== "" ? value : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A value in git's quotes; control characters are left out. */
function quote(value: string): string {
  const plain = value.replaceAll(/\p{Cc}/gu, "");
  return `"${plain.replaceAll(/[\\"]/g, "\\$&")}"`;
}
