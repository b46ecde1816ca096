/**
 * What a TLS client asks for before anything is encrypted: the server's name and protocols.
 *
 * Strict: lengths have to add up exactly and nothing may be there twice, so that the real TLS server
 * behind cannot read another name out of the same bytes (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1).
 *
 * @module
 */

/** The parts of a ClientHello that decide who answers it. */
export interface ClientHello {
  /** Lower case; `undefined` where the client names none, as for an address. */
  readonly serverName: string | undefined;
  /** Names of application protocols in the client's order; empty where it names none. */
  readonly protocols: readonly string[];
}

/** More bytes are needed, or what is known by now. */
export type HelloResult =
  | { readonly kind: "more" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  | { readonly kind: "malformed"; readonly reason: string };

/** The first byte of every TLS connection. */
export const TLS_HANDSHAKE = 0x16;

const RECORD_HEAD_BYTES = 5;
const MESSAGE_HEAD_BYTES = 4;
const MAX_RECORD_BYTES = 16 * 1024;
/** Real ones are below 2 KiB, also with post-quantum keys. */
const MAX_HELLO_BYTES = 32 * 1024;
/** Records of a few bytes each would cost more than they carry. */
const MAX_RECORDS = 64;

const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const PROTOCOLS = 16;
const HOST_NAME = 0;

/** Reads what a client has sent so far, from its first byte on. Pure. */
export function readClientHello(bytes: Uint8Array): HelloResult {
  try {
    const message = joinRecords(bytes);
    return message === undefined
      ? { kind: "more" }
      : { kind: "hello", hello: readMessage(new Reader(message)) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { kind: "malformed", reason: error.message };
  }
}

class Malformed extends Error {}

/** The body of the first handshake message, which may lie in several records. */
function joinRecords(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let gathered = 0;
  for (let at = 0, records = 0; at < bytes.length; records++) {
    if (bytes[at] !== TLS_HANDSHAKE) throw new Malformed("a record is not of a handshake");
    if (records === MAX_RECORDS) throw new Malformed("the hello is in too many records");
    if (bytes.length < at + RECORD_HEAD_BYTES) return undefined;
    if (bytes[at + 1] !== 3) throw new Malformed("a record has an unknown version");
    const size = uint16(bytes, at + 3);
    if (size === 0 || size > MAX_RECORD_BYTES) throw new Malformed("a record has a wrong size");
    at += RECORD_HEAD_BYTES;
    parts.push(bytes.subarray(at, at + size));
    gathered += Math.min(size, bytes.length - at);
    at += size;
    if (gathered < MESSAGE_HEAD_BYTES) continue;
    const message = concatenate(parts, gathered);
    if (message[0] !== CLIENT_HELLO) throw new Malformed("the first message is not a hello");
    const length = (message[1] ?? 0) * 0x10000 + uint16(message, 2);
    if (length > MAX_HELLO_BYTES) throw new Malformed("the hello is too large");
    if (gathered < MESSAGE_HEAD_BYTES + length) continue;
    // Before it is answered, a client has nothing else to send in the same record.
    if (gathered > MESSAGE_HEAD_BYTES + length) throw new Malformed("bytes follow the hello");
    return message.subarray(MESSAGE_HEAD_BYTES);
  }
  return undefined;
}

function readMessage(reader: Reader): ClientHello {
  if (reader.uint16() >> 8 !== 3) throw new Malformed("the hello has an unknown version");
  reader.skip(32);
  if (reader.block8().rest > 32) throw new Malformed("the session id is too long");
  const suites = reader.block16();
  if (suites.rest < 2 || suites.rest % 2 !== 0) throw new Malformed("the cipher list is uneven");
  if (reader.block8().rest === 0) throw new Malformed("there is no compression method");
  if (reader.rest === 0) return { serverName: undefined, protocols: [] };
  const extensions = reader.block16();
  reader.end();
  const seen = new Set<number>();
  let serverName: string | undefined;
  let protocols: readonly string[] = [];
  while (extensions.rest > 0) {
    const type = extensions.uint16();
    if (seen.has(type)) throw new Malformed("an extension is there twice");
    seen.add(type);
    const data = extensions.block16();
    if (type === SERVER_NAME) serverName = readServerName(data);
    else if (type === PROTOCOLS) protocols = readProtocols(data);
  }
  return { serverName, protocols };
}

function readServerName(data: Reader): string {
  const list = data.block16();
  data.end();
  if (list.uint8() !== HOST_NAME) throw new Malformed("the server name is of an unknown kind");
  const name = list.block16().text();
  list.end();
  if (!/^[\x21-\x7e]{1,253}$/.test(name)) throw new Malformed("the server name is no host name");
  return name.toLowerCase();
}

function readProtocols(data: Reader): readonly string[] {
  const list = data.block16();
  data.end();
  const protocols: string[] = [];
  while (list.rest > 0) protocols.push(list.block8().text());
  if (protocols.length === 0 || protocols.includes("")) {
    throw new Malformed("a protocol has no name");
  }
  return protocols;
}

/** Takes values off the front; never reads past the end. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  uint8(): number {
    return this.skip(1)[0] ?? 0;
  }

  uint16(): number {
    return uint16(this.skip(2), 0);
  }

  skip(count: number): Uint8Array {
    if (count > this.rest) throw new Malformed("a length in the hello is wrong");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** What a length of one byte stands before. */
  block8(): Reader {
    return new Reader(this.skip(this.uint8()));
  }

  block16(): Reader {
    return new Reader(this.skip(this.uint16()));
  }

  text(): string {
    return String.fromCharCode(...this.skip(this.rest));
  }

  end(): void {
    if (this.rest > 0) throw new Malformed("a length in the hello is wrong");
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 0x100 + (bytes[at + 1] ?? 0);
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
