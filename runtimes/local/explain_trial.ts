/**
 * Why no sandbox could be built here, and what to do about it.
 *
 * @module
 */

import type { Backend } from "./sandbox_state.ts";

/** What the trial of one backend said. */
export interface FailedTrial {
  readonly backend: Backend;
  readonly said: string;
}

/** What the kernel says about namespaces; absent where it has no such switch. */
export interface NamespaceSwitches {
  /** kernel.apparmor_restrict_unprivileged_userns */
  readonly appArmor: string | undefined;
  /** kernel.unprivileged_userns_clone */
  readonly clone: string | undefined;
  /** user.max_user_namespaces */
  readonly limit: string | undefined;
  /** `Seccomp` of /proc/self/status. */
  readonly seccomp: string | undefined;
  readonly uid: number;
}

/** Finds the reason and its fix. */
export function explainTrial(
  failures: readonly FailedTrial[],
  switches: NamespaceSwitches = readSwitches(),
): { readonly reason: string; readonly hint: string } {
  const said = failures.map(({ backend, said }) => `${backend}: ${lastLine(said)}`).join("; ");
  if (switches.limit === "0") {
    return {
      reason: `the kernel allows no user namespaces (user.max_user_namespaces=0); ${said}`,
      hint: "sudo sysctl -w user.max_user_namespaces=15000",
    };
  }
  if (switches.uid !== 0 && switches.clone === "0") {
    return {
      reason: "the kernel allows user namespaces to root only " +
        `(kernel.unprivileged_userns_clone=0); ${said}`,
      hint: "sudo sysctl -w kernel.unprivileged_userns_clone=1",
    };
  }
  if (switches.uid !== 0 && switches.appArmor === "1") {
    return {
      reason: "AppArmor restricts user namespaces " +
        `(kernel.apparmor_restrict_unprivileged_userns=1); ${said}`,
      hint: "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    };
  }
  if (/perl is missing/.test(said)) {
    return {
      reason: `it needs Perl; ${said}`,
      hint: "Install Perl: apt-get install perl-base, or your system's package of that name",
    };
  }
  if (/proc/.test(said) && /not permitted/i.test(said)) {
    return {
      reason: `this machine is itself a container that may not mount /proc; ${said}`,
      hint: "Start that container with --security-opt systempaths=unconfined",
    };
  }
  if (switches.seccomp === "2" && /not permitted|namespaces/i.test(said)) {
    return {
      reason: `a seccomp filter forbids namespaces here, as in most containers; ${said}`,
      hint: "Start that container with --security-opt seccomp=unconfined",
    };
  }
  return {
    reason: `no sandbox can be built here; ${said}`,
    hint: "Install bubblewrap: apt-get install bubblewrap",
  };
}

function readSwitches(): NamespaceSwitches {
  return {
    appArmor: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
    clone: read("/proc/sys/kernel/unprivileged_userns_clone"),
    limit: read("/proc/sys/user/max_user_namespaces"),
    seccomp: /^Seccomp:\s*(\d)/m.exec(read("/proc/self/status") ?? "")?.[1],
    uid: Deno.uid() ?? 0,
  };
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function lastLine(text: string): string {
  return (text.trim().split("\n").at(-1) ?? "").replace(/^(moat|bwrap): /, "");
}
