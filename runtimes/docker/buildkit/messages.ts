/**
 * Reads what the gRPC library decoded: plain objects become the types that a build works with.
 *
 * The one place where messages are narrowed; absent fields are absent, times are milliseconds.
 *
 * @module
 */

import { isRecord } from "../../../core/is_record.ts";

const STDERR = 2;

/** A step of the build. */
export interface Vertex {
  readonly digest: string;
  /** Such as `[2/5] RUN apt-get update`. */
  readonly name: string;
  readonly cached: boolean;
  readonly startedMs?: number;
  readonly completedMs?: number;
  /** Why it failed; empty when it did not. */
  readonly error: string;
}

/** How far a part of a step is, such as one layer of a download. */
export interface VertexStatus {
  readonly id: string;
  readonly vertex: string;
  readonly current: number;
  readonly total: number;
  readonly completed: boolean;
}

/** Output of a step's command. */
export interface VertexLog {
  readonly vertex: string;
  readonly isError: boolean;
  readonly data: Uint8Array;
}

/** What happened since the last one. */
export interface BuildStatus {
  readonly vertexes: readonly Vertex[];
  readonly statuses: readonly VertexStatus[];
  readonly logs: readonly VertexLog[];
}

/** A message of the file exchange, as the engine sends it. */
export interface Packet {
  readonly type: number;
  readonly id: number;
  readonly data: Uint8Array;
}

/** One detail of a failed call; BuildKit's own are JSON. */
export interface ErrorDetail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** Reads a `StatusResponse`. */
export function readStatus(message: unknown): BuildStatus {
  const { vertexes, statuses, logs } = fieldsOf(message);
  return {
    vertexes: listOf(vertexes).map(readVertex),
    statuses: listOf(statuses).map((status) => ({
      id: textOf(status.ID),
      vertex: textOf(status.vertex),
      current: Number(status.current ?? 0),
      total: Number(status.total ?? 0),
      completed: isRecord(status.completed),
    })),
    logs: listOf(logs).map(({ vertex, stream, msg }) => ({
      vertex: textOf(vertex),
      isError: Number(stream ?? 0) === STDERR,
      data: bytesOf(msg),
    })),
  };
}

/** Reads a `Packet` of the file exchange. */
export function readPacket(message: unknown): Packet {
  const { type, ID, data } = fieldsOf(message);
  return { type: Number(type ?? 0), id: Number(ID ?? 0), data: bytesOf(data) };
}

/** Reads the bytes of a `BytesMessage`. */
export function readBytes(message: unknown): Uint8Array {
  return bytesOf(fieldsOf(message).data);
}

/** Reads a `google.rpc.Status`'s details. */
export function readErrorDetails(message: unknown): readonly ErrorDetail[] {
  return listOf(fieldsOf(message).details).map(({ type_url, value }) => ({
    typeUrl: textOf(type_url),
    value: bytesOf(value),
  }));
}

function readVertex({ digest, name, cached, started, completed, error }: Fields): Vertex {
  return {
    digest: textOf(digest),
    name: textOf(name),
    cached: cached === true,
    ...(isRecord(started) ? { startedMs: timeOf(started) } : {}),
    ...(isRecord(completed) ? { completedMs: timeOf(completed) } : {}),
    error: textOf(error),
  };
}

type Fields = Record<string, unknown>;

function fieldsOf(message: unknown): Fields {
  return isRecord(message) ? message : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function timeOf({ seconds, nanos }: Fields): number {
  return Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1_000_000;
}
