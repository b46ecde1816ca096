/**
 * The loads that `bench_router.ts` puts on a server, each with a client of its own.
 *
 * @module
 */

import type { Server } from "./bench_router_servers.ts";

/** What one load of one server gave; NaN where it could not be had. */
export interface Figures {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Processor time of the server for one request: what a noisy neighbour changes least. */
  readonly cpuUs: number;
}

/** One way to load a server. */
export interface Load {
  readonly name: string;
  /** What is counted. */
  readonly unit: string;
  /** One request after another: what is added to the time of direct ones is the proxy's own. */
  readonly isSequential: boolean;
  /** The command without which it is left out. */
  readonly needs: string | undefined;
  /** `undefined` for a server that has no such thing. */
  run(server: Server, directory: string): Promise<Result | undefined>;
}

/** What a client counted. */
export interface Result {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** What went wrong. */
  readonly failed: string | undefined;
}

/** Options of {@linkcode loadsFor}. */
export interface LoadsForOptions {
  readonly seconds: number;
  /** Only those that tell most. */
  readonly isQuick: boolean;
}

/** The loads, the most telling first. */
export function loadsFor({ seconds, isQuick }: LoadsForOptions): readonly Load[] {
  const main = [
    wrk("64 connections", { connections: 64, seconds }),
    wrk("1 connection", { connections: 1, seconds }),
  ];
  if (isQuick) return main;
  return [
    ...main,
    wrk("8 connections, 1 MiB", { connections: 8, seconds, path: "/large" }),
    wrk("TLS, HTTP/1.1, 64 connections", { connections: 64, seconds, isTls: true }),
    wrk("TLS, HTTP/1.1, 1 connection", { connections: 1, seconds, isTls: true }),
    h2load("TLS, HTTP/2, 8 connections × 8 streams", {
      args: ["-D", String(seconds), "-c", "8", "-m", "8"],
      isTls: true,
    }),
    webSocket("WebSocket, 1 connection, 32 bytes there and back", seconds * 1000),
    h2load("A burst: 600 new connections, one request each", {
      args: ["--h1", "-n", "600", "-c", "600"],
      isTls: false,
    }),
  ];
}

interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
  readonly path?: string;
  readonly isTls?: boolean;
}

function wrk(
  name: string,
  { connections, seconds, path = "/", isTls = false }: WrkOptions,
): Load {
  return {
    name,
    unit: "requests/s",
    isSequential: connections === 1,
    needs: "wrk",
    async run({ port, tlsPort }) {
      // Its server name in TLS is the host of the URL, and an address is none.
      const url = isTls ? `https://localhost:${tlsPort}` : `http://127.0.0.1:${port}`;
      const { stdout } = await new Deno.Command("wrk", {
        args: [
          "-t1",
          `-c${connections}`,
          `-d${seconds}s`,
          "--latency",
          "-H",
          "Host: a.localhost",
          url + path,
        ],
      }).output();
      const text = new TextDecoder().decode(stdout);
      const read = (pattern: RegExp) => Number(pattern.exec(text)?.[1]);
      return {
        count: read(/([0-9]+) requests in/),
        perSecond: read(/Requests\/sec:\s+([0-9.]+)/),
        p50Us: latency(text, "50%"),
        p99Us: latency(text, "99%"),
        failed: /Non-2xx[^\n]*|Socket errors[^\n]*/.exec(text)?.[0],
      };
    },
  };
}

/** Microseconds out of wrk's `50%    1.23ms`. */
function latency(text: string, percentile: string): number {
  const line = new RegExp(`\\n\\s+${percentile}\\s+([0-9.]+)(us|ms|s)`).exec(text) ?? [];
  const [, value, unit = ""] = line;
  const factor: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };
  return Number(value) * (factor[unit] ?? NaN);
}

/** On a starved machine it sometimes misses the end of its time, and goes on for ever. */
const H2LOAD_MS = 20_000;

function h2load(
  name: string,
  { args, isTls }: { readonly args: readonly string[]; readonly isTls: boolean },
): Load {
  return {
    name,
    unit: "requests/s",
    isSequential: false,
    needs: "h2load",
    async run({ port, tlsPort, speaksH2 }, directory) {
      if (isTls && !speaksH2) return undefined;
      const log = `${directory}/h2load.log`;
      const target = isTls ? tlsPort : port;
      const url = `${isTls ? "https" : "http"}://a.localhost:${target}/`;
      const { stdout, success } = await new Deno.Command("h2load", {
        args: [...args, `--connect-to=127.0.0.1:${target}`, `--log-file=${log}`, url],
        signal: AbortSignal.timeout(H2LOAD_MS),
      }).output();
      if (!success) return { ...NOTHING, failed: "h2load did not end" };
      const text = new TextDecoder().decode(stdout);
      // When it was sent, the status, and how long it took.
      const lines = (await Deno.readTextFile(log)).split("\n").map((line) => line.split("\t"));
      await Deno.remove(log);
      const times = lines.filter(([, status]) => status === "200").map(([, , us]) => Number(us));
      const [, failed = "", errored = ""] = /([0-9]+) failed, ([0-9]+) errored/.exec(text) ?? [];
      return {
        count: times.length,
        perSecond: Number(/finished in [^,]*, ([0-9.]+) req\/s/.exec(text)?.[1]),
        p50Us: quantile(times, 0.5),
        p99Us: quantile(times, 0.99),
        failed: failed === "0" && errored === "0"
          ? undefined
          : `${failed} failed, ${errored} errored`,
      };
    },
  };
}

const FRAME_BYTES = 32;

function webSocket(name: string, ms: number): Load {
  return {
    name,
    unit: "round trips/s",
    isSequential: true,
    needs: undefined,
    async run({ upgradePort }) {
      if (upgradePort === undefined) return undefined;
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: upgradePort });
      connection.setNoDelay(true);
      await connection.write(
        new TextEncoder().encode(
          "GET /upgrade HTTP/1.1\r\nHost: api.a.localhost\r\nConnection: Upgrade\r\n" +
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ),
      );
      const buffer = new Uint8Array(4096);
      let head = "";
      while (!head.endsWith("\r\n\r\n")) {
        const count = await connection.read(buffer);
        if (count === null) return { ...NOTHING, failed: "no upgrade" };
        head += new TextDecoder().decode(buffer.subarray(0, count));
      }
      if (!head.startsWith("HTTP/1.1 101")) return { ...NOTHING, failed: head.slice(0, 32) };
      // Final, binary, masked with zeros (RFC 6455 5.2).
      const frame = new Uint8Array([0x82, 0x80 | (FRAME_BYTES - 6), ...new Array(FRAME_BYTES - 2)]);
      const times: number[] = [];
      const started = performance.now();
      for (let now = started; now - started < ms;) {
        await connection.write(frame);
        for (let got = 0; got < frame.length;) {
          const count = await connection.read(buffer);
          if (count === null) return { ...NOTHING, failed: "the connection ended" };
          got += count;
        }
        const sent = now;
        now = performance.now();
        times.push((now - sent) * 1000);
      }
      return {
        count: times.length,
        perSecond: times.length / ms * 1000,
        p50Us: quantile(times, 0.5),
        p99Us: quantile(times, 0.99),
        failed: undefined,
      };
    },
  };
}

const NOTHING: Result = { count: NaN, perSecond: NaN, p50Us: NaN, p99Us: NaN, failed: undefined };

/** The value below which that part of all lies; NaN of nothing. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? NaN;
}
