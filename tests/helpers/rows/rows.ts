/**
 * The rows: every way in to the router, and the suites that each of them plays.
 *
 * @module
 */

import { h2Bodies } from "./h2_bodies.ts";
import { h2Corpus } from "./h2_corpus.ts";
import { h2Faults } from "./h2_faults.ts";
import { http1Bodies } from "./http1_bodies.ts";
import { http1Corpus } from "./http1_corpus.ts";
import { http1Faults } from "./http1_faults.ts";
import type { Lane } from "./lane.ts";
import type { Case } from "./play_cases.ts";
import type { RawConnection } from "../raw_http.ts";
import { PuppetStream } from "./puppet.ts";
import type { Stage } from "./stage.ts";

/** What every row plays. */
export const SUITES = ["corpus", "bodies", "faults"] as const;
export type Suite = typeof SUITES[number];

/** How a client comes to the router. */
export type Way = "plain" | "tls-h1" | "tls-h2" | "inside";

/** Cases of one suite over one way; `seed` is where random bodies begin. */
export function casesOf(
  stage: Stage,
  { way, suite, seed }: { readonly way: Way; readonly suite: Suite; readonly seed: number },
): readonly Case[] {
  const bodies = { seed, count: BODIES[way] };
  if (way === "tls-h2") {
    const h2 = {
      scheme: "https",
      connect: (lane: Lane) => stage.connect("tls", lane, "h2"),
      openSession: (lane: Lane) => stage.openSession(lane),
      http1: http1Way(stage, "plain"),
    } as const;
    return { corpus: h2Corpus, bodies: () => h2Bodies(h2, bodies), faults: h2Faults }[suite](h2);
  }
  const http1 = http1Way(stage, way);
  return {
    corpus: http1Corpus,
    bodies: () => http1Bodies(http1, bodies),
    faults: http1Faults,
  }[suite](http1);
}

/** Connections with a few random bodies each; from inside, all goes through one pipe. */
const BODIES: Readonly<Record<Way, number>> = {
  "plain": 32,
  "tls-h1": 32,
  "tls-h2": 32,
  "inside": 24,
};

function http1Way(stage: Stage, way: Exclude<Way, "tls-h2">) {
  const transport = ({ "plain": "tcp", "tls-h1": "tls", "inside": "inside" } as const)[way];
  return {
    scheme: transport === "tls" ? "https" : "http",
    connect: (lane: Lane) => stage.connect(transport, lane),
    pause: async ({ connection }: RawConnection) => {
      if (connection instanceof PuppetStream) await connection.pause();
    },
    resume: async ({ connection }: RawConnection) => {
      if (connection instanceof PuppetStream) await connection.resume();
    },
  } as const;
}
