/**
 * Serves build contexts to the engine: fsutil's exchange, from memory.
 *
 * The engine is told of every entry it may see, asks for the content of those that it does not
 * have, and says when it is done. The messages of one stream go one after the other.
 *
 * @module
 */

import type { Metadata } from "@grpc/grpc-js";
import type { TreeEntry } from "./context_tree.ts";
import { readPacket } from "./messages.ts";
import { filterTree, type PathFilter } from "./path_patterns.ts";

/** Kinds of packets. */
const PACKET = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

const PIECE = 32 * 1024;

/** Directories that the engine may ask for. */
export interface SharedDirectories {
  readonly trees: Readonly<Record<string, readonly TreeEntry[]>>;
  /** Modification time of every entry, in nanoseconds. */
  readonly modTime: bigint;
}

/** Called with the number of content bytes that go over. */
export type OnSent = (size: number) => void;

/** The part of a server call that the exchange uses. */
export interface ExchangeCall {
  readonly metadata: Metadata;
  write(message: object, done: (error?: Error | null) => void): boolean;
  end(): unknown;
  iterator(options: { readonly destroyOnReturn: boolean }): AsyncIterable<unknown>;
}

/** Answers one call of the engine to its end. @throws Error when the engine reports one */
export async function shareDirectory(
  call: ExchangeCall,
  { trees, modTime, onSent }: SharedDirectories & { readonly onSent?: OnSent },
): Promise<void> {
  const [name = ""] = metadataList(call.metadata, "dir-name");
  const tree = trees[name];
  if (tree === undefined) throw new Error(`The engine asked for an unknown directory "${name}"`);
  const entries = filterTree(tree, readFilter(call.metadata));

  const send = (packet: object) => writeMessage(call, packet);
  let sending = sendStats(entries, { send, modTime });
  // The engine's end is awaited below; until then nobody else looks at this promise.
  sending.catch(() => {});
  for await (const message of call.iterator({ destroyOnReturn: false })) {
    const { type, id, data } = readPacket(message);
    if (type === PACKET.error) throw new Error(new TextDecoder().decode(data));
    if (type === PACKET.end) break;
    if (type !== PACKET.request) continue;
    const content = entries[id]?.content;
    if (content === undefined) throw new Error(`The engine asked for an unknown file ${id}`);
    sending = sending.then(() => sendFile(content, { id, send, onSent }));
    sending.catch(() => {});
  }
  await sending;
  await send({ type: PACKET.end });
  call.end();
}

type Send = (packet: object) => Promise<void>;

/** An entry's position is its id; the empty packet ends the list. */
async function sendStats(
  entries: readonly TreeEntry[],
  { send, modTime }: { readonly send: Send; readonly modTime: bigint },
): Promise<void> {
  for (const { path, mode, content } of entries) {
    const size = String(content?.length ?? 0);
    await send({ type: PACKET.stat, stat: { path, mode, size, modTime: String(modTime) } });
  }
  await send({ type: PACKET.stat });
}

async function sendFile(
  content: Uint8Array,
  { id, send, onSent }: {
    readonly id: number;
    readonly send: Send;
    readonly onSent: OnSent | undefined;
  },
): Promise<void> {
  for (let at = 0; at < content.length; at += PIECE) {
    await send({ type: PACKET.data, ID: id, data: content.subarray(at, at + PIECE) });
  }
  await send({ type: PACKET.data, ID: id });
  onSent?.(content.length);
}

/** Writes one message and waits until the library took it. */
export function writeMessage(
  call: { write(message: object, done: (error?: Error | null) => void): boolean },
  message: object,
): Promise<void> {
  return new Promise((resolve, reject) => {
    call.write(message, (error) => error ? reject(error) : resolve());
  });
}

function readFilter(metadata: Metadata): PathFilter {
  return {
    includes: metadataList(metadata, "include-patterns"),
    excludes: metadataList(metadata, "exclude-patterns"),
    follows: metadataList(metadata, "followpaths"),
  };
}

/** The library joins what came several times with `, `. */
function metadataList(metadata: Metadata, key: string): readonly string[] {
  const values = metadata.get(key).map(String).flatMap((value) => value.split(", "));
  const encoded = metadata.get(`${key}-encoded`).map(String).some((value) => value === "1");
  return encoded ? values.map((value) => decodeURIComponent(value.replaceAll("+", " "))) : values;
}
