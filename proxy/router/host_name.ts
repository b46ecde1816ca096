/**
 * What a `Host` header names: the router's own page, a run, an endpoint of a run, or nobody here.
 *
 * Only `localhost` and names below it are served. A page of another site that was pointed at this
 * machine (DNS rebinding) has another host, and is refused.
 *
 * @module
 */

/** What is asked for. Names are in lower case. */
export type HostName =
  | { readonly kind: "index" }
  | { readonly kind: "run"; readonly run: string }
  | { readonly kind: "endpoint"; readonly run: string; readonly endpoint: string }
  /** Below `localhost`, but no name that a run can have. */
  | { readonly kind: "unknown"; readonly name: string }
  | { readonly kind: "foreign" };

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** A name, one trailing dot at most, a port at most. Addresses in brackets are no names. */
const HOST = /^([^:[\]]+?)\.?(?::\d{0,5})?$/;

/** Reads the header's value as the client wrote it. */
export function parseHostName(host: string): HostName {
  const name = HOST.exec(host)?.[1]?.toLowerCase();
  if (name === undefined) return { kind: "foreign" };
  if (name === "localhost") return { kind: "index" };
  if (!name.endsWith(".localhost")) return { kind: "foreign" };
  const labels = name.slice(0, -".localhost".length).split(".");
  const [first = "", second] = labels;
  if (labels.length > 2 || !labels.every((label) => LABEL.test(label))) {
    return { kind: "unknown", name };
  }
  return second === undefined
    ? { kind: "run", run: first }
    : { kind: "endpoint", run: second, endpoint: first };
}
