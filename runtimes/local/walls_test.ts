import assert from "node:assert/strict";
import { openPty } from "../../core/terminal/pty.ts";
import { requires } from "../../tests/helpers/machine.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import { createLocalSubject, LOCAL_BACKENDS } from "../../tests/helpers/local_subject.ts";
import { createHomeId } from "../../core/ids.ts";
import type { ContainerSpec } from "../../core/plugin/runtime.ts";
import type { Wall } from "./walls.ts";

/**
 * One thing that must not be possible inside. The script prints `holds` when the wall stands, and
 * anything else when it does not.
 */
interface Breach {
  readonly title: string;
  readonly script: string;
  readonly changes?: Partial<ContainerSpec>;
  /** Walls without which the script must notice; absent where no single one can be taken out. */
  readonly without?: readonly Wall[];
  /** Where taking it out shows: bubblewrap always closes some, and an ordinary user cannot do some. */
  readonly shownBy?: { readonly backend?: "unshare"; readonly user?: "root" };
}

/** Wraps a command that must fail. */
const refused = (command: string) =>
  `if out=$( { ${command}; } 2>&1 ); then echo "done: $out"; else echo holds; fi`;
const absent = (...paths: readonly string[]) =>
  `for p in ${
    paths.join(" ")
  }; do [ -e "$p" ] && [ "$(ls -A "$p")" != moatuser ] && echo "there: $p"; done; echo holds`;
/** Perl is inside, as in every Debian. */
const perl = (program: string) => `perl -e '${program}'`;

const BREACHES: readonly Breach[] = [
  {
    title: "password hashes and keys of /etc are not there",
    script: absent(
      "/etc/shadow",
      "/etc/gshadow",
      "/etc/sudoers",
      "/etc/ssh",
      "/etc/ssl/private",
      "/etc/machine-id",
    ),
    without: ["allowed etc"],
  },
  {
    title: "users of the host are unknown",
    script: `[ "$(grep -c . /etc/passwd)" -le 3 ] && grep -q ^moatuser /etc/passwd && echo holds`,
    without: ["allowed etc"],
  },
  {
    title: "homes, services and sockets of the host are not there",
    script: absent("/home", "/root", "/run", "/srv", "/var"),
    without: ["hidden host"],
  },
  {
    title: "the system cannot be written",
    script: refused("touch /usr/moat-breach") +
      `; [ -w /usr/bin ] && echo writable; grep -q " /usr ro," /proc/self/mountinfo || echo rw`,
    without: ["read-only system"],
  },
  {
    title: "the root cannot be written",
    script: refused("mkdir /moat-breach"),
    without: ["sealed root"],
  },
  {
    title: "core_pattern cannot be written",
    script: refused(
      "cat /proc/sys/kernel/core_pattern >/tmp/p; cat /tmp/p >/proc/sys/kernel/core_pattern",
    ),
    without: ["read-only proc"],
    shownBy: { backend: "unshare", user: "root" },
  },
  {
    title: "sysrq cannot be written",
    // Opened, never written: the test of the test must not do anything.
    script: refused("exec 3>>/proc/sysrq-trigger"),
  },
  {
    title: "everything of /proc that steers the machine is read-only",
    script: `for p in sys sysrq-trigger irq bus fs; do [ -e /proc/$p ] || continue; ` +
      `grep -q " /proc/$p ro," /proc/self/mountinfo || echo "open: $p"; done; echo holds`,
    without: ["read-only proc"],
  },
  {
    title: "kernel memory, keys and symbols cannot be read",
    script: `for p in kcore keys kallsyms vmallocinfo; do [ -e /proc/$p ] || continue; ` +
      `head -c1 /proc/$p 2>/dev/null | grep -q . && echo "read: $p"; ` +
      `[ -c /proc/$p ] || echo "not masked: $p"; done; echo holds`,
    without: ["masked proc"],
  },
  {
    title: "only the sandbox's own processes are seen",
    script: `[ "$(ls -d /proc/[0-9]* | wc -l)" -le 6 ] && ` +
      `grep -q perl /proc/1/comm && echo holds`,
    without: ["processes"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "a read-only mount cannot be made writable",
    script: refused("mount -o remount,bind,rw /usr") + "; " + refused("umount /proc/sys") +
      "; " + refused("mount -t tmpfs none /tmp"),
    without: ["capabilities", "inner user", "no new privileges"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "user namespaces cannot be nested",
    script: refused("unshare --user true"),
    without: ["nested namespaces"],
  },
  {
    title: "no other namespaces can be made",
    script: refused("unshare --mount true") + "; " + refused("unshare --net true"),
    without: ["capabilities", "inner user"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "there are no capabilities, and none can be had",
    script:
      `grep -E "^Cap(Prm|Eff|Bnd|Amb)" /proc/self/status | grep -v 0000000000000000; echo holds`,
    without: ["capabilities"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "programs give no privileges",
    script: `grep -q "^NoNewPrivs:.1" /proc/self/status && echo holds`,
    without: ["no new privileges"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "set-user-id has no effect on any mount",
    script: `grep -vE " - (proc|devpts) " /proc/self/mountinfo | ` +
      `grep -vE "^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ [^ ]+ [^ ]*nosuid"; echo holds`,
    without: ["mount flags"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "devices do not work on mounts of the host",
    script:
      `grep -E " /(usr|workspace|etc/[^ ]+) " /proc/self/mountinfo | grep -v nodev; echo holds`,
    without: ["mount flags"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "devices are seven nodes and terminals",
    script:
      `cd /dev; for d in *; do case $d in null|zero|full|random|urandom|tty|ptmx|pts|shm|fd|` +
      `stdin|stdout|stderr|core) ;; *) echo "there: $d" ;; esac; done; echo holds`,
    without: ["devices"],
  },
  {
    title: "devices cannot be made",
    script: refused("mknod /tmp/mem c 1 1") + "; " + refused("mknod /workspace/mem c 1 1"),
  },
  {
    title: "/dev cannot be written, shared memory can",
    script: refused("touch /dev/x") + "; touch /dev/shm/x || echo shm",
    without: ["sealed root"],
  },
  {
    title: "the terminals of the host are not there",
    script: `ls /dev/pts | grep -v ptmx; echo holds`,
    without: ["devices"],
  },
  {
    title: "the host's name is not shown and cannot be changed",
    script: `[ "$(cat /proc/sys/kernel/hostname)" = contract ] && ` + refused("hostname other"),
    without: ["hostname"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "namespaces are all its own",
    script: `for n in cgroup ipc mnt net pid user uts; do ` +
      `[ "$(readlink /proc/self/ns/$n)" != "$(sed -n "s/^$n //p" /workspace/host-namespaces)" ] ` +
      `|| echo "shared: $n"; done; echo holds`,
    without: ["cgroup"],
  },
  { title: "the ipc namespace is its own", script: ownNamespace("ipc"), without: ["ipc"] },
  { title: "the network namespace is its own", script: ownNamespace("net"), without: ["network"] },
  { title: "the pid namespace is its own", script: ownNamespace("pid"), without: ["processes"] },
  { title: "the host name is its own", script: ownNamespace("uts"), without: ["hostname"] },
  {
    title: "only its own interfaces are seen",
    script: `[ "$(grep -c . /workspace/host-interfaces)" -ge 3 ] || exec echo holds; ` +
      `cmp -s /proc/net/dev /workspace/host-interfaces && echo same; ` +
      `[ "$(awk "NR>2{print \\$1}" /proc/net/dev | grep -vc -e lo: -e tap0: )" -le 1 ] && echo holds`,
    without: ["network"],
  },
  {
    title: "a process of the host cannot be traced or signalled",
    script: `pid=$(cat /workspace/host-pid); [ "$(cat /proc/$pid/comm 2>/dev/null)" = deno ] ` +
      `&& echo seen; ` +
      refused("kill -0 $(cat /workspace/host-pid) && [ -d /proc/$(cat /workspace/host-pid) ]"),
    without: ["processes"],
    shownBy: { backend: "unshare" },
  },
  {
    title: "process 1 cannot be looked into",
    script: ["cat /proc/1/environ", "readlink /proc/1/fd/4", ": >>/proc/1/fd/4", "ls /proc/1/root/"]
      .map(refused).join("; "),
    without: ["hidden init"],
  },
  {
    title: "no descriptor of moat is inherited",
    script: `ls /proc/self/fd | grep -vE "^[0-3]$"; echo holds`,
    without: ["descriptors"],
  },
  {
    title: "keys of the session that moat was started in are out of reach",
    script: `[ "$(${sessionKeyring()})" != "$(cat /workspace/host-keyring)" ] && echo holds`,
    without: ["keyring"],
  },
  {
    title: "the user's terminal cannot be reached",
    script: refused("exec 3<>/dev/tty") + "; " +
      refused(perl(`open(T, "+<", "/dev/tty") or exit 1; ioctl(T, 0x5412, "x") or exit 1`)),
  },
  {
    title: "files outside of the project cannot be written",
    script: refused("echo x >/usr/x") + "; " + refused("echo x >/etc/x") + "; " +
      refused("echo x >/etc/passwd") + "; " + refused("echo x >/etc/hosts"),
    without: ["sealed root"],
  },
  {
    title: "tools that were asked for are seen and cannot be written",
    script: `[ -x "$TOOL/tool" ] || echo hidden; ` + refused(`echo x >"$TOOL/tool"`) + "; " +
      refused(`rm "$TOOL/tool"`),
    without: ["read-only system"],
  },
];

/** Gives this process a keyring as a login does: a machine without logins may have none. */
function joinSessionKeyring(): void {
  using libc = disposable(Deno.dlopen("libc.so.6", {
    syscall: { parameters: ["i64", "i64", "i64"], result: "i64" },
  }));
  libc.library.symbols.syscall(Deno.build.arch === "aarch64" ? 219n : 250n, 1n, 0n);
}

/** Leaves a descriptor open that every program started from here inherits, as some shells do. */
function leakDescriptor(): () => void {
  const libc = Deno.dlopen("libc.so.6", {
    dup: { parameters: ["i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const leaked = libc.symbols.dup(2);
  assert.notEqual(leaked, -1);
  return () => {
    libc.symbols.close(leaked);
    libc.close();
  };
}

function disposable<T extends { close(): void }>(library: T): { library: T } & Disposable {
  return { library, [Symbol.dispose]: () => library.close() };
}

/** Prints the number of the session's keyring, or nothing where the kernel has none. */
function sessionKeyring(): string {
  const call = Deno.build.arch === "aarch64" ? 219 : 250;
  return perl(`my $id = syscall(${call}, 0, -3, 0); print $id if $id > 0`);
}

function ownNamespace(name: string): string {
  return `[ "$(readlink /proc/self/ns/${name})" != ` +
    `"$(sed -n "s/^${name} //p" /workspace/host-namespaces)" ] && echo holds`;
}

const user = Deno.uid() === 0 ? "root" : "ordinary user";

for (const { backend, needs } of LOCAL_BACKENDS) {
  for (const breach of BREACHES) {
    Deno.test({
      ...requires(...needs),
      name: `${backend}, ${user}: ${breach.title}`,
      fn: async () => assert.deepEqual(await attempt(backend, breach), "holds"),
    });
    const { without, shownBy = {} } = breach;
    if (without === undefined || (shownBy.backend ?? backend) !== backend) continue;
    if ((shownBy.user ?? user) !== user) continue;
    Deno.test({
      ...requires(...needs),
      name: `${backend}, ${user}: without "${without.join(", ")}" not: ${breach.title}`,
      fn: async () => assert.notDeepEqual(await attempt(backend, breach, without), "holds"),
    });
  }
}

/** Returns `holds` when every line of the script's output says so. */
async function attempt(
  backend: "bubblewrap" | "unshare",
  { script, changes = {} }: Breach,
  without: readonly Wall[] = [],
): Promise<string> {
  await using subject = await createLocalSubject({
    backend,
    home: createHomeId(),
    spec: baseSpec,
    without,
  });
  const project = `${subject.stateDir}/project`;
  const tool = `${subject.stateDir}/tool`;
  await Deno.mkdir(project);
  await Deno.mkdir(tool);
  await Deno.writeTextFile(`${tool}/tool`, "#!/bin/sh\n", { mode: 0o755 });
  await Deno.writeTextFile(`${project}/host-pid`, `${Deno.pid}\n`);
  await Deno.writeTextFile(`${project}/host-namespaces`, hostNamespaces());
  await Deno.writeTextFile(
    `${project}/host-interfaces`,
    await Deno.readTextFile("/proc/self/net/dev"),
  );
  joinSessionKeyring();
  using held = new DisposableStack();
  // A machine on which nobody is logged in has no terminal that could be seen.
  const terminal = openPty();
  held.defer(() => terminal.close());
  held.defer(leakDescriptor());
  const { stdout } = await new Deno.Command("sh", { args: ["-c", sessionKeyring()] }).output();
  await Deno.writeFile(`${project}/host-keyring`, stdout);
  const spec = subject.spec({
    command: ["sh", "-c", script],
    network: { kind: "own", name: "" },
    mounts: [{ kind: "bind", source: project, target: "/workspace", readOnly: false }],
    toolPaths: [tool],
    env: { TOOL: tool },
    ...changes,
  });
  await subject.runtime.create(spec);
  const attachment = await subject.runtime.start(spec);
  assert.ok(attachment);
  let text = "";
  const decoder = new TextDecoder();
  for await (const { data, stream } of attachment.output) {
    if (stream === "stdout") text += decoder.decode(data, { stream: true });
  }
  await attachment[Symbol.asyncDispose]();
  await subject.runtime.wait(spec.name);
  const lines = new Set(text.trim().split("\n"));
  return lines.size === 1 && lines.has("holds") ? "holds" : text;
}

function hostNamespaces(): string {
  return ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"].map((name) =>
    `${name} ${Deno.readLinkSync(`/proc/self/ns/${name}`)}\n`
  ).join("");
}
