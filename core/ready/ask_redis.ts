/**
 * Sends `AUTH` and `PING` to a server that speaks RESP.
 *
 * @module
 */

import { type Answer, type Conversation, quoteAnswer } from "./answer.ts";
import { writeAll } from "./byte_reader.ts";

/** Errors that time mends. */
const PASSING = /^-(?:LOADING|BUSY|MASTERDOWN|TRYAGAIN|CLUSTERDOWN)\b/;
/** Errors about the password, in the words of Redis from 5 on and of Valkey. */
const ABOUT_PASSWORD = /^-(?:WRONGPASS|NOAUTH|ERR invalid password|ERR .*AUTH\b.*password)/i;

/** `PONG` with the password is an answer; a server that wants another password never gives one. */
export async function askRedis(
  { stream, reader }: Conversation,
  { password }: { readonly password: string | undefined },
): Promise<Answer> {
  const commands = [...(password === undefined ? [] : [["AUTH", password]]), ["PING"]];
  await writeAll(stream, new TextEncoder().encode(commands.map(toRequest).join("")));
  for (const [name] of commands) {
    const line = await reader.takeLine();
    if (line === (name === "PING" ? "+PONG" : "+OK")) continue;
    if (!line.startsWith("-")) {
      return { kind: "not yet", state: "what answers does not speak Redis's protocol" };
    }
    const said = `it says "${quoteAnswer(line.slice(1))}"`;
    return !PASSING.test(line) && ABOUT_PASSWORD.test(line)
      ? { kind: "refused", state: `it does not take this run's password: ${said}` }
      : { kind: "not yet", state: said };
  }
  return { kind: "ready", stays: true };
}

function toRequest(words: readonly string[]): string {
  const sized = words.map((word) => `$${new TextEncoder().encode(word).length}\r\n${word}\r\n`);
  return `*${words.length}\r\n${sized.join("")}`;
}
