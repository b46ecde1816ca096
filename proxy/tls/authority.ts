/**
 * The router's certificate authority: made on first use, good for `localhost` and nothing else.
 *
 * Its key never leaves the store. A critical name constraint keeps whoever trusts it safe even from
 * its own key: no certificate of it for any other name is valid, nor one for an address.
 *
 * @module
 */

import { join } from "node:path";
import { MoatError } from "../../core/errors.ts";
import type { RouterAuthority } from "../../core/plugin/router.ts";
import { lockFile } from "../../core/store/file_lock.ts";
import { writePrivately } from "./write_privately.ts";

/** A server's certificate with its key, as PEM. */
export interface Leaf {
  readonly certificate: string;
  readonly key: string;
  /** In ms since the epoch: from then on another one should take its place. */
  readonly renewAt: number;
}

/** An authority that signs. */
export interface SigningAuthority extends RouterAuthority {
  /** In ms since the epoch. */
  readonly renewAt: number;
  /** A certificate for these DNS names, `localhost` and names below it. */
  issue(names: readonly string[]): Promise<Leaf>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks of machines differ. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_MS = 10 * 365 * DAY_MS;
const LEAF_MS = 90 * DAY_MS;
/** An authority signs nothing that outlives it. */
export const AUTHORITY_SPARE_MS = LEAF_MS + 30 * DAY_MS;
const LEAF_SPARE_MS = 30 * DAY_MS;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const NAME_CONSTRAINTS = "2.5.29.30";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
/** Certificate and key in one file: never one of them without the other. */
export const FILE = "router-ca.key.pem";
/** The certificate alone, for programs that take a file. */
export const CERTIFICATE_FILE = "router-ca.crt";
const LOCK_FILE = "router-ca.lock";

/**
 * Opens the authority that is kept in the directory, or makes one when there is none or it nearly
 * ended. Any number of processes may do so at once. @throws MoatError when the file is not one
 */
export async function openAuthority(directory: string): Promise<SigningAuthority> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  using _ = await lockFile(join(directory, LOCK_FILE));
  const path = join(directory, FILE);
  const kept = await readIfThere(path);
  const found = kept === undefined ? undefined : await load(kept, directory);
  if (found !== undefined && found.renewAt > Date.now()) {
    await writePrivately(found.file, found.certificate);
    return found;
  }
  const text = await create();
  await writePrivately(path, text);
  const made = await load(text, directory);
  await writePrivately(made.file, made.certificate);
  return made;
}

async function create(): Promise<string> {
  const x509 = await import("@peculiar/x509");
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Several homes may each have one; people have to be able to tell them apart.
    name: `CN=moat router ${serialNumber().slice(0, 8)}, O=moat`,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + AUTHORITY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new x509.Extension(NAME_CONSTRAINTS, true, await localhostOnly()),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return `${certificate.toString("pem")}\n${x509.PemConverter.encode(key, "PRIVATE KEY")}\n`;
}

/** Names below `localhost`, and no address at all. */
async function localhostOnly(): Promise<ArrayBuffer> {
  const [{ GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints }, { AsnConvert }] =
    await Promise.all([import("@peculiar/asn1-x509"), import("@peculiar/asn1-schema")]);
  const anyIpv4 = new GeneralName({ iPAddress: "0.0.0.0/0.0.0.0" });
  const anyIpv6 = new GeneralName({ iPAddress: "::/::" });
  return AsnConvert.serialize(
    new NameConstraints({
      permittedSubtrees: new GeneralSubtrees([
        new GeneralSubtree({ base: new GeneralName({ dNSName: "localhost" }) }),
      ]),
      excludedSubtrees: new GeneralSubtrees([
        new GeneralSubtree({ base: anyIpv4 }),
        new GeneralSubtree({ base: anyIpv6 }),
      ]),
    }),
  );
}

async function load(text: string, directory: string): Promise<SigningAuthority> {
  const x509 = await import("@peculiar/x509");
  const [certificateText, keyText] = parts(text, directory);
  const certificate = new x509.X509Certificate(certificateText);
  const [keyDer] = x509.PemConverter.decode(keyText);
  const signingKey = await crypto.subtle.importKey(
    "pkcs8",
    keyDer ?? new ArrayBuffer(0),
    ALGORITHM,
    false,
    ["sign"],
  );
  return {
    certificate: certificateText,
    file: join(directory, CERTIFICATE_FILE),
    renewAt: certificate.notAfter.getTime() - AUTHORITY_SPARE_MS,
    async issue(names) {
      const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
      const now = Date.now();
      const leaf = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${names[0]}`,
        issuer: certificate.subjectName,
        notBefore: new Date(now - BACKDATED_MS),
        notAfter: new Date(now + LEAF_MS),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: "dns" as const, value })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(certificate.publicKey),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
      return {
        certificate: leaf.toString("pem"),
        key: x509.PemConverter.encode(key, "PRIVATE KEY"),
        renewAt: now + LEAF_MS - LEAF_SPARE_MS,
      };
    },
  };
}

function parts(text: string, directory: string): readonly [string, string] {
  const found =
    /(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----)\s+(-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----)/
      .exec(text);
  if (found?.[1] === undefined || found[2] === undefined) {
    throw new MoatError(
      `Cannot use certificate authority ${join(directory, FILE)}: it has no certificate and key`,
      { hint: "Remove that file; the router makes another one, to be trusted again" },
    );
  }
  return [`${found[1]}\n`, found[2]];
}

/** Positive and random, as hex. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
