/**
 * The shapes of `moat-plugin.yaml` by kind: what a stranger may write.
 *
 * @module
 */

import * as v from "valibot";
import { RUNTIME_PROTOCOL } from "./executable/runtime_protocol.ts";
import type { PluginManifest, ProviderManifest, RuntimeManifest } from "./manifest_kinds.ts";
import { MANIFEST_SCHEMA } from "./manifest_schema.ts";
import { described, line, listOf, matching, NO_KIND, variable } from "./manifest_words.ts";

/** Of kind `runtime`. */
const RUNTIME_SCHEMA: v.GenericSchema<unknown, RuntimeManifest> = v.strictObject({
  ...described,
  kind: v.literal("runtime", NO_KIND),
  entry: matching(
    /^(?!.*\.\.)[\w@+-][\w.@+-]*(?:\/[\w@+-][\w.@+-]*)*$/,
    "is not a file of the plugin",
    "Write its path, like runtime.py",
  ),
  contract: v.literal(
    RUNTIME_PROTOCOL,
    `is not a protocol that this moat knows\nWrite contract: ${RUNTIME_PROTOCOL}`,
  ),
  permissions: v.exactOptional(v.strictObject({
    run: v.exactOptional(
      listOf(
        matching(/^[A-Za-z0-9][\w.+-]*$/, "is not a program", "Write its name without a path"),
      ),
    ),
    env: v.exactOptional(listOf(variable)),
  })),
});

const secretOnce = matching(
  /^[^\r\n]{1,200}$/,
  "is not a header's value",
  'Write it like "Bearer {secret}"',
);

/** Of kind `provider`. */
const PROVIDER_SCHEMA: v.GenericSchema<unknown, ProviderManifest> = v.strictObject({
  ...described,
  kind: v.literal("provider", NO_KIND),
  credential: v.strictObject({
    variables: v.tupleWithRest([variable], variable),
    form: v.strictObject({
      prefix: v.exactOptional(
        matching(/^[\w.+/=-]{1,40}$/, "is not the start of a token", "Write what all begin with"),
      ),
      characters: v.picklist(
        ["hex", "alphanumeric", "word", "base64"],
        "is not a set of characters\nUse hex, alphanumeric, word or base64",
      ),
      length: v.strictObject({ min: count(8), max: count(8) }),
    }),
  }),
  hosts: listOf(v.strictObject({
    host: matching(
      /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+$/,
      "is not a host",
      "Write its whole name, or *. and a domain",
    ),
    header: v.strictObject({
      name: matching(/^[A-Za-z][A-Za-z0-9-]*$/, "is not a header", "Write its name"),
      value: v.pipe(
        secretOnce,
        v.check(
          (value) => value.split("{secret}").length === 2,
          'has not one place for the credential\nWrite it like "Bearer {secret}"',
        ),
      ),
    }),
  })),
  env: v.pipe(
    v.record(variable, line),
    v.check((env) => Object.keys(env).length > 0, "is empty\nName a variable that the run sees"),
  ),
  validate: v.exactOptional(v.strictObject({
    method: v.picklist(["GET", "HEAD"], "is neither GET nor HEAD\nWrite method: GET"),
    url: matching(/^https:\/\/[^\s/@]+\/\S*$/, "is not an address", "Write it with https://"),
  })),
});

/** The schema of manifests of that kind; of one that is no kind, that of dependencies says so. */
export function schemaOfKind(kind: unknown): v.GenericSchema<unknown, PluginManifest> {
  if (kind === "runtime") return RUNTIME_SCHEMA;
  return kind === "provider" ? PROVIDER_SCHEMA : MANIFEST_SCHEMA;
}

/** Of every kind, for editors. */
export const PLUGIN_SCHEMA: v.GenericSchema<unknown, PluginManifest> = v.union([
  MANIFEST_SCHEMA,
  RUNTIME_SCHEMA,
  PROVIDER_SCHEMA,
]);

function count(min: number): v.GenericSchema<unknown, number> {
  return v.pipe(
    v.number("is not a number\nWrite how many characters"),
    v.integer("is not a whole number\nWrite how many characters"),
    v.minValue(min, `is too small\nWrite ${min} or more`),
    v.maxValue(4096, "is too large\nWrite 4096 or less"),
  );
}
