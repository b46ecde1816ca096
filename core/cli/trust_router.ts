/**
 * What `moat proxy trust` and `untrust` do: the router's authority in the system's own store.
 *
 * Exactly the authority of this MOAT_HOME is added and taken away; no other entry is touched.
 *
 * @module
 */

import { join } from "node:path";
import type { Context } from "../context.ts";
import { describeError, EXIT, MoatError, UnavailableError } from "../errors.ts";
import { certificatesIn } from "../image/host_ca.ts";
import { toJson } from "./describe_run.ts";
import {
  type KnownAuthority,
  LINUX_STORES,
  linuxTrust,
  linuxUntrust,
  MAC_LIST,
  macTrust,
  macUntrust,
  tellOthers,
  tellOthersBack,
  trustedFile,
  type TrustSteps,
  type TrustStore,
} from "./system_trust.ts";

/** Options of the functions here. */
export interface TrustRouterOptions {
  readonly json: boolean;
  /** @default those of Linux systems */
  readonly stores?: readonly TrustStore[];
}

const CERTIFICATE = "router-ca.crt";

/** Makes the system trust it; makes it first where there is none. */
export async function trustRouter(context: Context, options: TrustRouterOptions): Promise<number> {
  const { certificate, file } = await context.openAuthority(context.paths.store);
  const authority = await know(file, certificate);
  const isTrusted = await isTrustedBySystem(authority, context, options.stores);
  if (!isTrusted) {
    const steps = context.os === "darwin"
      ? macTrust(authority)
      : linuxTrust(await findStore(options.stores), authority);
    await follow(steps, { context, doing: "trust certificate authority of the router" });
  }
  await report({ trusted: true, ...authority }, {
    context,
    json: options.json,
    text: [
      isTrusted
        ? "The system trusts the router's certificate authority already"
        : "The system trusts the router's certificate authority now",
      ...tellOthers(authority, context.os),
      "Take it back: moat proxy untrust",
    ],
  });
  return EXIT.ok;
}

/** Makes the system forget it; changes nothing where it is not trusted. */
export async function untrustRouter(
  context: Context,
  options: TrustRouterOptions,
): Promise<number> {
  const authority = await findAuthority(context);
  const isTrusted = authority !== undefined &&
    await isTrustedBySystem(authority, context, options.stores);
  if (isTrusted) {
    const steps = context.os === "darwin"
      ? macUntrust(authority)
      : linuxUntrust(await findStore(options.stores), authority);
    await follow(steps, { context, doing: "take back certificate authority of the router" });
  }
  await report({ trusted: false, ...authority }, {
    context,
    json: options.json,
    text: [
      isTrusted
        ? "The system does not trust the router's certificate authority any more"
        : "The system does not trust the router's certificate authority",
      ...(authority === undefined ? [] : tellOthersBack(authority, context.os)),
    ],
  });
  return EXIT.ok;
}

/** The authority of this home, if there is one; makes none. */
export async function findAuthority(
  { paths }: Pick<Context, "paths">,
): Promise<KnownAuthority | undefined> {
  const file = join(paths.store, CERTIFICATE);
  const text = await readIfThere(file);
  return text === undefined ? undefined : await know(file, text);
}

/** Whether programs that ask the system accept it. */
export async function isTrustedBySystem(
  authority: KnownAuthority,
  { os }: Pick<Context, "os">,
  stores: readonly TrustStore[] = LINUX_STORES,
): Promise<boolean> {
  if (os === "darwin") {
    const [program = "", ...args] = MAC_LIST;
    const { stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
    return new TextDecoder().decode(stdout).includes(authority.fingerprint.toUpperCase());
  }
  const ours = await readIfThere(authority.file);
  for (const store of stores) {
    const theirs = await readIfThere(trustedFile(store, authority));
    if (theirs !== undefined && theirs === ours) return true;
  }
  return false;
}

async function know(file: string, certificate: string): Promise<KnownAuthority> {
  const [base64 = ""] = certificatesIn(certificate);
  const der = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", der));
  const fingerprint = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { file, fingerprint };
}

async function findStore(stores: readonly TrustStore[] = LINUX_STORES): Promise<TrustStore> {
  for (const store of stores) {
    try {
      if ((await Deno.stat(store.directory)).isDirectory) return store;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new UnavailableError(
    "Cannot trust certificate authority of the router: this system keeps its own elsewhere",
    { hint: "Install ca-certificates, or give router-ca.crt of MOAT_HOME's store to programs" },
  );
}

async function follow(
  steps: TrustSteps,
  { context, doing }: { readonly context: Context; readonly doing: string },
): Promise<void> {
  const asAdministrator = Deno.uid() === 0 ? [] : ["sudo"];
  for (const step of steps) {
    const [program = "", ...args] = [...asAdministrator, ...step];
    const failed = (state: string) =>
      new MoatError(`Cannot ${doing}: ${state}`, {
        hint: `As root: ${steps.map((words) => words.join(" ")).join(" && ")}`,
      });
    try {
      const { success, stderr } = await new Deno.Command(program, {
        args,
        // A password is asked for on the terminal itself.
        stdin: "inherit",
        stdout: "null",
        stderr: "piped",
        signal: context.signal,
      }).output();
      if (!success) throw failed(lastLine(stderr) ?? `${program} failed`);
    } catch (error) {
      if (error instanceof MoatError) throw error;
      throw failed(describeError(error));
    }
  }
}

function lastLine(output: Uint8Array): string | undefined {
  const lines = new TextDecoder().decode(output).trim().split("\n");
  return lines.at(-1) || undefined;
}

async function report(
  state: { readonly trusted: boolean } & Partial<KnownAuthority>,
  { context, json, text }: {
    readonly context: Context;
    readonly json: boolean;
    readonly text: readonly string[];
  },
): Promise<void> {
  const { trusted, file, fingerprint } = state;
  if (json) {
    const shown = { trusted, certificate: file ?? null, fingerprint: fingerprint ?? null };
    await context.stdio.output(toJson(shown));
  } else {
    await context.stdio.error(`${text.join("\n")}\n`);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
