/**
 * Reads the head of a request to a forward proxy: `CONNECT host:port` or `GET http://host/path`.
 *
 * Pure. Text is Latin-1, so that bytes come out as they went in. Bodies are not looked at.
 *
 * @module
 */

/** What a client asked the proxy for. */
export type ProxyRequest =
  | { readonly kind: "tunnel"; readonly host: string; readonly port: number }
  | {
    readonly kind: "forward";
    readonly host: string;
    readonly port: number;
    /** The request as its server wants it, up to and with the empty line. */
    readonly head: string;
    /** The same for a further proxy: with the absolute URL. */
    readonly absoluteHead: string;
  }
  | { readonly kind: "invalid"; readonly reason: string };

/** Headers that are for this connection, not for the server (RFC 9110 7.6.1). */
const HOP_BY_HOP = [
  "connection",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "keep-alive",
];

/** Parses a head that ends with an empty line. */
export function parseProxyRequest(head: string): ProxyRequest {
  const [requestLine = "", ...rest] = head.replace(/\r\n\r\n$/, "").split("\r\n");
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) (HTTP\/1\.[01])$/.exec(requestLine);
  if (!match || /[\0\r\n]/.test(rest.join(""))) return invalid("not a request of HTTP/1.1");
  const [, method = "", target = "", version = ""] = match;
  if (method === "CONNECT") {
    const authority = parseAuthority(target);
    return authority?.port === undefined
      ? invalid("CONNECT needs a host and a port")
      : { kind: "tunnel", host: authority.host, port: authority.port };
  }
  const url = /^http:\/\/([^/?#]*)([^#]*)$/i.exec(target);
  const authority = url && parseAuthority((url[1] ?? "").replace(/^.*@/, ""));
  if (!url || !authority) return invalid("not a request to a proxy");
  const { host, port = 80 } = authority;
  const path = (url[2] ?? "").startsWith("/") ? url[2] : `/${url[2]}`;
  const hostHeader = (url[1] ?? "").replace(/^.*@/, "");
  const headers = forwardedHeaders(rest, hostHeader).join("\r\n");
  return {
    kind: "forward",
    host,
    port,
    head: `${method} ${path} ${version}\r\n${headers}\r\n\r\n`,
    absoluteHead: `${method} http://${hostHeader}${path} ${version}\r\n${headers}\r\n\r\n`,
  };
}

/** Splits `host`, `host:port` and `[v6]:port`. */
export function parseAuthority(text: string): { host: string; port?: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^\s:[\]@/]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? match[2] ?? "";
  if (match[3] === undefined) return { host };
  const port = Number(match[3]);
  return port >= 1 && port <= 65535 ? { host, port } : undefined;
}

/** Headers for the server; one request per connection, except for an upgrade. */
function forwardedHeaders(lines: readonly string[], host: string): readonly string[] {
  const named = lines.map((line) => ({
    line,
    name: line.split(":")[0]?.trim().toLowerCase() ?? "",
  }));
  const listed = named.filter(({ name }) => name === "connection")
    .flatMap(({ line }) => line.slice(line.indexOf(":") + 1).toLowerCase().split(","))
    .map((name) => name.trim());
  const upgrades = listed.includes("upgrade");
  const dropped = new Set([...HOP_BY_HOP, ...listed, "host"]);
  if (upgrades) dropped.delete("upgrade");
  return [
    `Host: ${host}`,
    ...named.filter(({ name }) => !dropped.has(name)).map(({ line }) => line),
    upgrades ? "Connection: Upgrade" : "Connection: close",
  ];
}

function invalid(reason: string): ProxyRequest {
  return { kind: "invalid", reason };
}
