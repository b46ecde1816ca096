/** Until the engine is there. @module */
import type { ByteStream } from "../../core/plugin/runtime.ts";
import type { Answer, EndpointPools, RequestHead, ServeOptions } from "./contract.ts";

export class Pools implements EndpointPools {
  drop(_id: string): void {}
  [Symbol.dispose](): void {}
}

export async function serveHttp1(
  client: ByteStream | Deno.Conn,
  { origin, decide, explain, signal }: ServeOptions,
): Promise<void> {
  const closing = () => {
    try {
      client.close();
    } catch { /* closed */ }
  };
  signal.addEventListener("abort", closing, { once: true });
  try {
    let bytes = new Uint8Array(0);
    const block = new Uint8Array(65536);
    let end = -1;
    while (end < 0) {
      const n = await client.read(block);
      if (n === null) return;
      const more = new Uint8Array(bytes.length + n);
      more.set(bytes);
      more.set(block.subarray(0, n), bytes.length);
      bytes = more;
      end = new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n");
    }
    const [line = "", ...lines] = new TextDecoder("latin1").decode(bytes.subarray(0, end))
      .split("\r\n");
    const headers = lines.map((text) => {
      const at = text.indexOf(":");
      return { name: text.slice(0, at), value: text.slice(at + 1).trim() };
    });
    const header = (name: string) => headers.find((h) => h.name.toLowerCase() === name)?.value;
    const [method = "", target = ""] = line.split(" ");
    const head: RequestHead = {
      method,
      target,
      version: "1.1",
      host: header("host") ?? "",
      headers,
      header,
    };
    const decision = await decide(head, origin);
    if (decision.kind === "answer") return await answer(client, decision.answer);
    const { endpoint } = decision;
    let upstream: ByteStream;
    try {
      upstream = await endpoint.connect(signal);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return await answer(
        client,
        explain({ kind: "unreachable", status: 502, reason, endpoint, cause }, head),
      );
    }
    const upgrade = header("upgrade") !== undefined;
    const kept = headers.filter(({ name }) => upgrade || !/^connection$/i.test(name));
    const text = [line, ...kept.map(({ name, value }) => `${name}: ${value}`)].join("\r\n") +
      (upgrade ? "" : "\r\nConnection: close") + "\r\n\r\n";
    await writeAll(upstream, new TextEncoder().encode(text));
    await writeAll(upstream, bytes.subarray(end + 4));
    copy(client, upstream).catch(() => {});
    await copy(upstream, client);
    upstream.close();
  } catch {
    // gone
  } finally {
    closing();
  }
}

async function copy(from: ByteStream | Deno.Conn, to: ByteStream | Deno.Conn): Promise<void> {
  const block = new Uint8Array(65536);
  for (;;) {
    const n = await from.read(block);
    if (n === null) return;
    await writeAll(to, block.subarray(0, n));
  }
}

async function writeAll(to: ByteStream | Deno.Conn, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) at += await to.write(data.subarray(at));
}

async function answer(to: ByteStream | Deno.Conn, { status, headers, body }: Answer) {
  const data = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const lines = [
    `HTTP/1.1 ${status} X`,
    ...headers.map(({ name, value }) => `${name}: ${value}`),
    `Content-Length: ${data.length}`,
    "Connection: close",
  ];
  await writeAll(to, new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  await writeAll(to, data);
}
