/**
 * The life of one client connection: one request after another, in order.
 *
 * @module
 */

import type { Answer, Decision, Problem } from "../contract.ts";
import { CR, LF } from "./characters.ts";
import type { Client } from "./client.ts";
import type { Http1Engine } from "./engine.ts";
import { forwardRequest, type ForwardResult } from "./forward_request.ts";
import { NO_BODY } from "./framing.ts";
import { HeaderBlock } from "./header_block.ts";
import { Refusal } from "./refusal.ts";
import { ParsedRequest } from "./request_head.ts";
import { writeAnswer } from "./write_answer.ts";

/** Resolves when nothing more will be served; the caller closes. */
export async function serveClient(client: Client, engine: Http1Engine): Promise<void> {
  const block = new HeaderBlock(engine.limits);
  let previous: ParsedRequest | undefined;
  for (;;) {
    let request: ParsedRequest | undefined;
    let result: ForwardResult;
    try {
      if (!await readHead(client, block, engine)) {
        if (!client.isLate) return;
        throw new Refusal("the head took too long", 408);
      }
      request = new ParsedRequest(block, client.origin.scheme, previous);
      previous = request;
      result = await serveRequest(client, request, engine);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { message: reason, status } = error;
      result = { kind: "problem", problem: { kind: "refused", status, reason } };
    }
    if (result.kind === "problem") {
      result = await answerProblem(client, result.problem, { request, engine });
    }
    if (result.kind === "abort") return;
    if (result.kind === "end") return await linger(client, engine.limits.lingerMs);
  }
}

/** False at the end of input, and when the deadline has passed. */
async function readHead(client: Client, block: HeaderBlock, engine: Http1Engine): Promise<boolean> {
  const { source } = client;
  const { headMs, clientIdleMs } = engine.limits;
  block.reset("head");
  source.shrink();
  for (;;) {
    if (!block.started) skipLineEnd(source);
    if (source.available > 0 && block.scan(source.bytes, source.start, source.end)) break;
    if (client.isIdle !== (source.available === 0) || client.deadline === Infinity) {
      client.isIdle = source.available === 0;
      if (client.isIdle && engine.isDraining) return false;
      client.deadline = Date.now() + (client.isIdle ? clientIdleMs : headMs);
    }
    if (!await source.more()) return false;
  }
  client.isIdle = false;
  client.deadline = Infinity;
  return true;
}

/** Some clients end a body with a line end that is not part of it (RFC 9112 2.2). */
function skipLineEnd(source: Client["source"]): void {
  if (source.available < 2) return;
  if (source.bytes[source.start] === CR && source.bytes[source.start + 1] === LF) source.start += 2;
}

/** Not async, like what it calls first: each step that waits costs, and most requests need none. */
function serveRequest(
  client: Client,
  request: ParsedRequest,
  engine: Http1Engine,
): Promise<ForwardResult> {
  if (request.via !== "" && countOf(request.via, engine.pseudonym) >= engine.limits.passes) {
    const reason = "the request came through this router again and again";
    return Promise.resolve({ kind: "problem", problem: { kind: "loop", status: 508, reason } });
  }
  let decided: Decision | Promise<Decision>;
  try {
    decided = engine.decide(request, client.origin);
  } catch (cause) {
    return Promise.resolve(failed(cause));
  }
  return decided instanceof Promise
    ? carryOutLater(client, request, { deciding: decided, engine })
    : carryOut(client, request, { decision: decided, engine });
}

function carryOut(
  client: Client,
  request: ParsedRequest,
  { decision, engine }: { readonly decision: Decision; readonly engine: Http1Engine },
): Promise<ForwardResult> {
  return decision.kind === "forward"
    ? forwardRequest(client, request, { endpoint: decision.endpoint, engine })
    : sendAnswer(client, request, { answer: decision.answer, engine });
}

async function carryOutLater(
  client: Client,
  request: ParsedRequest,
  { deciding, engine }: { readonly deciding: Promise<Decision>; readonly engine: Http1Engine },
): Promise<ForwardResult> {
  let decision: Decision;
  try {
    decision = await deciding;
  } catch (cause) {
    return failed(cause);
  }
  return await carryOut(client, request, { decision, engine });
}

function failed(cause: unknown): ForwardResult {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return { kind: "problem", problem: { kind: "failed", status: 500, reason, cause } };
}

async function sendAnswer(
  client: Client,
  request: ParsedRequest,
  { answer, engine }: { readonly answer: Answer; readonly engine: Http1Engine },
): Promise<ForwardResult> {
  client.source.start += request.block.length;
  const keepAlive = request.keepAlive && request.framing === NO_BODY && !engine.isDraining;
  const options = { request, keepAlive };
  if (!await writeAnswer(client, engine.buffers, answer, options)) {
    return { kind: "abort" };
  }
  return { kind: keepAlive ? "next" : "end" };
}

async function answerProblem(
  client: Client,
  problem: Problem,
  { request, engine }: {
    readonly request: ParsedRequest | undefined;
    readonly engine: Http1Engine;
  },
): Promise<ForwardResult> {
  // Where the client's next request begins is only known when this one was understood to its end.
  const keepAlive = (problem.kind === "unreachable" || problem.kind === "bad-response") &&
    request !== undefined && request.keepAlive && request.framing === NO_BODY && !engine.isDraining;
  const answer = engine.explain(problem, request);
  if (!await writeAnswer(client, engine.buffers, answer, { request, keepAlive })) {
    return { kind: "abort" };
  }
  return { kind: keepAlive ? "next" : "end" };
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** Reads on for a moment, as closing with unread input would reset and take the answer with it. */
async function linger(client: Client, lingerMs: number): Promise<void> {
  await client.closeWrite();
  const timer = setTimeout(() => client.close(), lingerMs);
  do {
    client.source.start = client.source.end;
  } while (await client.source.more());
  clearTimeout(timer);
}
