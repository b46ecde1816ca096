/**
 * Puts files into a container that does not run, over what is there: no file of this machine and no
 * variable shows their content.
 *
 * @module
 */

import type { CompanionFile } from "../../core/plugin/runtime.ts";
import type { Engine } from "./engine.ts";
import { tarOf } from "./tar.ts";

/** Engines make missing directories above a file, for root. */
export async function putFiles(
  engine: Engine,
  name: string,
  files: readonly CompanionFile[],
): Promise<void> {
  if (files.length === 0) return;
  const encoder = new TextEncoder();
  await engine.call({
    method: "PUT",
    path: `/containers/${encodeURIComponent(name)}/archive`,
    query: { path: "/" },
    body: tarOf(files.map(({ path, content, ...rest }) => ({
      ...rest,
      path: path.replace(/^\/+/, ""),
      content: encoder.encode(content),
    }))),
    doing: `put files into container "${name}"`,
    timeoutMs: 120_000,
  });
}
