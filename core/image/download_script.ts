/**
 * The script of a `download` layer: fetch, check, unpack, install.
 *
 * Every value reaches it as a variable. Nothing of a file is used before its check has passed.
 *
 * @module
 */

import type { Layer } from "../plugin/contribution.ts";

type Download = Extract<Layer, { readonly kind: "download" }>;

/** A script with its variables and words. */
export interface DownloadScript {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** From and to of each program, alternating. */
  readonly words: readonly string[];
}

const FETCH = `
work=$(mktemp -d)
curl --fail --silent --show-error --location --retry 3 --output "$work/file" "$URL"`;

const CHECK_PIN = `
echo "$SHA256  $work/file" | sha256sum --check --quiet`;

const SUMS = {
  list: `sum=$(awk -v name="$NAME" '{ file = $2; sub(/^[*]?([.][/])?/, "", file) }
  file == name { print $1 }' "$work/sums")`,
  bsd: `sum=$(awk -v name="($NAME)" '$1 == "SHA256" && $2 == name { print $4 }' "$work/sums")`,
  bare: `sum=$(awk 'NR == 1 { print $1 }' "$work/sums")`,
} as const;

const CHECK_SUM = `
case $sum in *[!0-9a-f]*|"") echo "moat: $SUMS names no single sum of $NAME" >&2; exit 1;; esac
echo "$sum  $work/file" | sha256sum --check --quiet`;

const UNPACK = {
  "tar.gz": `
mkdir "$work/files"
tar --extract --gzip --no-same-owner --file "$work/file" --directory "$work/files"`,
  "tar.xz": `
mkdir "$work/files"
tar --extract --xz --no-same-owner --file "$work/file" --directory "$work/files"`,
  "zip": `
unzip -q "$work/file" -d "$work/files"`,
} as const;

const INSTALL = `
while [ $# -gt 0 ]; do
  install -D --mode 0755 "$work/files/$1" "$2"
  shift 2
done
rm -r "$work"`;

const INSTALL_FILE = `
install -D --mode 0755 "$work/file" "$2"
rm -r "$work"`;

const UNPACKER = { "none": [], "tar.gz": [], "tar.xz": ["xz-utils"], "zip": ["unzip"] } as const;

/** Renders a download. */
export function downloadScript({ url, check, archive, install }: Download): DownloadScript {
  const checked = renderCheck(check);
  const unpack = archive === "none" ? INSTALL_FILE : UNPACK[archive] + INSTALL;
  return {
    script: FETCH + checked.script + unpack,
    env: { URL: url, ...checked.env },
    words: install.flatMap(({ from, to }) => [from, to]),
  };
}

/** The Debian packages that the script needs. */
export function downloadPackages({ archive }: Download): readonly string[] {
  return ["curl", ...UNPACKER[archive]];
}

function renderCheck(
  check: Download["check"],
): { readonly script: string; readonly env: Readonly<Record<string, string>> } {
  switch (check.kind) {
    case "none":
      return { script: "", env: {} };
    case "sha256":
      return { script: CHECK_PIN, env: { SHA256: check.sha256 } };
    case "sums":
      return {
        script: `
curl --fail --silent --show-error --location --retry 3 --output "$work/sums" "$SUMS"
${SUMS[check.format]}${CHECK_SUM}`,
        env: { SUMS: check.url, NAME: check.name },
      };
  }
}
