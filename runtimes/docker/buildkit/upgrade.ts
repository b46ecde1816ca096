/**
 * Turns an engine's HTTP connection into a raw one: `POST /grpc` and `POST /session` with
 * `Upgrade: h2c`.
 *
 * @module
 */

import { type Connection, writeAll } from "../wire/connection.ts";

/** Where to, and what the engine is to know. */
export interface UpgradeOptions {
  readonly path: string;
  /** In this order; a name may come several times. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** The engine's answer: on 101 the connection carries HTTP/2 from its next byte on. */
export interface UpgradeAnswer {
  readonly status: number;
  /** The first line, for messages. */
  readonly line: string;
}

/** A head longer than this is not an engine's. */
const MAX_HEAD = 16 * 1024;

/** Asks for the upgrade and reads the answer up to its blank line, not a byte further. */
export async function upgrade(
  connection: Connection,
  { path, headers = [] }: UpgradeOptions,
): Promise<UpgradeAnswer> {
  const lines = [
    `POST ${path} HTTP/1.1`,
    "Host: docker",
    "Connection: Upgrade",
    "Upgrade: h2c",
    "Content-Length: 0",
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  await writeAll(connection, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const head = await readHead(connection);
  const [line = ""] = head.split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? 0);
  return { status, line };
}

/** Byte by byte, as HTTP/2 may follow in the same read. */
async function readHead(connection: Connection): Promise<string> {
  const head: number[] = [];
  const byte = new Uint8Array(1);
  while (head.length < MAX_HEAD && !endsHead(head)) {
    if (await connection.read(byte) === null) break;
    head.push(...byte);
  }
  return new TextDecoder().decode(Uint8Array.from(head));
}

function endsHead(bytes: readonly number[]): boolean {
  return bytes.at(-1) === 10 && bytes.at(-2) === 13 && bytes.at(-3) === 10 && bytes.at(-4) === 13;
}
