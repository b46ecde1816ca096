/**
 * One HTTP/1.1 request to a loopback port, or a Unix socket, with a `Host` of one's choice, which `fetch` forbids.
 *
 * @module
 */

/** Options of {@linkcode fetchFrom}. */
export interface FetchFromOptions {
  readonly host: string;
  /** @default "/" */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, decoded as text. */
export interface Fetched {
  readonly status: number;
  /** The head as it came. */
  readonly head: string;
  readonly body: string;
}

/** Asks and reads until the other side ends. */
export async function fetchFrom(
  port: number | Deno.UnixConnectOptions,
  { host, path = "/", headers = {} }: FetchFromOptions,
): Promise<Fetched> {
  using connection: Deno.Conn = typeof port === "number"
    ? await Deno.connect({ hostname: "127.0.0.1", port })
    : await Deno.connect(port);
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
  ];
  const request = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  for (let at = 0; at < request.length;) at += await connection.write(request.subarray(at));
  let text = "";
  const decoder = new TextDecoder();
  const block = new Uint8Array(64 * 1024);
  for (let count; (count = await connection.read(block)) !== null;) {
    text += decoder.decode(block.subarray(0, count), { stream: true });
  }
  const [head = "", ...body] = text.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head, body: body.join("\r\n\r\n") };
}
