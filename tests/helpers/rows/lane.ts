/**
 * One endpoint of a row's run, on which one case at a time is played: what it saw, what it answers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RawConnection, type RawMessage } from "../raw_http.ts";
import type { PuppetStream } from "./puppet.ts";

/** A connection of the router's to the endpoint. */
export type EndpointConnection = RawConnection<PuppetStream>;

/** Answers one request; "close" ends the connection behind the answer. */
export type Answer = (
  connection: EndpointConnection,
  message: RawMessage,
) => Promise<"close" | void>;

/** What an endpoint answers unless a case says otherwise. */
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Requests of all cases go to its host, and no other lane's. */
export class Lane {
  readonly index: number;
  /** Such as `l3.rows.localhost`. */
  readonly host: string;
  /** Whole requests of this case, in order. */
  readonly seen: RawMessage[] = [];
  answer: Answer = answerOk;
  /** Takes over the next connection behind the head of its request, and that alone. */
  takeOver: ((connection: EndpointConnection, head: string) => Promise<void>) | undefined;
  #failure: unknown;

  constructor(index: number, run: string) {
    this.index = index;
    this.host = `l${index}.${run}.localhost`;
  }

  /** Forgets the case before. */
  begin(answer: Answer = answerOk): void {
    this.seen.length = 0;
    this.answer = answer;
    this.takeOver = undefined;
    this.#failure = undefined;
  }

  /** Throws what went wrong at the endpoint in this case. */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Serves one connection to its end. */
  async serve(stream: PuppetStream): Promise<void> {
    using connection = new RawConnection(stream);
    try {
      for (;;) {
        const head = await connection.readHead();
        if (head === undefined) return;
        const { takeOver } = this;
        this.takeOver = undefined;
        if (takeOver !== undefined) return await takeOver(connection, head);
        const message = await connection.readRest(head).catch(() => undefined);
        if (message === undefined) return;
        assertPlain(message);
        this.seen.push(message);
        if (await this.answer(connection, message) === "close") return;
      }
    } catch (error) {
      // The router has let go of it.
      if (error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource) {
        return;
      }
      this.#failure ??= error;
    }
  }
}

async function answerOk(connection: EndpointConnection): Promise<void> {
  await connection.write(OK);
}

/** No two readers of this head can differ about where the message ends, or whose it is. */
function assertPlain({ head }: RawMessage): void {
  assert.doesNotMatch(head, /[^\r]\n|\r[^\n]|\0/, "line ends");
  const [line = "", ...fields] = head.slice(0, -4).split("\r\n");
  assert.match(line, /^[!-~]+ [^\0- \x7f]+ HTTP\/1\.1$/, "the request line");
  for (const field of fields) assert.match(field, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/, "a field");
  const count = (name: RegExp) => fields.filter((field) => name.test(field)).length;
  assert.equal(count(/^host:/i), 1, `one Host in ${head}`);
  const framings = count(/^content-length:/i) + count(/^transfer-encoding:/i);
  assert(framings <= 1, `one framing in ${head}`);
  assert.equal(
    count(/^(?:content_length|transfer_encoding|keep-alive|proxy-connection):/i),
    0,
    head,
  );
}
