/**
 * The shape of `moat-plugin.yaml`, kind `dependency`: what a stranger may write.
 *
 * Everything in it that reaches a Dockerfile is a closed set of characters. A message is the state
 * behind `Cannot read "<key>": <text> …`, and after a line break the hint.
 *
 * @module
 */

import * as v from "valibot";
import {
  CODE_CONTRACT,
  type Manifest,
  MANIFEST_GROUPS,
  type ManifestContribution,
} from "./manifest.ts";
import { SERVICE_SCHEMA } from "./manifest_service_schema.ts";
import {
  absolutePath,
  channel,
  described,
  env,
  id,
  image,
  innerPath,
  line,
  listOf,
  matching,
  NO_KIND,
  script,
  sha256,
  text,
  url,
  version,
  word,
} from "./manifest_words.ts";
import { PERMISSIONS_SCHEMA } from "./permissions_schema.ts";

const group = v.picklist(
  MANIFEST_GROUPS,
  `is not a group of layers\nUse one of ${MANIFEST_GROUPS.join(", ")}`,
);
const as = v.exactOptional(
  v.picklist(["root", "user"], "is neither root nor user\nWrite as: root or as: user"),
);
const cacheMounts = v.exactOptional(listOf(absolutePath));

const layer = v.variant("kind", [
  v.strictObject({
    kind: v.literal("run"),
    group,
    as,
    script,
    env: v.exactOptional(env),
    cache_mounts: cacheMounts,
  }),
  v.strictObject({
    kind: v.literal("exec"),
    group,
    as,
    command: v.pipe(listOf(word), v.minLength(1, "is empty\nWrite a program and its arguments")),
    env: v.exactOptional(env),
    cache_mounts: cacheMounts,
  }),
  v.strictObject({
    kind: v.literal("download"),
    group,
    url,
    check: v.variant("kind", [
      v.strictObject({
        kind: v.literal("sums"),
        url,
        format: v.picklist(
          ["list", "bsd", "bare"],
          "is not a format of sums\nUse list, bsd or bare",
        ),
        name: innerPath,
      }),
      v.strictObject({ kind: v.literal("none") }),
    ]),
    archive: v.picklist(
      ["none", "tar.gz", "tar.xz", "zip"],
      "is not an archive\nUse none, tar.gz, tar.xz or zip",
    ),
    install: listOf(v.strictObject({ from: innerPath, to: absolutePath })),
  }),
  v.strictObject({
    kind: v.literal("copy-from"),
    group,
    image,
    paths: listOf(v.strictObject({ from: absolutePath, to: absolutePath })),
  }),
], "is not a layer\nStart it with kind: run, exec, download or copy-from");

/** The shape of a contribution, in a manifest and as a plugin that is code answers. */
export const CONTRIBUTION_SCHEMA: v.GenericSchema<unknown, ManifestContribution> = v.strictObject({
  base_image: v.exactOptional(image),
  apt: v.exactOptional(
    listOf(matching(/^[a-z0-9][a-z0-9.+-]+$/, "is not a Debian package", "Write its exact name")),
  ),
  layers: v.exactOptional(listOf(layer)),
  files: v.exactOptional(v.record(
    absolutePath,
    v.strictObject({
      content: text,
      mode: v.pipe(v.number("is not a number\nWrite 0o644"), v.integer(), v.maxValue(0o777)),
    }),
  )),
  env: v.exactOptional(env),
  path: v.exactOptional(listOf(absolutePath)),
  warnings: v.exactOptional(listOf(word)),
});

/** The schema; what it accepts is a {@linkcode Manifest}. */
export const MANIFEST_SCHEMA: v.GenericSchema<unknown, Manifest> = v.strictObject({
  ...described,
  kind: v.literal("dependency", NO_KIND),
  category: v.picklist(
    ["language", "package manager", "tool", "agent", "service", "meta"],
    "is not a category\nUse language, package manager, tool, agent, service or meta",
  ),
  origin: v.exactOptional(line),
  versions: v.exactOptional(v.strictObject({
    default: v.exactOptional(v.union([version, channel], "is not a version\nWrite it in quotes")),
    known: v.exactOptional(listOf(v.strictObject({
      version,
      sha256: v.exactOptional(v.strictObject({
        amd64: v.exactOptional(sha256),
        arm64: v.exactOptional(sha256),
      })),
      integrity: v.exactOptional(
        matching(/^[A-Za-z0-9]+[-:][A-Za-z0-9+/=]+$/, "is not a checksum", "Copy it exactly"),
      ),
      source: v.exactOptional(line),
      date: v.exactOptional(
        matching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, "is not a day", "Write it like 2026-01-31"),
      ),
    }))),
    others: v.exactOptional(v.picklist([1, 2, 3], "is not 1, 2 or 3\nWrite others: 3")),
    channels: v.exactOptional(listOf(channel)),
  })),
  requires: v.exactOptional(listOf(id)),
  expands: v.exactOptional(listOf(id)),
  commands: v.exactOptional(
    listOf(matching(/^[A-Za-z0-9][\w.+-]*$/, "is not a program", "Write its name without a path")),
  ),
  architectures: v.exactOptional(v.strictObject({
    amd64: matching(/^[\w.-]+$/, "is not a word for it", "Write the vendor's word"),
    arm64: matching(/^[\w.-]+$/, "is not a word for it", "Write the vendor's word"),
  })),
  host: v.exactOptional(v.strictObject({
    version_args: v.exactOptional(listOf(line)),
    hint: v.exactOptional(line),
  })),
  contribution: v.exactOptional(CONTRIBUTION_SCHEMA),
  entry: v.exactOptional(
    matching(
      /^(?!.*\.\.)[\w@+-][\w.@+-]*(?:\/[\w@+-][\w.@+-]*)*\.m?js$/,
      "is not a module of the plugin",
      "Write it like plugin.js",
    ),
  ),
  contract: v.exactOptional(
    v.literal(
      CODE_CONTRACT,
      `is not a contract that this moat knows\nWrite contract: ${CODE_CONTRACT}`,
    ),
  ),
  permissions: v.exactOptional(PERMISSIONS_SCHEMA),
  service: v.exactOptional(SERVICE_SCHEMA),
});
