/**
 * Attaching to a container that runs already.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { Attachment, CallOptions } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { readContainer } from "./inspect_container.ts";
import { textAt, valueAt } from "./json.ts";
import { attachContainer } from "./run_container.ts";

/** Output from now on; input when the container was made with it. */
export async function reattach(
  engine: Engine,
  name: string,
  { tty, signal }: { readonly tty: boolean } & CallOptions,
): Promise<Attachment> {
  const container = await readContainer(engine, name, { signal });
  if (textAt(container, "State", "Status") !== "running") {
    throw new MoatError(`Cannot attach to container "${name}": it is not running`, {
      hint: "moat logs",
    });
  }
  const stdin = valueAt(container, "Config", "OpenStdin") === true;
  return await attachContainer(engine, name, { tty, stdin, signal });
}
