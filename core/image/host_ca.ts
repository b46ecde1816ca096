/**
 * The certificate authorities that this machine trusts beyond those that its system ships.
 *
 * Only certificates are taken out of the files; a private key beside them stays where it is.
 *
 * @module
 */

/** Options of {@linkcode readHostAuthorities}. */
export interface ReadHostAuthoritiesOptions {
  /** @default the environment of moat itself */
  readonly env?: Readonly<Record<string, string>>;
  /** Bundles of the whole system; those that are not there are passed over. */
  readonly bundles?: readonly string[];
  /** Directories of authorities that come with the system, to be left out. */
  readonly shipped?: readonly string[];
}

const VARIABLES = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"];
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];
const SHIPPED = ["/usr/share/ca-certificates/mozilla"];

/** Their PEM text in a fixed order, or `undefined` when there are none. */
export async function readHostAuthorities(
  { env = Deno.env.toObject(), bundles = BUNDLES, shipped = SHIPPED }: ReadHostAuthoritiesOptions =
    {},
): Promise<string | undefined> {
  const named = VARIABLES.map((name) => env[name] ?? "").filter((path) => path !== "");
  const [texts, ours] = await Promise.all([
    Promise.all([...named, ...bundles].map(readIfThere)),
    Promise.all(shipped.map(readDirectory)),
  ]);
  const known = new Set(ours.flat().flatMap(certificatesIn));
  const found = new Set(texts.flatMap(certificatesIn).filter((one) => !known.has(one)));
  if (found.size === 0) return undefined;
  return [...found].sort().map(toPem).join("");
}

/** The certificates of a PEM text, as base64 without white space. */
export function certificatesIn(text: string): readonly string[] {
  const blocks = text.matchAll(
    /-----BEGIN (?:TRUSTED )?CERTIFICATE-----([A-Za-z0-9+/=\s]*?)-----END (?:TRUSTED )?CERTIFICATE-----/g,
  );
  return [...blocks].map(([, body = ""]) => body.replaceAll(/\s/g, "")).filter((one) => one !== "");
}

function toPem(body: string): string {
  const lines = body.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

async function readDirectory(path: string): Promise<readonly string[]> {
  const files: Promise<string>[] = [];
  try {
    for await (const { name } of Deno.readDir(path)) {
      if (name.endsWith(".crt")) files.push(readIfThere(`${path}/${name}`));
    }
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return await Promise.all(files);
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isAbsent(error)) return "";
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.PermissionDenied;
}
