/**
 * The script that is process 1 of containers: see `init.sh`, which says what it reads and does.
 *
 * @module
 */

import script from "./init.sh" with { type: "text" };

/** The init's text, without comments and indentation: it is handed over in a variable. */
export function readInit(): string {
  return script.split("\n")
    .map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .join("\n");
}
