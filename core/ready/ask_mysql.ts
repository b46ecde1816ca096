/**
 * Waits for the packet with which MySQL and MariaDB begin every connection (protocol 10).
 *
 * @module
 */

import { type Answer, type Conversation, quoteAnswer } from "./answer.ts";

const HANDSHAKE_V10 = 10;
const ERROR = 0xff;
const LONGEST_PACKET = 4096;

/** The handshake is an answer; an error in its place is none. */
export async function askMysql({ reader }: Conversation): Promise<Answer> {
  const [low = 0, middle = 0, high = 0, sequence] = await reader.take(4);
  const length = low + middle * 256 + high * 65_536;
  if (sequence !== 0 || length < 3 || length > LONGEST_PACKET) return foreign();
  const packet = await reader.take(length);
  if (packet[0] === HANDSHAKE_V10) return { kind: "ready", stays: true };
  if (packet[0] !== ERROR) return foreign();
  // The type, two bytes of a number, and before a session no SQLSTATE.
  const message = new TextDecoder().decode(packet.subarray(3));
  return { kind: "not yet", state: `it says "${quoteAnswer(message)}"` };
}

function foreign(): Answer {
  return { kind: "not yet", state: "what answers does not speak MySQL's protocol" };
}
