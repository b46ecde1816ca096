/**
 * How this system is made to trust one certificate authority, and to forget it: what would be run.
 *
 * Pure. The authority goes under a name with its own fingerprint, so that what is taken away again
 * is exactly what was given.
 *
 * @module
 */

/** Certificates that the system's administrator adds, and what makes programs see them. */
export interface TrustStore {
  readonly directory: string;
  readonly update: readonly string[];
}

/** The stores of Linux systems; the first whose directory is there is used. */
export const LINUX_STORES: readonly TrustStore[] = [
  { directory: "/usr/local/share/ca-certificates", update: ["update-ca-certificates"] },
  { directory: "/etc/pki/ca-trust/source/anchors", update: ["update-ca-trust", "extract"] },
];

/** An authority by its certificate's file and the SHA-256 of its DER, in lower-case hex. */
export interface KnownAuthority {
  readonly file: string;
  readonly fingerprint: string;
}

/** argv of programs, one after another; all need the administrator's rights. */
export type TrustSteps = readonly (readonly string[])[];

const MAC_KEYCHAIN = "/Library/Keychains/System.keychain";

/** Where the certificate lies once a Linux system trusts it. */
export function trustedFile({ directory }: TrustStore, { fingerprint }: KnownAuthority): string {
  return `${directory}/moat-router-${fingerprint.slice(0, 16)}.crt`;
}

/** Makes a Linux system trust it. */
export function linuxTrust(store: TrustStore, authority: KnownAuthority): TrustSteps {
  return [
    ["install", "-m", "0644", authority.file, trustedFile(store, authority)],
    store.update,
  ];
}

/** Makes it forget it. */
export function linuxUntrust(store: TrustStore, authority: KnownAuthority): TrustSteps {
  return [["rm", "-f", trustedFile(store, authority)], store.update];
}

/** Makes macOS trust it, for TLS only. */
export function macTrust({ file }: KnownAuthority): TrustSteps {
  return [
    [
      "security",
      "add-trusted-cert",
      "-d",
      "-r",
      "trustRoot",
      "-p",
      "ssl",
      "-k",
      MAC_KEYCHAIN,
      file,
    ],
  ];
}

/** Makes macOS forget it. */
export function macUntrust({ file, fingerprint }: KnownAuthority): TrustSteps {
  return [
    ["security", "remove-trusted-cert", "-d", file],
    ["security", "delete-certificate", "-Z", fingerprint.toUpperCase(), MAC_KEYCHAIN],
  ];
}

/** What tells on macOS which certificates are there; each has a line with its SHA-256. */
export const MAC_LIST: readonly string[] = [
  "security",
  "find-certificate",
  "-a",
  "-Z",
  MAC_KEYCHAIN,
];

/** Where Chromium and Chrome on Linux look, besides their own list. */
const NSS_DATABASE = "sql:$HOME/.pki/nssdb";

/** How programs are told that do not ask the system, a line each. */
export function tellOthers(authority: KnownAuthority, os: "linux" | "darwin"): readonly string[] {
  const { file } = authority;
  return [
    `Programs with a store of their own have to be told ${file}:`,
    ...(os === "darwin"
      ? ["  Firefox    before 120: Settings, Privacy & Security, View Certificates, Import"]
      : [
        "  Firefox    Settings, Privacy & Security, View Certificates, Authorities, Import, for websites",
        "  Chromium   mkdir -p $HOME/.pki/nssdb && " +
        `certutil -d ${NSS_DATABASE} -A -t C,, -n ${nickname(authority)} -i ${file}`,
        "             (certutil is in libnss3-tools or nss-tools; then start the browser again)",
      ]),
    `  Node.js    NODE_EXTRA_CA_CERTS=${file}`,
  ];
}

/** How they are made to forget it, a line each. */
export function tellOthersBack(
  authority: KnownAuthority,
  os: "linux" | "darwin",
): readonly string[] {
  return [
    "What was told to programs themselves stays there:",
    "  Firefox    Settings, Privacy & Security, View Certificates, Authorities, moat, Delete",
    ...(os === "darwin"
      ? []
      : [`  Chromium   certutil -d ${NSS_DATABASE} -D -n ${nickname(authority)}`]),
  ];
}

/** Several homes may each have one, and a database takes one of each name. */
function nickname({ fingerprint }: KnownAuthority): string {
  return `moat-router-${fingerprint.slice(0, 8)}`;
}
