/**
 * Where a request goes, by its host name and the routes of this moment. Pure but for the table.
 *
 * @module
 */

import { asksForJson } from "./accept.ts";
import type { Decide, Decision, Origin, RequestHead } from "./contract.ts";
import { type HostName, parseHostName } from "./host_name.ts";
import { answerIndex, answerMisdirected, answerNotFound, answerRun } from "./own_answers.ts";
import type { RouteTable, ServedRun } from "./route_table.ts";

/** Host names that were read before are looked up; there may be no more than this many. */
const MAX_REMEMBERED = 10_000;

/** Makes the function that chooses. */
export function decideBy(table: RouteTable): Decide {
  const remembered = new Map<string, HostName>();
  return (head, origin) => {
    let name = remembered.get(head.host);
    if (name === undefined) {
      name = parseHostName(head.host);
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(head.host, name);
    }
    return decide(name, head, { table, origin });
  };
}

function decide(
  name: HostName,
  head: RequestHead,
  { table, origin }: { readonly table: RouteTable; readonly origin: Origin },
): Decision {
  const port = origin.localPort;
  switch (name.kind) {
    case "foreign":
      return { kind: "answer", answer: answerMisdirected(head, { port }) };
    case "index": {
      const isIndex = head.target === "/" || head.target.startsWith("/?") || head.target === "*";
      const answer = isIndex
        ? answerIndex(head, { table, port })
        : answerNotFound(head, { table, port, name: `localhost${head.target}` });
      return { kind: "answer", answer };
    }
    case "unknown":
      return { kind: "answer", answer: answerNotFound(head, { table, port, name: name.name }) };
  }
  const run = table.find(name.run);
  if (run === undefined) {
    const host = name.kind === "run" ? name.run : `${name.endpoint}.${name.run}`;
    return {
      kind: "answer",
      answer: answerNotFound(head, { table, port, name: `${host}.localhost` }),
    };
  }
  if (name.kind === "run") return decideDefault(run, head, { table, port });
  const endpoint = run.endpoints.get(name.endpoint);
  if (endpoint !== undefined) return { kind: "forward", endpoint };
  return {
    kind: "answer",
    answer: answerNotFound(head, {
      table,
      port,
      name: `${name.endpoint}.${run.name}.localhost`,
      run,
    }),
  };
}

/** Only the front page lists endpoints: an application's own paths are always its own. */
function decideDefault(
  run: ServedRun,
  head: RequestHead,
  { table, port }: { readonly table: RouteTable; readonly port: number },
): Decision {
  const isFrontPage = head.target === "/" && (head.method === "GET" || head.method === "HEAD");
  const wantsList = isFrontPage && (run.isAmbiguous || asksForJson(head.header("accept")));
  if (wantsList) return { kind: "answer", answer: answerRun(head, { run, port }) };
  if (run.default !== undefined) return { kind: "forward", endpoint: run.default };
  return {
    kind: "answer",
    answer: answerNotFound(head, { table, port, name: `${run.name}.localhost`, run }),
  };
}
