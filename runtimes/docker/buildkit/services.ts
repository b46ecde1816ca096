/**
 * The gRPC services that a build speaks and serves. The library is loaded here, when the first
 * build needs it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { MethodDefinition } from "@grpc/grpc-js";
import type { AnyDefinition, ServiceDefinition } from "@grpc/proto-loader";
import { DESCRIPTOR } from "./descriptor.ts";

/** A method with its encoders; messages are plain objects, read by `messages.ts`. */
export type Method = MethodDefinition<object, object>;

/** The library, and the services of a build. */
export interface Services {
  readonly grpc: typeof import("@grpc/grpc-js");
  readonly solve: Method;
  readonly status: Method;
  readonly session: Method;
  readonly fileSync: ServiceDefinition;
  readonly fileSend: ServiceDefinition;
  readonly health: ServiceDefinition;
  /** Decodes the details that a failed call carries. */
  readonly decodeErrorDetails: (bytes: Uint8Array) => object;
}

/** Loads library and definitions. */
export async function loadServices(): Promise<Services> {
  const [grpc, { fromJSON }] = await Promise.all([
    import("@grpc/grpc-js"),
    import("@grpc/proto-loader"),
  ]);
  const definitions = fromJSON(DESCRIPTOR, { keepCase: true, longs: String, defaults: true });
  const control = serviceOf(definitions["moby.buildkit.v1.Control"]);
  const errors = methodOf(serviceOf(definitions["moat.Errors"]), "Decode");
  return {
    grpc,
    solve: methodOf(control, "Solve"),
    status: methodOf(control, "Status"),
    session: methodOf(control, "Session"),
    fileSync: serviceOf(definitions["moby.filesync.v1.FileSync"]),
    fileSend: serviceOf(definitions["moby.filesync.v1.FileSend"]),
    health: serviceOf(definitions["grpc.health.v1.Health"]),
    decodeErrorDetails: (bytes) => errors.requestDeserialize(Buffer.from(bytes)),
  };
}

function serviceOf(definition: AnyDefinition | undefined): ServiceDefinition {
  if (definition === undefined || isTypeDefinition(definition)) {
    throw new TypeError("The descriptor lacks a service");
  }
  return definition;
}

function isTypeDefinition(
  definition: AnyDefinition,
): definition is Exclude<AnyDefinition, ServiceDefinition> {
  return typeof definition.format === "string";
}

function methodOf(service: ServiceDefinition, name: string): Method {
  const method = service[name];
  if (method === undefined) throw new TypeError(`The descriptor lacks the method ${name}`);
  return method;
}
