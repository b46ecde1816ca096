/**
 * What of this machine's files a sandbox shows: found once per start by looking at names only.
 *
 * /etc is an allow list. Nothing in it holds keys: of /etc/ssl only the certificates.
 *
 * @module
 */

/** A symbolic link to make again inside. */
export interface HostLink {
  readonly target: string;
  readonly text: string;
}

/** The host's side of a layout. */
export interface HostFiles {
  /** `/bin` and its like where they are links into /usr. */
  readonly systemLinks: readonly HostLink[];
  /** The same where they are directories. */
  readonly systemDirectories: readonly string[];
  readonly etcLinks: readonly HostLink[];
  readonly etcPaths: readonly string[];
  readonly procReadOnly: readonly string[];
  readonly procMasked: readonly string[];
  /** Directories that exist here and must not exist inside; only tests look at them. */
  readonly hidden: readonly string[];
}

const SYSTEM = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

const ETC = [
  "alternatives",
  "bash.bashrc",
  "bashrc",
  "bash_completion.d",
  "ca-certificates",
  "ca-certificates.conf",
  "crypto-policies",
  "debian_version",
  "fonts",
  "gai.conf",
  "host.conf",
  "inputrc",
  "java-8-openjdk",
  "java-11-openjdk",
  "java-17-openjdk",
  "java-21-openjdk",
  "java-25-openjdk",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "locale.alias",
  "locale.conf",
  "localtime",
  "lsb-release",
  "magic",
  "magic.mime",
  "manpath.config",
  "mime.types",
  "nanorc",
  "networks",
  "nsswitch.conf",
  "os-release",
  "perl",
  "pki/ca-trust/extracted",
  "pki/tls/cert.pem",
  "pki/tls/certs",
  "pki/tls/openssl.cnf",
  "profile",
  "profile.d",
  "protocols",
  "python3",
  "redhat-release",
  "rpc",
  "services",
  "shells",
  "ssl/cert.pem",
  "ssl/certs",
  "ssl/openssl.cnf",
  "terminfo",
  "timezone",
  "vim",
  "virc",
  "vimrc",
  "xattr.conf",
  "zsh",
];

const PROC_READ_ONLY = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/** Beyond what is asked for: files that only the host's root reads or writes. */
const PROC_MASKED = [
  "acpi",
  "asound",
  "buddyinfo",
  "config.gz",
  "iomem",
  "ioports",
  "kallsyms",
  "kcore",
  "key-users",
  "keys",
  "kmsg",
  "kpagecgroup",
  "kpagecount",
  "kpageflags",
  "latency_stats",
  "modules",
  "mtrr",
  "pagetypeinfo",
  "pressure",
  "sched_debug",
  "scsi",
  "slabinfo",
  "timer_list",
  "timer_stats",
  "vmallocinfo",
];

const HIDDEN = ["/root", "/run", "/srv", "/var"];

/** Looks at this machine. */
export function findHostFiles(): HostFiles {
  const system = SYSTEM.map(look).filter((found) => found !== undefined);
  const etc = ETC.map((name) => look(`/etc/${name}`)).filter((found) => found !== undefined);
  return {
    systemLinks: system.filter((found) => "text" in found),
    systemDirectories: system.filter((found) => !("text" in found)).map(({ target }) => target),
    etcLinks: etc.filter((found) => "text" in found && leadsIntoShown(found)).filter((found) =>
      "text" in found
    ),
    etcPaths: etc.filter((found) => !("text" in found && leadsIntoShown(found))).map((
      { target },
    ) => target),
    procReadOnly: PROC_READ_ONLY.map((name) => `/proc/${name}`).filter(exists),
    procMasked: PROC_MASKED.map((name) => `/proc/${name}`).filter(exists),
    hidden: HIDDEN.filter(exists),
  };
}

/** A link into /usr works inside as it is; any other is shown as what it leads to. */
function leadsIntoShown(link: HostLink): boolean {
  const path = link.text.startsWith("/") ? link.text : `/etc/${link.text}`;
  return /^\/(etc\/\.\.\/)?usr\//.test(path);
}

function look(target: string): HostLink | { readonly target: string } | undefined {
  try {
    const { isSymlink } = Deno.lstatSync(target);
    if (isSymlink) {
      Deno.statSync(target);
      return { target, text: Deno.readLinkSync(target) };
    }
    return { target };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.PermissionDenied;
}
