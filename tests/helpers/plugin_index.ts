/**
 * A signed index of plugins, served on loopback, whose every part a test can change.
 *
 * @module
 */

import { join } from "node:path";

/** A release that the index lists. */
export interface TestRelease {
  readonly version: string;
  readonly archive: Uint8Array<ArrayBuffer>;
  readonly yanked?: string;
  readonly permissions?: unknown;
}

/** A running index. */
export interface TestIndex extends AsyncDisposable {
  /** For `registries:` of config.yaml. */
  readonly location: string;
  /** Newest first, by plugin. */
  plugins: Record<string, readonly TestRelease[]>;
  /** Changes what is served, by the last part of its path. */
  tamper: ((name: string, body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) | undefined;
  /** Signs with another key from now on. */
  changeKey(): Promise<void>;
}

/** Starts one on a free port. */
export async function serveIndex(): Promise<TestIndex> {
  let keys = await createKeys();
  const index: Pick<TestIndex, "plugins" | "tamper"> = { plugins: {}, tamper: undefined };
  const answer = async (request: Request): Promise<Response> => {
    const name = new URL(request.url).pathname.slice(1);
    const body = await bodyOf(name, { plugins: index.plugins, keys });
    if (body === undefined) return new Response(null, { status: 404 });
    return new Response(index.tamper?.(name, body) ?? body);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  return Object.assign(index, {
    location: `http://127.0.0.1:${server.addr.port}/index.json`,
    async changeKey() {
      keys = await createKeys();
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

async function createKeys(): Promise<CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in keys)) throw new TypeError("Ed25519 gives a pair");
  return keys;
}

async function bodyOf(
  name: string,
  { plugins, keys }: { readonly plugins: TestIndex["plugins"]; readonly keys: CryptoKeyPair },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const text = new TextEncoder().encode(JSON.stringify(await contentOf(plugins, keys)));
  if (name === "index.json") return text;
  if (name === "index.json.sig") {
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", keys.privateKey, text));
    return new TextEncoder().encode(`${signature.toBase64()}\n`);
  }
  return Object.entries(plugins).flatMap(([id, releases]) =>
    releases.filter(({ version }) => name === `${id}-${version}.tgz`)
  )[0]?.archive;
}

async function contentOf(plugins: TestIndex["plugins"], keys: CryptoKeyPair): Promise<unknown> {
  const key = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey)).toBase64();
  const entries = await Promise.all(
    Object.entries(plugins).map(async ([id, releases]) => {
      const listed = await Promise.all(
        releases.map(async ({ version, archive, yanked, permissions }) => ({
          version,
          archive: `${id}-${version}.tgz`,
          size: archive.length,
          sha256: new Uint8Array(await crypto.subtle.digest("SHA-256", archive)).toHex(),
          released: "2026-01-31",
          ...(yanked === undefined ? {} : { yanked }),
          ...(permissions === undefined ? {} : { permissions }),
        })),
      );
      return [id, { summary: `Plugin ${id}`, releases: listed }];
    }),
  );
  return { schema: 1, key, plugins: Object.fromEntries(entries) };
}

/** An archive of the directory's manifest, changed by the function, and of other files. */
export async function packPlugin(
  directory: string,
  change: (manifest: string) => string = (manifest) => manifest,
  files: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const copy = await Deno.makeTempDir({ prefix: "moat-pack-" });
  try {
    const manifest = await Deno.readTextFile(join(directory, "moat-plugin.yaml"));
    await Deno.writeTextFile(join(copy, "moat-plugin.yaml"), change(manifest));
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(copy, name), text);
    }
    const { success, stdout } = await new Deno.Command("tar", {
      args: ["--format=ustar", "-C", copy, "-czf", "-", "moat-plugin.yaml", ...Object.keys(files)],
    }).output();
    if (!success) throw new Error("tar failed");
    return stdout.slice();
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}
