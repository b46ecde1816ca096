/**
 * What a runtime that is an executable answers to each call: checked before anybody reads it.
 *
 * @module
 */

import * as v from "valibot";

const text = v.pipe(v.string(), v.maxLength(4096));
const lines = v.pipe(v.array(v.pipe(text, v.regex(/^[^\n]*$/))), v.maxLength(50));
const isolation = v.picklist(["gvisor", "container", "vm", "namespaces"]);
const time = v.pipe(v.string(), v.isoTimestamp(), v.transform((value) => new Date(value)));
const labels = v.record(v.string(), text);

/** What the executable can do beyond the minimum, in its words. */
const ABILITY = v.picklist([
  "images",
  "build",
  "networks",
  "volumes",
  "reattach",
  "dial",
  "privileged",
]);

const abilities = {
  abilities: v.pipe(v.array(ABILITY), v.maxLength(20)),
  /** There when containers beside a run are possible: where they listen. */
  companions: v.optional(v.picklist(["subnet", "loopback"])),
};

/** Of `open`. */
export const OPENED = v.object(abilities);

/** What an executable can do. */
export type ExecutableAbilities = v.InferOutput<typeof OPENED>;

/** Of `probe`. */
export const PROBED = v.union([
  v.object({
    target: v.pipe(text, v.regex(/^[\x21-\x7e]+$/)),
    description: v.pipe(text, v.regex(/^[^\n]*$/)),
    arch: v.picklist(["amd64", "arm64"]),
    isolation,
    /** Users inside are others outside: the command runs as uid 0 inside. */
    shiftedIds: v.optional(v.boolean(), false),
    /** The command runs on the host's own programs. */
    usesHostTools: v.optional(v.boolean(), false),
    notices: v.optional(lines, []),
    ...abilities,
  }),
  v.object({ unavailable: v.object({ reason: text, hint: text }) }),
]);

/** Of `wait` and `exec`. */
export const ENDED = v.object({
  code: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)),
  oomKilled: v.optional(v.boolean(), false),
  reason: v.exactOptional(text),
});

/** Of `inspect`; `null` when there is none of that name. */
export const INSPECTED = v.nullable(v.object({
  status: v.picklist(["created", "running", "exited"]),
  exit: v.exactOptional(ENDED),
  startedAt: v.exactOptional(time),
  finishedAt: v.exactOptional(time),
  isolation,
  isolatedBy: text,
  addresses: v.optional(v.array(v.pipe(text, v.ip())), []),
}));

/** Of `list`. */
export const LISTED = v.array(v.object({
  kind: v.picklist(["container", "network", "volume"]),
  name: text,
  labels,
  running: v.boolean(),
}));

/** Of `ensureVolume`: the labels with which it was made. */
export const LABELS = labels;

/** Of `imageId`. */
export const IMAGE_ID = v.nullable(text);

/** Of `buildImage`. */
export const BUILT = v.object({ imageId: text });

/** Of `listImages`. */
export const TAGS = v.array(text);

/** Of questions. */
export const YES_OR_NO = v.boolean();

/** Of calls that only do something. */
export const DONE = v.unknown();
