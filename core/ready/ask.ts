/**
 * One attempt to see a companion ready.
 *
 * @module
 */

import type { ReadyProbe } from "../plugin/contribution.ts";
import type { ByteStream } from "../plugin/runtime.ts";
import type { Answer } from "./answer.ts";
import { askGrpc } from "./ask_grpc.ts";
import { askHttp } from "./ask_http.ts";
import { askMysql } from "./ask_mysql.ts";
import { askPostgres } from "./ask_postgres.ts";
import { askRedis } from "./ask_redis.ts";
import { ByteReader } from "./byte_reader.ts";

/** How a companion is reached. */
export interface ReadySubject {
  /** @throws when nothing takes the connection */
  dial(port: number, signal: AbortSignal): Promise<ByteStream>;
  /** Runs a command inside, as root; its exit code. */
  exec(command: readonly string[], signal: AbortSignal): Promise<number>;
  /** What it must be spoken to with, where it has one. */
  readonly password?: string;
}

/** Asks over an open connection. @throws when the connection breaks */
export async function askOver(
  stream: ByteStream,
  { probe, password }: {
    readonly probe: Exclude<ReadyProbe, { kind: "command" }>;
    readonly password: string | undefined;
  },
): Promise<Answer> {
  const conversation = { stream, reader: new ByteReader(stream) };
  switch (probe.kind) {
    case "postgres":
      return await askPostgres(conversation);
    case "mysql":
      return await askMysql(conversation);
    case "redis":
      return await askRedis(conversation, { password });
    case "http":
      return await askHttp(conversation, probe);
    case "grpc":
      return await askGrpc(conversation, probe);
    case "tcp":
      return { kind: "ready", stays: true };
  }
}

/** Asks by a command. */
export async function askCommand(
  subject: Pick<ReadySubject, "exec">,
  { command, signal }: { readonly command: readonly string[]; readonly signal: AbortSignal },
): Promise<Answer> {
  const code = await subject.exec(command, signal);
  return code === 0
    ? { kind: "ready", stays: false }
    : { kind: "not yet", state: `"${command.join(" ")}" ends with ${code}` };
}
