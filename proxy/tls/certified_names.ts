/**
 * Which certificate a TLS client gets, and the listener that has it.
 *
 * One per run name, for the run and its endpoints, made when a client first asks for it: whether a
 * run of that name is there is for the router to answer, inside TLS, where it can say so.
 *
 * @module
 */

import { openAuthority, type SigningAuthority } from "./authority.ts";
import { InnerListener } from "./inner_listener.ts";

interface Certified {
  readonly listener: InnerListener;
  readonly renewAt: number;
}

/** Clients can make up names; each costs a descriptor. */
const MAX_LISTENERS = 128;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The listeners by run name; `close` ends them, not their connections. */
export class CertifiedNames {
  readonly #directory: string;
  readonly #protocols: readonly string[];
  /** In the order of their last use. */
  readonly #kept = new Map<string, Promise<Certified>>();
  #authority: Promise<SigningAuthority> | undefined;

  constructor(directory: string, protocols: readonly string[]) {
    this.#directory = directory;
    this.#protocols = protocols;
  }

  /** The listener for a name; `undefined` where the authority may not vouch for it. */
  async listenerFor(serverName: string | undefined): Promise<InnerListener | undefined> {
    const names = namesFor(serverName);
    if (names === undefined) return undefined;
    const [key = ""] = names;
    let certifying = this.#kept.get(key);
    if (certifying !== undefined && (await certifying).renewAt <= Date.now()) {
      this.#drop(key, certifying);
      certifying = this.#kept.get(key);
    }
    this.#kept.delete(key);
    certifying ??= this.#certify(names);
    this.#kept.set(key, certifying);
    this.#dropLeastUsed();
    try {
      return (await certifying).listener;
    } catch (error) {
      // The next client gets another try.
      this.#drop(key, certifying);
      throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    for (const [key, certifying] of [...this.#kept]) this.#drop(key, certifying);
  }

  async #certify(names: readonly string[]): Promise<Certified> {
    const { certificate, key, renewAt } = await (await this.#openAuthority()).issue(names);
    return { listener: new InnerListener({ certificate, key, renewAt }, this.#protocols), renewAt };
  }

  async #openAuthority(): Promise<SigningAuthority> {
    const opening = this.#authority ??= openAuthority(this.#directory);
    try {
      const opened = await opening;
      if (opened.renewAt > Date.now()) return opened;
    } catch (error) {
      if (this.#authority === opening) this.#authority = undefined;
      throw error;
    }
    return await (this.#authority = openAuthority(this.#directory));
  }

  #dropLeastUsed(): void {
    for (const [key, certifying] of this.#kept) {
      if (this.#kept.size <= MAX_LISTENERS) return;
      this.#drop(key, certifying);
    }
  }

  #drop(key: string, certifying: Promise<Certified>): void {
    if (this.#kept.get(key) === certifying) this.#kept.delete(key);
    certifying.then(({ listener }) => listener.close(), () => {});
  }
}

/** The names of the certificate, the one that it is kept under first. */
function namesFor(serverName: string | undefined): readonly string[] | undefined {
  if (serverName === undefined || serverName === "localhost") return ["localhost"];
  if (!serverName.endsWith(".localhost")) return undefined;
  const run = serverName.slice(0, -".localhost".length).split(".").at(-1) ?? "";
  return LABEL.test(run) ? [`${run}.localhost`, `*.${run}.localhost`, "localhost"] : undefined;
}
