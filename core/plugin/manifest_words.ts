/**
 * The words of `moat-plugin.yaml`: what a stranger may write in one value.
 *
 * What reaches a Dockerfile or a command is a closed set of characters. A message is the state behind
 * `Cannot read "<key>": <text> …`, and after a line break the hint.
 *
 * @module
 */

import * as v from "valibot";
import { placeholderError, PLACEHOLDERS, placeholdersOf } from "./placeholder.ts";

export const text = v.string("is not text\nPut it into quotes");

/** One line of text without control characters. */
export const line = v.pipe(
  text,
  // deno-lint-ignore no-control-regex
  v.check((value) => !/[\u0000-\u001f\u007f]/.test(value), "is not one line\nWrite it on one line"),
);

/** A text of that pattern. */
export function matching(
  pattern: RegExp,
  state: string,
  hint: string,
): v.GenericSchema<string, string> {
  return v.pipe(text, v.check((value) => pattern.test(value), `${state}\n${hint}`));
}

/** A list of such items. */
export function listOf<const S extends v.GenericSchema>(item: S): v.ArraySchema<S, string> {
  return v.array(item, "is not a list\nWrite the entries one a line, each behind a dash");
}

/** A text with placeholders that, filled with plain words, has the pattern. */
export function template(
  pattern: RegExp,
  state: string,
  hint: string,
): v.GenericSchema<string, string> {
  return v.pipe(
    line,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const problem = placeholderError(dataset.value);
      if (problem !== undefined) {
        addIssue({ message: `cannot be filled\n${problem}` });
        return;
      }
      const names = placeholdersOf(dataset.value);
      const filled = names.reduce((value, name) => value.replace(`{${name}}`, "x1"), dataset.value);
      if (!pattern.test(filled)) {
        addIssue({ message: `${state}\n${hint}` });
      }
    }),
  );
}

export const id = matching(
  /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/,
  "is not a name",
  "Use a-z, 0-9 and -, with no - at either end",
);
export const word = template(/^[^]*$/, "is not a word", "Write one word");
export const version = matching(
  /^[0-9][0-9A-Za-z]*(?:[-+.][0-9A-Za-z]+)*$/,
  "is not a version",
  "Write it like 1.2.3, in quotes",
);
export const channel = matching(/^[a-z]+$/, "is not a name for versions", "Use a-z, as in stable");
export const absolutePath = template(
  /^(?!.*\.\.)(?:\/[\w.+@-]+)+$/,
  "is not an absolute path",
  "Write it like /usr/local/bin/tool",
);
export const innerPath = template(
  /^(?!.*\.\.)[\w.+@-]+(?:\/[\w.+@-]+)*$/,
  "is not a path in the archive",
  "Write it like tool-{version}/bin/tool",
);
export const url = template(
  /^(?!.*\.\.)https:\/\/[a-z0-9.-]+(?::[0-9]+)?(?:\/[\w.~%+@-]*)+$/,
  "is not an address",
  "Write it like https://example.org/{version}/tool.tar.gz",
);
export const image = template(
  /^[a-z0-9][\w.-]*(?::[0-9]+)?(?:\/[a-z0-9][\w.-]*)*(?::\w[\w.-]*)?(?:@sha256:[0-9a-f]{64})?$/,
  "is not an image",
  "Write it like example/tool:{version}",
);
export const variable = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  "is not a variable's name",
  "Use letters, digits and _",
);
export const sha256 = matching(/^[0-9a-f]{64}$/, "is not a SHA-256", "Write its 64 hex digits");
export const env = v.record(variable, word);

/** A script reads variables: a placeholder in it would be pasted into a shell. */
export const script = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const used = PLACEHOLDERS.find((name) =>
      new RegExp(`(?<!\\$)\\{${name}\\}`).test(dataset.value)
    );
    if (used === undefined) return;
    addIssue({
      message: `holds a placeholder\nWrite env: {${used.toUpperCase()}: "{${used}}"} and use ` +
        `"$${used.toUpperCase()}" in the script`,
    });
  }),
  v.check((value) => !value.includes("\0"), "holds a zero byte\nRemove it"),
);

/** What no kind is. */
export const NO_KIND = "is not a kind of plugin\nWrite kind: dependency, runtime or provider";

/** The keys that manifests of every kind have. */
export const described = {
  schema: v.literal(1, "is not a schema that this moat knows\nWrite schema: 1"),
  id,
  version: v.exactOptional(
    matching(
      /^[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.-]+)?$/,
      "is not a version",
      'Write it like "1.2.3"',
    ),
  ),
  summary: line,
  license: v.exactOptional(line),
  homepage: v.exactOptional(
    matching(/^https:\/\/[^\s]+$/, "is not an address", "Write it like https://example.org/plugin"),
  ),
  moat: v.exactOptional(
    matching(/^[0-9]+\.[0-9]+\.[0-9]+$/, "is not a version of moat", 'Write it like "0.2.0"'),
  ),
};
