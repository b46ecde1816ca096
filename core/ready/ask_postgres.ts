/**
 * Asks a PostgreSQL server to begin a session (protocol 3.0, "Start-up") and stops there: no
 * password is needed to see that it takes sessions.
 *
 * @module
 */

import { type Answer, type Conversation, quoteAnswer } from "./answer.ts";
import { writeAll } from "./byte_reader.ts";

const PROTOCOL_3_0 = 196_608;
const LONGEST_MESSAGE = 64 * 1024;
const AUTHENTICATION = "R";
const ERROR = "E";
/** SQLSTATE of a server that starts, stops or recovers: cannot_connect_now. */
const CANNOT_CONNECT_NOW = "57P03";

/** A request for authentication, or any error that a server in service gives, is an answer. */
export async function askPostgres({ stream, reader }: Conversation): Promise<Answer> {
  await writeAll(stream, startUpMessage({ user: "postgres", database: "postgres" }));
  const head = await reader.take(5);
  const type = String.fromCharCode(head[0] ?? 0);
  const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
  if ((type !== AUTHENTICATION && type !== ERROR) || length < 8 || length > LONGEST_MESSAGE) {
    return { kind: "not yet", state: "what answers does not speak PostgreSQL's protocol" };
  }
  const body = await reader.take(length - 4);
  if (type === AUTHENTICATION) return { kind: "ready", stays: true };
  const { C: code, M: message = "an error without a message" } = errorFields(body);
  // The server closes the connection behind an error.
  if (code !== CANNOT_CONNECT_NOW) return { kind: "ready", stays: false };
  return { kind: "not yet", state: `it says "${quoteAnswer(message)}"` };
}

function startUpMessage(parameters: Readonly<Record<string, string>>): Uint8Array {
  const words = Object.entries(parameters).flat().map((word) => `${word}\0`).join("");
  const text = new TextEncoder().encode(`${words}\0`);
  const message = new Uint8Array(8 + text.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length);
  view.setUint32(4, PROTOCOL_3_0);
  message.set(text, 8);
  return message;
}

/** Fields of an ErrorResponse by their letters, such as C for the SQLSTATE. */
function errorFields(body: Uint8Array): Readonly<Partial<Record<string, string>>> {
  const fields = new TextDecoder().decode(body).split("\0").filter((field) => field !== "");
  return Object.fromEntries(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}
