/**
 * The names under which the router serves endpoints: `web.myapp.localhost`.
 *
 * @module
 */

/** Where the real port of the router goes; filled in by the step that registers the run's route. */
const PORT = "{router.port}";

const USUAL_PORT = { http: 80, https: 443 } as const;

/** Names of a run and of one of its endpoints; without an endpoint, the run's own name. */
export interface EndpointName {
  readonly run: string;
  readonly endpoint?: string;
}

/** `web.myapp.localhost:8080`, or `myapp.localhost:8080`; the usual port of web servers goes without saying. */
export function endpointHost(
  { run, endpoint }: EndpointName,
  port: number | string,
  usual: number = USUAL_PORT.http,
): string {
  const host = `${endpoint === undefined ? "" : `${endpoint}.`}${run}.localhost`;
  return port === usual ? host : `${host}:${port}`;
}

/** `http://web.myapp.localhost:8080`. */
export function endpointUrl(
  name: EndpointName,
  port: number | string,
  scheme: "http" | "https" = "http",
): string {
  return `${scheme}://${endpointHost(name, port, USUAL_PORT[scheme])}`;
}

/**
 * Variables that tell a run its own names, with a reference in place of the port: `MOAT_HOST`,
 * `MOAT_URL`, and both for each endpoint. Empty without endpoints.
 */
export function endpointVariables(
  run: string,
  endpoints: readonly { readonly name: string }[],
): Readonly<Record<string, string>> {
  if (endpoints.length === 0) return {};
  const variables: Record<string, string> = {
    MOAT_HOST: endpointHost({ run }, PORT),
    MOAT_URL: endpointUrl({ run }, PORT),
  };
  for (const { name: endpoint } of endpoints) {
    const key = endpoint.toUpperCase().replaceAll("-", "_");
    variables[`MOAT_HOST_${key}`] = endpointHost({ run, endpoint }, PORT);
    variables[`MOAT_URL_${key}`] = endpointUrl({ run, endpoint }, PORT);
  }
  return variables;
}

/** Tells a run where the router is, and lists there what it may reach: `MOAT_ROUTER_URL`. */
export const ROUTER_VARIABLES: Readonly<Record<string, string>> = {
  MOAT_ROUTER_URL: `http://localhost:${PORT}`,
};

/** The text of such a reference with the port in it. */
export function withRouterPort(reference: string, port: number): string {
  return reference.replaceAll(`:${PORT}`, port === USUAL_PORT.http ? "" : `:${port}`);
}
