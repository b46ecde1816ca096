/**
 * Asks a BuildKit to build, follows what it does, and can stop it.
 *
 * @module
 */

import type { Client, ServiceError } from "@grpc/grpc-js";
import { isRecord } from "../../../core/is_record.ts";
import { type BuildStatus, readStatus } from "./messages.ts";
import type { Services } from "./services.ts";

/** A build, as BuildKit is asked for it. */
export interface SolveRequest {
  readonly session: string;
  readonly frontendAttributes: Readonly<Record<string, string>>;
  /** `moby` for the engine's own image store, `docker` for a tar. */
  readonly exporter: "moby" | "docker";
  readonly exporterAttributes: Readonly<Record<string, string>>;
}

/** Options of {@linkcode solve}. */
export interface SolveOptions {
  readonly onStatus: (status: BuildStatus) => void;
  readonly signal: AbortSignal | undefined;
}

/** How long the last news of an ended build may take. */
const STATUS_GRACE_MS = 3_000;

/**
 * Builds. Aborting stops the build in the engine.
 *
 * @throws ServiceError of the library, or the signal's reason
 */
export async function solve(
  { services, client }: { readonly services: Services; readonly client: Client },
  { session, frontendAttributes, exporter, exporterAttributes }: SolveRequest,
  { onStatus, signal }: SolveOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const ref = crypto.randomUUID();
  // Asked for first: it waits for the build to be there, and so misses nothing.
  const status = followStatus({ services, client }, ref, onStatus);
  const { solve: method } = services;
  try {
    await new Promise<void>((resolve, reject) => {
      const request = {
        Ref: ref,
        Session: session,
        Frontend: "dockerfile.v0",
        FrontendAttrs: frontendAttributes,
        Cache: {},
        Exporters: [{ Type: exporter, Attrs: exporterAttributes }],
        // Engines before the field above read these.
        ExporterDeprecated: exporter,
        ExporterAttrsDeprecated: exporterAttributes,
      };
      const call = client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error: ServiceError | null) => {
          signal?.removeEventListener("abort", cancel);
          if (error === null) resolve();
          else reject(signal?.aborted ? signal.reason : error);
        },
      );
      function cancel(): void {
        call.cancel();
      }
      signal?.addEventListener("abort", cancel, { once: true });
    });
  } finally {
    await status.end(signal?.aborted ? 0 : STATUS_GRACE_MS);
  }
}

/** Passes news on until BuildKit ends them; `end` waits for that, at most for so long. */
function followStatus(
  { services: { status: method }, client }: {
    readonly services: Services;
    readonly client: Client;
  },
  ref: string,
  onStatus: (status: BuildStatus) => void,
): { readonly end: (graceMs: number) => Promise<void> } {
  const call = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    { Ref: ref },
  );
  call.on("data", (message) => onStatus(readStatus(message)));
  const ended = new Promise<void>((resolve) => {
    // A build that failed before it began has no news; the failure itself comes from Solve.
    call.on("error", () => resolve());
    call.on("end", () => resolve());
  });
  return {
    async end(graceMs) {
      const timer = setTimeout(() => call.cancel(), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Says whether the library threw it: a call that failed. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && isRecord(error) && typeof error.code === "number" &&
    typeof error.details === "string";
}
