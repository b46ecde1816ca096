/**
 * What the router itself answers: lists of what it serves, and errors with the next thing to do.
 *
 * HTML for who asks for a page, else JSON.
 *
 * @module
 */

import { describeError } from "../../core/errors.ts";
import { prefersHtml } from "./accept.ts";
import type { Answer, Header, Problem, RequestHead } from "./contract.ts";
import { escapeHtml, renderPage } from "./page.ts";
import type { RouteTable, ServedRun } from "./route_table.ts";
import type { View } from "./view.ts";

/** An endpoint as lists show it. */
interface ListedEndpoint {
  readonly name: string;
  readonly port: number;
  readonly url: string;
}

/** A run as lists show it. */
interface ListedRun {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly endpoints: readonly ListedEndpoint[];
}

/** An error as it is answered. */
interface OwnError {
  readonly status: number;
  /** What the status means, such as `Not found`. */
  readonly title: string;
  /** One sentence without a full stop. */
  readonly message: string;
  /** A command or an edit. */
  readonly hint?: string;
  /** What there is instead. */
  readonly runs?: readonly ListedRun[];
}

/** How many runs an error lists. */
const MAX_LISTED = 20;

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  403: "Forbidden",
  404: "Not found",
  408: "Request time-out",
  413: "Content too large",
  417: "Expectation failed",
  421: "Misdirected request",
  431: "Header fields too large",
  501: "Not implemented",
  502: "Bad gateway",
  505: "HTTP version not supported",
  508: "Loop detected",
};

/** Everything that the caller may reach. */
export function answerIndex(
  head: RequestHead,
  { view, port }: { readonly view: View; readonly port: number },
): Answer {
  const runs = view.runs.map((run) => listed(run, { view, port }));
  if (!prefersHtml(head.header("accept"))) return json(200, { runs });
  const body = runs.length === 0
    ? view.caller === undefined
      ? "<p>No run has endpoints now. Start one: <code>moat run --port web=3000 -- …</code></p>"
      : `<p>Run ${escapeHtml(view.caller.name)} reaches no endpoints now.</p>`
    : renderRuns(runs);
  return html(200, renderPage("moat", body));
}

/** The endpoints of one run. */
export function answerRun(
  head: RequestHead,
  { run, view, port }: {
    readonly run: ServedRun;
    readonly view: View;
    readonly port: number;
  },
): Answer {
  const shown = listed(run, { view, port });
  return prefersHtml(head.header("accept"))
    ? html(200, renderPage(run.name, renderRuns([shown])))
    : json(200, shown);
}

/** No run or endpoint has the name. */
export function answerNotFound(
  head: RequestHead,
  { view, port, name, run }: {
    readonly view: View;
    readonly port: number;
    readonly name: string;
    /** The run that has the name, but not the endpoint. */
    readonly run?: ServedRun;
  },
): Answer {
  const runs = run === undefined ? view.runs.slice(0, MAX_LISTED) : [run];
  return error(head, {
    status: 404,
    title: "Not found",
    message: run === undefined
      ? `No live run with endpoints is behind ${name}`
      : `Run "${run.name}" has no endpoint behind ${name}`,
    hint: view.caller === undefined ? "moat list" : `curl http://localhost:${port}/`,
    runs: runs.map((shown) => listed(shown, { view, port })),
  });
}

/** A run asks for what its rules do not name; whether that exists is not said. */
export function answerForbidden(
  head: RequestHead,
  { view, port, asked: { run, endpoint } }: {
    readonly view: View;
    readonly port: number;
    readonly asked: { readonly run: string; readonly endpoint?: string };
  },
): Answer {
  const { caller } = view;
  const rule = `run:${run}${endpoint === undefined ? "" : `/${endpoint}`}`;
  const name = `${endpoint === undefined ? "" : `${endpoint}.`}${run}.localhost`;
  return error(head, {
    status: 403,
    title: "Forbidden",
    message: caller === undefined
      ? `The run that asks for ${name} is not served any more`
      : `Run "${caller.name}" may not reach ${name}: its network.rules do not name it`,
    ...(caller === undefined
      ? {}
      : { hint: `In its moat.yaml, for its next start: network: { rules: ["${rule}"] }` }),
    runs: view.runs.slice(0, MAX_LISTED).map((shown) => listed(shown, { view, port })),
  });
}

/** The host is not below `localhost`. */
export function answerMisdirected(head: RequestHead, { port }: { readonly port: number }): Answer {
  return error(head, {
    status: 421,
    title: "Misdirected request",
    message: head.host === ""
      ? "The request names no host; only localhost and names below it are served"
      : `Host "${head.host}" is not served; only localhost and names below it are`,
    hint: `http://localhost:${port}/`,
  });
}

/** What kept a request from being answered by its endpoint. */
export function explainProblem(
  problem: Problem,
  { head, table }: { readonly head: RequestHead | undefined; readonly table: RouteTable },
): Answer {
  const { status } = problem;
  const title = TITLES[status] ?? "Error";
  switch (problem.kind) {
    case "refused":
      return error(head, { status, title, message: `The request was refused: ${problem.reason}` });
    case "failed":
      return error(head, {
        status,
        title,
        message: `The router cannot serve this request: ${problem.reason}`,
      });
    case "loop":
      return error(head, {
        status,
        title,
        message: problem.reason,
        hint: "Have the endpoint answer itself, or forward to another host than it was asked for",
      });
    case "unreachable": {
      const { endpoint } = problem;
      const { run, name, port } = endpoint;
      const notReady = table.find(run)?.whyNotReady();
      return error(head, {
        status,
        title,
        message: notReady === undefined
          ? `Nothing answers at port ${port} of run "${run}" (endpoint ${name}): ` +
            describeError(problem.cause)
          : `Endpoint ${name} of run "${run}" does not answer: ${notReady}`,
        hint: notReady === undefined
          ? `Have the program listen on port ${port}; see what it says: moat logs ${run}`
          : `moat logs -f ${run}`,
      });
    }
    case "bad-response": {
      const { run, name, port } = problem.endpoint;
      return error(head, {
        status,
        title,
        message: `Endpoint ${name} of run "${run}" (port ${port}) gave no valid answer: ` +
          problem.reason,
        hint: `moat logs ${run}`,
      });
    }
  }
}

function listed(
  run: ServedRun,
  { view, port }: { readonly view: View; readonly port: number },
): ListedRun {
  const { id, name } = run;
  return {
    id,
    name,
    url: `http://${name}.localhost:${port}`,
    endpoints: view.endpointsOf(run).map((endpoint) => ({
      name: endpoint.name,
      port: endpoint.port,
      url: `http://${endpoint.name}.${name}.localhost:${port}`,
    })),
  };
}

function error(head: RequestHead | undefined, found: OwnError): Answer {
  const { status, title, message, hint, runs } = found;
  if (!prefersHtml(head?.header("accept"))) {
    return json(status, {
      error: { status, message, hint: hint ?? null },
      ...(runs === undefined ? {} : { runs }),
    });
  }
  const parts = [
    `<p>${escapeHtml(message)}.</p>`,
    ...(hint === undefined ? [] : [`<p><code>${escapeHtml(hint)}</code></p>`]),
    ...(runs === undefined || runs.length === 0 ? [] : [`<h2>There is</h2>`, renderRuns(runs)]),
  ];
  return html(status, renderPage(`${status} ${title}`, parts.join("\n")));
}

function renderRuns(runs: readonly ListedRun[]): string {
  const items = runs.map(({ id, name, endpoints }) => {
    const links = endpoints.map(({ name, port, url }) =>
      `<li><a href="${escapeHtml(url)}">${escapeHtml(url)}</a> ` +
      `<small>${escapeHtml(name)} → :${port}</small></li>`
    );
    return `<section><h2>${escapeHtml(name)} <small>${escapeHtml(id)}</small></h2>` +
      `<ul>${links.join("")}</ul></section>`;
  });
  return items.join("\n");
}

const COMMON: readonly Header[] = [
  { name: "Cache-Control", value: "no-store" },
  // By this a client can tell an answer of the router from one of the endpoint.
  { name: "Server", value: "moat" },
  { name: "X-Content-Type-Options", value: "nosniff" },
  { name: "Vary", value: "Accept" },
];

function json(status: number, value: unknown): Answer {
  return {
    status,
    headers: [{ name: "Content-Type", value: "application/json; charset=utf-8" }, ...COMMON],
    body: `${JSON.stringify(value, null, 2)}\n`,
  };
}

function html(status: number, body: string): Answer {
  return {
    status,
    headers: [
      { name: "Content-Type", value: "text/html; charset=utf-8" },
      {
        name: "Content-Security-Policy",
        value: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      },
      ...COMMON,
    ],
    body,
  };
}
