/**
 * What moat serves to BuildKit while it builds: the contexts, its health and, for a BuildKit
 * outside of the engine, a place for the finished image.
 *
 * @module
 */

import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall } from "@grpc/grpc-js";
import type { Connection } from "../wire/connection.ts";
import { type OnSent, type SharedDirectories, shareDirectory } from "./file_sync.ts";
import { joinServer } from "./grpc_joint.ts";
import { readBytes } from "./messages.ts";
import type { Services } from "./services.ts";

/** Options of {@linkcode startSession}. */
export interface SessionOptions extends SharedDirectories {
  /** Contexts with equal keys are taken for the same directory at another time. */
  readonly sharedKey: string;
  readonly onSent?: OnSent;
  /** Takes the exported image as a tar; consuming slowly slows the export. */
  readonly receive?: (tar: AsyncIterable<Uint8Array>) => Promise<void>;
}

/** A session that BuildKit can be connected to. */
export interface Session extends AsyncDisposable {
  readonly id: string;
  /** How BuildKit is told what is served: names and values, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Serves until the connection ends. */
  readonly serve: (connection: Connection) => Promise<void>;
  /** Why serving went wrong, if it did: the engine only says that it was cut off. */
  readonly failure: () => unknown;
}

const SERVING = 1;

type Exchange = ServerDuplexStream<object, object>;

/** Starts serving. */
export async function startSession(
  { grpc, fileSync, fileSend, health }: Services,
  { sharedKey, receive, ...directories }: SessionOptions,
): Promise<Session> {
  let failure: unknown;
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  const methods = ["/moby.filesync.v1.FileSync/DiffCopy", "/grpc.health.v1.Health/Check"];

  /** Runs one call of BuildKit and ends it with what went wrong. */
  async function answer(call: Exchange, work: () => Promise<void>): Promise<void> {
    try {
      if (!joint.isOwnPeer(call.getPeer())) throw new Error("This session belongs to another");
      await work();
    } catch (error) {
      if (call.cancelled) return;
      failure ??= error;
      const details = error instanceof Error ? error.message : String(error);
      call.emit("error", { code: grpc.status.INTERNAL, details });
    }
  }

  server.addService(fileSync, {
    DiffCopy: (call: Exchange) => void answer(call, () => shareDirectory(call, directories)),
  });
  server.addService(health, {
    Check: (_call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>) =>
      reply(null, { status: SERVING }),
  });
  if (receive !== undefined) {
    methods.push("/moby.filesync.v1.FileSend/DiffCopy");
    server.addService(fileSend, {
      DiffCopy: (call: Exchange) =>
        void answer(call, async () => {
          await receive(receivedBytes(call));
          call.end();
        }),
    });
  }

  const joint = await joinServer((address) =>
    new Promise((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync(
        address,
        credentials,
        (error, port) => error ? reject(error) : resolve(port),
      );
    })
  );
  const id = crypto.randomUUID().replaceAll("-", "");
  return {
    id,
    headers: [
      ["X-Docker-Expose-Session-Uuid", id],
      ["X-Docker-Expose-Session-Name", "moat"],
      ["X-Docker-Expose-Session-Sharedkey", sharedKey],
      ...methods.map((method) => ["X-Docker-Expose-Session-Grpc-Method", method] as const),
    ],
    serve: joint.serve,
    failure: () => failure,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      await joint[Symbol.asyncDispose]();
    },
  };
}

async function* receivedBytes(call: Exchange): AsyncGenerator<Uint8Array> {
  for await (const message of call.iterator({ destroyOnReturn: false })) yield readBytes(message);
}
