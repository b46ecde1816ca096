/**
 * The shape of `service:` in a `moat-plugin.yaml`.
 *
 * @module
 */

import * as v from "valibot";
import { isServicePlaceholder, type ManifestService } from "./manifest_service.ts";
import {
  absolutePath,
  env,
  image,
  line,
  listOf,
  matching,
  script,
  text,
  variable,
  word,
} from "./manifest_words.ts";
import { placeholderError } from "./placeholder.ts";

const port = v.pipe(
  v.number("is not a number\nWrite a port from 1 to 65535"),
  v.integer("is not a port\nWrite a port from 1 to 65535"),
  v.minValue(1, "is not a port\nWrite a port from 1 to 65535"),
  v.maxValue(65535, "is not a port\nWrite a port from 1 to 65535"),
);
const words = v.pipe(listOf(word), v.minLength(1, "is empty\nWrite a program and its arguments"));
const plainWords = v.pipe(
  listOf(line),
  v.minLength(1, "is empty\nWrite a program and its arguments"),
);
const id = v.pipe(
  v.number("is not a number\nWrite a user's or group's number"),
  v.integer("is not a number\nWrite a user's or group's number"),
  v.minValue(0, "is below 0\nWrite a user's or group's number"),
);
const program = matching(
  /^[A-Za-z0-9][\w.+-]*$/,
  "is not a program",
  "Write its name without a path",
);

/** A value of a variable of the run. */
const value = v.pipe(
  line,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const problem = placeholderError(dataset.value, isServicePlaceholder);
    if (problem !== undefined) addIssue({ message: `cannot be filled\n${problem}` });
  }),
);

const ready = v.variant("kind", [
  v.strictObject({ kind: v.picklist(["postgres", "mysql", "redis", "tcp"]), port }),
  v.strictObject({
    kind: v.literal("http"),
    port,
    path: matching(/^\/[\w/.~%?=&+@:-]*$/, "is not a path", "Write it like /health"),
  }),
  v.strictObject({
    kind: v.literal("grpc"),
    port,
    method: matching(
      /^\/[\w.]+\/\w+$/,
      "is not a method",
      "Write it like /grpc.health.v1.Health/Check",
    ),
  }),
  v.strictObject({ kind: v.literal("command"), command: plainWords }),
], "is not a probe\nStart it with kind: tcp, http, grpc, command, postgres, mysql or redis");

/** The schema; what it accepts is a {@linkcode ManifestService}. */
export const SERVICE_SCHEMA: v.GenericSchema<unknown, ManifestService> = v.strictObject({
  image,
  command: v.exactOptional(words),
  script: v.exactOptional(script),
  port,
  env: v.exactOptional(env),
  reserved: v.exactOptional(listOf(variable)),
  files: v.exactOptional(listOf(v.strictObject({
    path: absolutePath,
    content: text,
    mode: v.pipe(v.number("is not a number\nWrite 0o600"), v.integer(), v.maxValue(0o777)),
    uid: v.exactOptional(id),
    gid: v.exactOptional(id),
  }))),
  ready,
  ready_seconds: v.exactOptional(v.pipe(
    v.number("is not a number\nWrite a number of seconds"),
    v.minValue(1, "is too short\nWrite a number of seconds from 1 on"),
  )),
  variables: v.record(variable, value),
  data: v.exactOptional(v.strictObject({
    directory: absolutePath,
    resume: script,
    template: v.exactOptional(v.boolean("is neither true nor false\nWrite true or false")),
    seed: v.exactOptional(script),
  })),
  models: v.exactOptional(v.strictObject({ directory: absolutePath, pull: plainWords })),
  host: v.exactOptional(v.strictObject({
    programs: v.pipe(listOf(program), v.minLength(1, "is empty\nWrite the server's program")),
    script,
    directories: v.exactOptional(listOf(
      matching(
        /^(?!.*\.\.)(?:\/[\w.+@*-]+)+$/,
        "is not an absolute path",
        "Write it like /usr/lib/tool/*/bin",
      ),
    )),
    hint: v.exactOptional(line),
  })),
});
