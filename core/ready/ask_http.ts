/**
 * Sends one `GET` over a connection of its own and reads the answer's head.
 *
 * @module
 */

import { type Answer, type Conversation, quoteAnswer } from "./answer.ts";
import { writeAll } from "./byte_reader.ts";

/** A status of 200 to 399 is an answer. */
export async function askHttp(
  { stream, reader }: Conversation,
  { path, port }: { readonly path: string; readonly port: number },
): Promise<Answer> {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: localhost:${port}`,
    "User-Agent: moat",
    "Accept: */*",
    "Connection: close",
  ];
  await writeAll(stream, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  for (;;) {
    const line = await reader.takeLine();
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) return { kind: "not yet", state: "what answers does not speak HTTP" };
    if (status >= 200) {
      // Connections end behind their answer, and a server with one thread must not be held up.
      return status < 400
        ? { kind: "ready", stays: false }
        : { kind: "not yet", state: `GET ${path} gives "${quoteAnswer(line)}"` };
    }
    while (await reader.takeLine() !== "");
  }
}
