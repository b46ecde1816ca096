/**
 * The inside of a plugin that is code: runs in the sandbox, imports the plugin's module in a worker
 * with its permissions alone, and passes questions and answers on.
 *
 * What the module writes to standard output is lost: answers leave by a descriptor of their own.
 *
 * @module
 */

import { CODE_CONTRACT } from "../manifest.ts";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import {
  ANSWERS_DESCRIPTOR,
  MAX_RESIDENT_BYTES,
  type PluginMay,
  type PluginMessage,
  type PluginOrder,
} from "./plugin_protocol.ts";

const WATCH_EVERY_MS = 20;

/** A module of its own, as text: no file of ours is visible to the worker. */
const WORKER = `
const post = self.postMessage.bind(self);
const text = JSON.stringify;
let module;
self.onmessage = async ({ data }) => {
  try {
    if (data.module !== undefined) {
      module = await import(data.module);
      if (typeof module.contribute !== "function") throw new Error("it exports no function contribute");
      post(text({ kind: "loaded" }));
    } else {
      const contribution = await module.contribute(data.entry, data.target);
      post(text({ kind: "answer", contribution: contribution ?? {} }));
    }
  } catch (error) {
    post(text({ kind: "failed", reason: String(error?.message ?? error).slice(0, 500) }));
  }
};
`;

/** Serves until standard input ends. Never returns while the plugin lives. */
export async function servePlugin(): Promise<number> {
  using answers = Deno.openSync(`/proc/self/fd/${ANSWERS_DESCRIPTOR}`, { write: true });
  const send = (message: PluginMessage) => writeAll(answers, encodeMessage(message));
  const watch = setInterval(() => {
    if (Deno.memoryUsage().rss <= MAX_RESIDENT_BYTES) return;
    send({
      kind: "failed",
      reason: `it uses more than ${MAX_RESIDENT_BYTES / 1024 ** 2} MiB of memory`,
    });
    Deno.exit(1);
  }, WATCH_EVERY_MS);
  let worker: Worker | undefined;
  try {
    const decoder = new FrameDecoder();
    send({ kind: "ready", contract: CODE_CONTRACT });
    for await (const bytes of Deno.stdin.readable) {
      for (const order of decoder.push(bytes) as readonly PluginOrder[]) {
        worker ??= startWorker(order, send);
        worker.postMessage(order);
      }
    }
    return 0;
  } finally {
    clearInterval(watch);
    worker?.terminate();
  }
}

function startWorker(order: PluginOrder, send: (message: PluginMessage) => void): Worker {
  const may: Partial<PluginMay> = "module" in order ? order.may : {};
  const { read = [], write = [], net = [], run = [], env = [] } = may;
  const those = (names: readonly string[]) => names.length === 0 ? false : [...names];
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(WORKER)}`, {
    type: "module",
    deno: {
      permissions: {
        read: those(read),
        write: those(write),
        net: those(net),
        run: those(run),
        env: those(env),
        ffi: false,
        sys: false,
        import: false,
      },
    },
  });
  // What it says is text of moat's shape or nothing that anybody reads.
  worker.onmessage = ({ data }) =>
    send(
      typeof data === "string" ? JSON.parse(data) : {
        kind: "failed",
        reason: "it does not answer as it must",
      },
    );
  worker.onerror = (event) => {
    event.preventDefault();
    send({ kind: "failed", reason: event.message.slice(0, 500) });
  };
  return worker;
}

function encodeMessage(message: PluginMessage): Uint8Array {
  try {
    return encodeFrame(message);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return encodeFrame({ kind: "failed", reason: "its answer is larger than 1 MiB" });
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}
