/**
 * A request's head: what the engine and the one who decides need to know of it.
 *
 * Refuses what two parties could read differently (RFC 9112 3, 6; RFC 9110 7.2). Header values
 * become strings only when somebody asks.
 *
 * @module
 */

import type { Header, RequestHead } from "../contract.ts";
import { isText, latin1, SPACE, TARGET, TOKEN } from "./characters.ts";
import {
  CHUNKED,
  connectionNames,
  type Framing,
  listItems,
  NO_BODY,
  readLengths,
  requirePlainName,
} from "./framing.ts";
import { EXPECT, HOST, TE, UPGRADE, VIA } from "./header_names.ts";
import type { HeaderBlock } from "./header_block.ts";
import { Refusal } from "./refusal.ts";

/** Methods that change nothing (RFC 9110 9.2.1) and may be sent a second time. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** A registered name, an IPv4 or a bracketed IPv6 address, and a port. */
const AUTHORITY = /^(?:[A-Za-z0-9._~-]*|\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\])(?::[0-9]{0,5})?$/;

const VERSION_LENGTH = " HTTP/1.1".length;

/** The head of one request, with what the engine reads out of it. */
export class ParsedRequest implements RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: "1.0" | "1.1";
  readonly host: string;
  readonly framing: Framing;
  /** It has a Content-Length, which may be 0. */
  readonly saysLength: boolean;
  /** May be sent again after a connection that was reused turned out to be closed. */
  readonly isSafe: boolean;
  /** The client wants to send more requests. */
  readonly keepAlive: boolean;
  /** The protocols that it asks to change to, unless that is HTTP/2. */
  readonly upgrade: string | undefined;
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean;
  /** Lower-case names that Connection gives. */
  readonly connectionNames: readonly string[];
  /** All Via lines, joined. */
  readonly via: string;
  readonly block: HeaderBlock;
  #headers: readonly Header[] | undefined;

  /** `previous`: one that is likely to share texts, which are then not made again. @throws Refusal */
  constructor(block: HeaderBlock, scheme: "http" | "https", previous?: ParsedRequest) {
    this.block = block;
    const line = readLine(block, previous?.method);
    this.method = line.method;
    this.version = line.version;
    let host: string | undefined;
    let upgrade: string | undefined;
    let expect: string | undefined;
    let te = "";
    let via = "";
    for (const field of block.fields) {
      switch (field.id) {
        case HOST:
          requirePlainName(block, field);
          if (host !== undefined) throw new Refusal("more than one Host");
          host = block.value(field, previous?.host);
          break;
        case UPGRADE:
          upgrade = upgrade === undefined
            ? block.value(field)
            : `${upgrade}, ${block.value(field)}`;
          break;
        case EXPECT:
          expect = block.value(field).toLowerCase();
          break;
        case TE:
          te += `${block.value(field)},`;
          break;
        case VIA:
          via += `${block.value(field)},`;
          break;
      }
    }
    this.host = host !== undefined && host === previous?.host
      ? host
      : checkHost(host, line.version);
    this.target = originForm(line.target, { method: line.method, host: this.host, scheme });
    const { contentLength, chunked } = readLengths(block, line.version);
    this.framing = chunked
      ? CHUNKED
      : contentLength
      ? { kind: "length", length: contentLength }
      : NO_BODY;
    this.saysLength = contentLength !== undefined;
    this.isSafe = this.framing === NO_BODY && SAFE.has(this.method);
    this.connectionNames = connectionNames(block);
    this.keepAlive = line.version === "1.1"
      ? !this.connectionNames.includes("close")
      : this.connectionNames.includes("keep-alive") && !this.connectionNames.includes("close");
    this.upgrade = upgrade !== undefined && line.version === "1.1" &&
        this.connectionNames.includes("upgrade") && !/\bh2c?\b/i.test(upgrade)
      ? upgrade
      : undefined;
    if (expect !== undefined && expect !== "100-continue") {
      throw new Refusal("an expectation that nobody knows", 417);
    }
    this.expectsContinue = expect !== undefined && line.version === "1.1" &&
      this.framing !== NO_BODY;
    this.acceptsTrailers = te !== "" && listItems(te).includes("trailers");
    this.via = via;
  }

  get headers(): readonly Header[] {
    this.#headers ??= this.block.fields.map((field) => ({
      name: this.block.name(field),
      value: this.block.value(field),
    }));
    return this.#headers;
  }

  header(name: string): string | undefined {
    const field = this.block.find(name);
    return field && this.block.value(field);
  }
}

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: "1.0" | "1.1";
}

function readLine(
  { bytes, base, lineLength }: HeaderBlock,
  likelyMethod: string | undefined,
): RequestLine {
  const end = base + lineLength;
  let at = base;
  while (at < end && TOKEN[bytes[at] ?? 0] === 1) at++;
  if (at === base || at - base > 32 || bytes[at] !== SPACE) {
    throw new Refusal("an odd request line");
  }
  const method = likelyMethod !== undefined && isText(likelyMethod, bytes, base, at)
    ? likelyMethod
    : latin1(bytes, base, at);
  const targetStart = at + 1;
  const targetEnd = end - VERSION_LENGTH;
  const version = isText(" HTTP/1.1", bytes, targetEnd, end)
    ? "1.1"
    : readVersion(latin1(bytes, Math.max(targetEnd, targetStart), end));
  if (targetEnd <= targetStart) throw new Refusal("a request line without a target");
  for (at = targetStart; at < targetEnd; at++) {
    if (TARGET[bytes[at] ?? 0] !== 1) throw new Refusal("a request target with odd characters");
  }
  return { method, target: latin1(bytes, targetStart, targetEnd), version };
}

function readVersion(text: string): "1.0" {
  if (text === " HTTP/1.0") return "1.0";
  if (/^ HTTP\/[0-9]\.[0-9]$/.test(text)) throw new Refusal("another version of HTTP", 505);
  throw new Refusal("a request line without a version");
}

function checkHost(host: string | undefined, version: "1.0" | "1.1"): string {
  if (host === undefined) {
    if (version === "1.1") throw new Refusal("no Host");
    return "";
  }
  if (!AUTHORITY.test(host)) throw new Refusal("an odd Host");
  return host;
}

function originForm(
  target: string,
  { method, host, scheme }: { method: string; host: string; scheme: string },
): string {
  if (method === "CONNECT" || method === "TRACE") {
    throw new Refusal(`the method ${method}`, 405);
  }
  if (target.startsWith("/")) return target;
  if (target === "*") {
    if (method === "OPTIONS") return target;
    throw new Refusal("the target * with a method other than OPTIONS");
  }
  const absolute = /^([A-Za-z]+):\/\/([^/?]*)(.*)$/.exec(target);
  if (absolute === null) throw new Refusal("an odd request target");
  const [, given = "", authority = "", rest = ""] = absolute;
  if (given.toLowerCase() !== scheme) throw new Refusal("a request target of another scheme");
  if (authority === "" || authority.toLowerCase() !== host.toLowerCase()) {
    throw new Refusal("a request target of another host than Host");
  }
  if (rest === "") return method === "OPTIONS" ? "*" : "/";
  return rest.startsWith("?") ? `/${rest}` : rest;
}
