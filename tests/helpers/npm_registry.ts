/**
 * A package registry on loopback, as npm's clients speak to one; packages are packed by npm itself.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";

/** A running registry. */
export interface NpmRegistry extends AsyncDisposable {
  readonly url: string;
  /** Serve archives with a byte changed. */
  tamper: boolean;
  /** Packs a copy of the directory under that name and version, and serves it as the newest. */
  publish(
    directory: string,
    identity: { readonly name: string; readonly version: string },
  ): Promise<void>;
}

interface Published {
  readonly version: string;
  readonly archive: Uint8Array<ArrayBuffer>;
}

/** Starts one on a free port. */
export function serveNpmPackages(): Promise<NpmRegistry> {
  const packages = new Map<string, Published[]>();
  const state = { tamper: false };
  const answer = (request: Request): Response => {
    const [, name = "", dash, file] = new URL(request.url).pathname.split("/");
    const versions = packages.get(name);
    if (versions === undefined) return new Response("{}", { status: 404 });
    if (dash !== "-") return Response.json(packument(name, versions, url));
    const found = versions.find(({ version }) => file === `${name}-${version}.tgz`);
    if (found === undefined) return new Response(null, { status: 404 });
    const body = found.archive.slice();
    if (state.tamper) body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
    return new Response(body);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  const url = `http://127.0.0.1:${server.addr.port}`;
  return Promise.resolve({
    url,
    get tamper() {
      return state.tamper;
    },
    set tamper(value) {
      state.tamper = value;
    },
    async publish(directory, identity) {
      const archive = await packPlugin(directory, identity);
      const versions = packages.get(identity.name) ?? [];
      packages.set(identity.name, [...versions, { version: identity.version, archive }]);
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

function packument(name: string, versions: readonly Published[], url: string): unknown {
  return {
    name,
    "dist-tags": { latest: versions.at(-1)?.version },
    versions: Object.fromEntries(versions.map(({ version, archive }) => [version, {
      name,
      version,
      dist: {
        tarball: `${url}/${name}/-/${name}-${version}.tgz`,
        integrity: `sha512-${createHash("sha512").update(archive).digest("base64")}`,
        shasum: createHash("sha1").update(archive).digest("hex"),
      },
    }])),
  };
}

/** Packs a copy of the directory, as npm does it, under that name and version. */
export async function packPlugin(
  directory: string,
  identity: { readonly name: string; readonly version: string },
): Promise<Uint8Array<ArrayBuffer>> {
  const copy = await Deno.makeTempDir({ prefix: "moat-npm-pack-" });
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile) await Deno.copyFile(join(directory, name), join(copy, name));
    }
    await Deno.writeTextFile(join(copy, "package.json"), JSON.stringify(identity));
    const { success, stdout, stderr } = await new Deno.Command("npm", {
      args: ["pack", "--json", "--ignore-scripts"],
      cwd: copy,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const answer: unknown = JSON.parse(new TextDecoder().decode(stdout));
    const first: unknown = Array.isArray(answer) ? answer[0] : undefined;
    return await Deno.readFile(join(copy, String(Object(first).filename)));
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}
