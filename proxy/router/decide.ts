/**
 * Where a request goes, by its host name, who asks, and the routes of this moment. Pure but for the
 * table.
 *
 * @module
 */

import { asksForJson } from "./accept.ts";
import type { Decide, Decision, RequestHead } from "./contract.ts";
import { type HostName, parseHostName } from "./host_name.ts";
import {
  answerForbidden,
  answerIndex,
  answerMisdirected,
  answerNotFound,
  answerRun,
} from "./own_answers.ts";
import type { RouteTable, ServedRun } from "./route_table.ts";
import { type View, viewsOf } from "./view.ts";

/** Host names that were read before are looked up; there may be no more than this many. */
const MAX_REMEMBERED = 10_000;

/** Makes the function that chooses. */
export function decideBy(table: RouteTable): Decide {
  const viewOf = viewsOf(table);
  const remembered = new Map<string, HostName>();
  return (head, origin) => {
    let name = remembered.get(head.host);
    if (name === undefined) {
      name = parseHostName(head.host);
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(head.host, name);
    }
    return decide(name, head, { view: viewOf(origin), port: origin.localPort });
  };
}

/** Who asks, and on which port. */
interface Asked {
  readonly view: View;
  readonly port: number;
}

function decide(name: HostName, head: RequestHead, { view, port }: Asked): Decision {
  switch (name.kind) {
    case "foreign":
      return { kind: "answer", answer: answerMisdirected(head, { port }) };
    case "index": {
      const isIndex = head.target === "/" || head.target.startsWith("/?") || head.target === "*";
      const answer = isIndex
        ? answerIndex(head, { view, port })
        : answerNotFound(head, { view, port, name: `localhost${head.target}` });
      return { kind: "answer", answer };
    }
    case "unknown":
      return { kind: "answer", answer: answerNotFound(head, { view, port, name: name.name }) };
  }
  const asked = name.kind === "run" ? undefined : name.endpoint;
  if (!view.mayReach(name.run, asked)) {
    return { kind: "answer", answer: answerForbidden(head, { view, port, asked: name }) };
  }
  const run = view.find(name.run);
  if (run === undefined) {
    const host = asked === undefined ? name.run : `${asked}.${name.run}`;
    return {
      kind: "answer",
      answer: answerNotFound(head, { view, port, name: `${host}.localhost` }),
    };
  }
  if (asked === undefined) return decideDefault(run, head, { view, port });
  const endpoint = run.endpoints.get(asked);
  if (endpoint !== undefined) return { kind: "forward", endpoint };
  return {
    kind: "answer",
    answer: answerNotFound(head, { view, port, name: `${asked}.${run.name}.localhost`, run }),
  };
}

/** Only the front page lists endpoints: an application's own paths are always its own. */
function decideDefault(run: ServedRun, head: RequestHead, { view, port }: Asked): Decision {
  const isFrontPage = head.target === "/" && (head.method === "GET" || head.method === "HEAD");
  const wantsList = isFrontPage && (run.isAmbiguous || asksForJson(head.header("accept")));
  if (wantsList) return { kind: "answer", answer: answerRun(head, { run, view, port }) };
  if (run.default !== undefined) return { kind: "forward", endpoint: run.default };
  return {
    kind: "answer",
    answer: answerNotFound(head, { view, port, name: `${run.name}.localhost`, run }),
  };
}
