/**
 * The head of an HTTP/2 request as the text of an HTTP/1.1 one (RFC 9113 8.2 and 8.3). Pure.
 *
 * What is not exactly a name, a value or a pseudo-header is refused before it becomes text, so that
 * no field can bring another one in; the strict parser of HTTP/1.1 then reads the text like any other.
 *
 * @module
 */

/** Header fields as they came: lower-case names, several values in the order in which they came. */
export type FieldMap = Readonly<Record<string, string | readonly string[] | undefined>>;

/** How the request's body is framed in HTTP/1.1. */
export type TextFraming = "none" | "length" | "chunked";

/** A head, or why there can be none. */
export type RequestText =
  | { readonly kind: "head"; readonly text: string; readonly framing: TextFraming }
  | { readonly kind: "malformed"; readonly reason: string };

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^(?![\t ])[\t\x20-\x7e\x80-\xff]*(?<![\t ])$/;
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const AUTHORITY = /^[\x21-\x7e]+$/;
const PATH = /^(?:\/[\x21-\x7e]*|\*)$/;
const PSEUDO: ReadonlySet<string> = new Set([":method", ":scheme", ":authority", ":path"]);
/** They are about one connection, of which HTTP/2 speaks otherwise. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
/** Fields that no trailer may have. */
const NOT_TRAILERS: ReadonlySet<string> = new Set([
  ...CONNECTION_FIELDS,
  "content-length",
  "forwarded",
  "host",
  "te",
  "trailer",
]);

/** Writes the head. `hasBody`: the stream did not end with its header fields. */
export function requestText(
  fields: FieldMap,
  { hasBody }: { readonly hasBody: boolean },
): RequestText {
  try {
    return writeHead(fields, hasBody);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { kind: "malformed", reason: error.message };
  }
}

/** Writes trailers as the end of a chunked body; those that may not be there are left out. */
export function trailerText(fields: FieldMap): string {
  let text = "0\r\n";
  for (const [name, value] of Object.entries(fields)) {
    if (!NAME.test(name) || NOT_TRAILERS.has(name)) continue;
    for (const one of valuesOf(value)) if (VALUE.test(one)) text += `${name}: ${one}\r\n`;
  }
  return `${text}\r\n`;
}

class Malformed extends Error {}

function writeHead(fields: FieldMap, hasBody: boolean): RequestText {
  const method = required(fields, ":method", METHOD);
  if (method === "CONNECT") throw new Malformed("CONNECT is not for this server");
  const scheme = required(fields, ":scheme", METHOD);
  if (scheme !== "http" && scheme !== "https") throw new Malformed("the scheme is another one");
  const path = required(fields, ":path", PATH);
  if (path === "*" && method !== "OPTIONS") throw new Malformed("the path is *");
  const host = authorityOf(fields);
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  let framing: TextFraming = hasBody ? "chunked" : "none";
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(":")) {
      if (!PSEUDO.has(name)) throw new Malformed("there is an unknown pseudo-header");
      continue;
    }
    if (!NAME.test(name)) throw new Malformed("a name has a character that names cannot have");
    if (CONNECTION_FIELDS.has(name)) throw new Malformed("a field is about the connection");
    const values = valuesOf(value);
    if (name === "te" && values.some((one) => one.toLowerCase() !== "trailers")) {
      throw new Malformed("TE asks for more than trailers");
    }
    // Of this connection alone, and said above.
    if (name === "te" || name === "host") continue;
    if (name === "content-length") {
      const [length = ""] = values;
      if (values.length !== 1 || !/^(?:0|[1-9][0-9]{0,14})$/.test(length)) {
        throw new Malformed("the length is odd");
      }
      if (!hasBody && length !== "0") throw new Malformed("there is no body, and a length");
      if (hasBody) framing = "length";
    }
    // Crumbs of one cookie header (RFC 9113 8.2.3).
    for (const one of name === "cookie" ? [values.join("; ")] : values) {
      if (!VALUE.test(one)) throw new Malformed("a value has a character that values cannot have");
      text += `${name}: ${one}\r\n`;
    }
  }
  if (framing === "chunked") text += "transfer-encoding: chunked\r\n";
  return { kind: "head", text: `${text}\r\n`, framing };
}

function authorityOf(fields: FieldMap): string {
  const [authority] = valuesOf(fields[":authority"]);
  const hosts = valuesOf(fields.host);
  const host = authority ?? hosts[0];
  if (host === undefined || !AUTHORITY.test(host)) throw new Malformed("there is no host");
  if (hosts.some((one) => one.toLowerCase() !== host.toLowerCase())) {
    throw new Malformed("there are two hosts");
  }
  return host;
}

function required(fields: FieldMap, name: string, pattern: RegExp): string {
  const [value, second] = valuesOf(fields[name]);
  if (value === undefined || second !== undefined || !pattern.test(value)) {
    throw new Malformed(`${name} is missing or odd`);
  }
  return value;
}

function valuesOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
