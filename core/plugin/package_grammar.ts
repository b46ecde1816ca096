/**
 * How the ecosystems spell packages and versions, as closed sets of ASCII characters.
 *
 * Narrower than the ecosystems themselves: paths, addresses and options are left out on purpose,
 * since an entry of a project's file must not reach beyond its registry.
 *
 * @module
 */

import type { PackageGrammar } from "./contract.ts";

/** The spelling of one ecosystem. */
interface Spelling {
  readonly name: RegExp;
  readonly version: RegExp;
  /** A correct entry without its family. */
  readonly example: string;
  /** The one spelling of a package, so that two of them are not two packages. */
  normalize(name: string): string;
  /** What of a normalized name can be installed only once. */
  identity?(name: string): string;
}

const SEMVER = String.raw`[0-9]+(?:\.(?:[0-9]+|x)){0,2}(?:-[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?`;

/** Spellings by ecosystem. */
export const PACKAGE_GRAMMARS: Readonly<Record<PackageGrammar, Spelling>> = {
  npm: {
    name: /^(?:@[A-Za-z0-9][\w.-]{0,213}\/)?[A-Za-z0-9][\w.-]{0,213}$/,
    version: new RegExp(`^[~^]?${SEMVER}$|^[a-z][a-z0-9-]*$`),
    example: "typescript@5",
    normalize: (name) => name,
  },
  python: {
    name: new RegExp(
      String
        .raw`^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9][\w-]*(?:,[A-Za-z0-9][\w-]*)*\])?$`,
    ),
    version: /^[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc|\.post|\.dev)[0-9]+)?$/,
    example: "requests[socks]@2.32",
    normalize(text) {
      const [name = "", extras] = text.slice(0, text.endsWith("]") ? -1 : undefined).split("[");
      const plain = name.replaceAll(/[-_.]+/g, "-").toLowerCase();
      return extras === undefined ? plain : `${plain}[${extras.split(",").sort().join(",")}]`;
    },
    identity: (name) => name.replace(/\[.*$/, ""),
  },
  go: {
    name: /^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+(?:\/[A-Za-z0-9_~][\w.~-]*)+$/,
    version: /^v[0-9]+(?:\.[0-9]+){0,2}(?:[-+][0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?$|^latest$/,
    example: "golang.org/x/tools/cmd/goimports@v0.30",
    normalize: (name) => name,
  },
  cargo: {
    name: /^[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*$/,
    version: new RegExp(`^${SEMVER.replace("|x", "")}$`),
    example: "cargo-nextest@0.9",
    normalize: (name) => name,
    identity: (name) => name.replaceAll("_", "-").toLowerCase(),
  },
};
