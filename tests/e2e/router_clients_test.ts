/**
 * Programs that people use, through the router: each as it comes, without anything of ours in it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Chromium } from "../helpers/chromium.ts";
import { fetchFrom } from "../helpers/fetch_from.ts";
import { type Need, requires } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest } from "../helpers/runtimes_under_test.ts";
import { until } from "../helpers/until.ts";

const SERVER = await Deno.readTextFile(
  new URL("../fixtures/clients/server.js", import.meta.url),
);
const HOST = "web.shop.localhost";
/** A body that is longer than one read. */
const BODY = "0123456789abcdef".repeat(32 * 1024);

interface Place {
  readonly port: number;
  /** PEM of the router's authority. */
  readonly authority: string;
  /** Holds `BODY`. */
  readonly file: string;
}

/** Runs a program to its end. */
async function output(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], env })
    .output();
  const decoder = new TextDecoder();
  assert(success, `${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function tryCurl({ port, authority, file }: Place): Promise<void> {
  const plain = `http://${HOST}:${port}`;
  const ways: readonly (readonly [string, string, readonly string[]])[] = [
    [plain, "1.1", ["--http1.1"]],
    [plain, "2", ["--http2-prior-knowledge"]],
    [`https://${HOST}:${port}`, "1.1", ["--http1.1", "--cacert", authority]],
    [`https://${HOST}:${port}`, "2", ["--http2", "--cacert", authority]],
  ];
  for (const [url, version, flags] of ways) {
    const curl = (...args: readonly string[]) =>
      output("curl", ["-sS", "--fail", "-w", "%{http_version}", ...flags, ...args]);
    const text = await curl(`${url}/hello?a=b`);
    assert(text.endsWith(`\n${version}`), text);
    assert.deepEqual(JSON.parse(text.slice(0, text.lastIndexOf("\n"))), {
      method: "GET",
      path: "/hello?a=b",
      host: `${HOST}:${port}`,
      proto: new URL(url).protocol.slice(0, -1),
      version: "1.1",
    });
    const echoed = await curl("--data-binary", `@${file}`, `${url}/echo`);
    assert(echoed === BODY + version, `${flags[0]}: ${echoed.length} characters`);
  }
}

async function tryWget({ port, authority, file }: Place): Promise<void> {
  const host = `--header=Host: ${HOST}:${port}`;
  const wget = (...args: readonly string[]) => output("wget", ["-qO-", "-t1", host, ...args]);
  assert.equal(JSON.parse(await wget(`http://127.0.0.1:${port}/`)).proto, "http");
  const secure = [`--ca-certificate=${authority}`, `https://localhost:${port}/echo`];
  assert(await wget(`--post-file=${file}`, ...secure) === BODY);
}

const NODE = String.raw`
const [port, host] = process.argv.slice(1);
const http = require("node:http"), https = require("node:https"), dns = require("node:dns");
const get = (module, options) => new Promise((resolve, reject) => {
  module.get({ host: "127.0.0.1", port, headers: { host }, ...options }, (response) => {
    let text = "";
    response.on("data", (data) => text += data).on("end", () => resolve(JSON.parse(text)));
  }).on("error", reject);
});
// fetch lets nobody set Host: this stands for a system that resolves *.localhost.
const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(name.endsWith(".localhost") ? "127.0.0.1" : name, ...rest);
(async () => {
  const body = "x".repeat(500_000);
  const echoed = await fetch("https://" + host + "/echo", { method: "POST", body });
  const agent = new http.Agent({ keepAlive: true });
  console.log(JSON.stringify({
    fetched: await (await fetch("http://" + host)).json(),
    echoed: await echoed.text() === body,
    got: await get(http, { agent }),
    again: await get(http, { agent }),
    secure: await get(https, { servername: host.split(":")[0] }),
  }));
  agent.destroy();
})();
`;

async function tryNode({ port, authority }: Place): Promise<void> {
  const host = `${HOST}:${port}`;
  const text = await output("node", ["-e", NODE, "--", String(port), host], {
    NODE_EXTRA_CA_CERTS: authority,
  });
  const { fetched, echoed, got, again, secure } = JSON.parse(text);
  assert.deepEqual([fetched.host, got.host, again.host, secure.host], Array(4).fill(host));
  assert.deepEqual([fetched.proto, got.proto, secure.proto], ["http", "http", "https"]);
  assert.equal(echoed, true);
}

const PYTHON = String.raw`
import json, sys
from urllib.request import Request, urlopen
port, host = sys.argv[1:]
def ask(url, data=None):
    with urlopen(Request(url, data=data, headers={"Host": host})) as response:
        return response.read()
body = b"y" * 500_000
print(json.dumps({
    "got": json.loads(ask(f"http://127.0.0.1:{port}/")),
    "secure": json.loads(ask(f"https://localhost:{port}/")),
    "echoed": ask(f"http://127.0.0.1:{port}/echo", body) == body,
}))
`;

async function tryPython({ port, authority }: Place): Promise<void> {
  const host = `${HOST}:${port}`;
  const text = await output("python3", ["-c", PYTHON, String(port), host], {
    SSL_CERT_FILE: authority,
  });
  const { got, secure, echoed } = JSON.parse(text);
  assert.deepEqual([got.host, got.proto, secure.host, secure.proto], [host, "http", host, "https"]);
  assert.equal(echoed, true);
}

/** Runs in the page: each thing that browsers do, and what came of it. */
const IN_PAGE = `(async () => {
  const body = "z".repeat(500_000);
  const echoed = await fetch("/echo", { method: "POST", body });
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/socket");
  const said = new Promise((resolve, reject) => {
    socket.onopen = () => socket.send("over the socket");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = () => reject(new Error("the socket failed"));
  });
  const events = new EventSource("/events");
  const told = new Promise((resolve, reject) => {
    const all = [];
    events.onmessage = ({ data }) => {
      all.push(data);
      if (all.length === 2) resolve(all);
      else fetch("/heard");
    };
    events.onerror = () => reject(new Error("the events failed"));
  });
  const result = {
    heading: document.querySelector("h1").textContent,
    fetched: await (await fetch("/data")).json(),
    echoed: await echoed.text() === body,
    said: await said,
    told: await told,
    protocols: performance.getEntries().map(({ nextHopProtocol }) => nextHopProtocol),
  };
  socket.close();
  events.close();
  return result;
})()`;

async function tryChromium({ port, authority }: Place): Promise<void> {
  await using chromium = await Chromium.start({ authority });
  for (const [scheme, protocol] of [["http", "http/1.1"], ["https", "h2"]]) {
    await chromium.undisturbed(async () => {
      await chromium.open(`${scheme}://${HOST}:${port}/page`);
      const seen = Object(await chromium.evaluate(IN_PAGE));
      assert.equal(seen.heading, "seen");
      assert.equal(seen.fetched.host, `${HOST}:${port}`);
      assert.equal(seen.fetched.proto, scheme);
      assert.equal(seen.echoed, true);
      assert.equal(seen.said, "OVER THE SOCKET");
      assert.deepEqual(seen.told, ["first", "second"]);
      const used = new Set(seen.protocols.filter((name: unknown) => name));
      assert.deepEqual([...used], [protocol]);
    });
  }
}

async function tryDistrustfulChromium({ port }: Place): Promise<void> {
  await using chromium = await Chromium.start();
  await chromium.undisturbed(() =>
    assert.rejects(
      chromium.open(`https://${HOST}:${port}/page`),
      /ERR_CERT_AUTHORITY_INVALID/,
    )
  );
}

/** Each by itself: all of them use the same run. */
const CLIENTS: readonly (readonly [string, Need, (place: Place) => Promise<void>])[] = [
  ["curl: HTTP/1.1 and HTTP/2, plain and over TLS", "curl", tryCurl],
  ["wget", "wget", tryWget],
  ["Node.js: fetch, http and https", "node", tryNode],
  ["Python: urllib", "python", tryPython],
  ["Chromium: page, fetch, WebSocket and events, plain and over HTTP/2", "chromium", tryChromium],
  ["Chromium that was not told of the authority", "chromium", tryDistrustfulChromium],
];

for (const { label, env } of runtimesUnderTest()) {
  Deno.test(`${label}: real clients through the router`, requires("node"), async (t) => {
    await using home = await TestHome.create(env);
    await home.write("server.js", SERVER);
    await home.write("body", BODY);
    await home.write(
      "moat.yaml",
      "name: shop\ndependencies: [node]\nports: {web: 3000}\ncommand: exec node server.js\n",
    );
    await home.ok(["run", "-d"]);
    const url = (await home.ok(["open", "--print"])).trim();
    const port = Number(new URL(url).port);
    await until("the server", async () => (await fetchFrom(port, { host: HOST })).status === 200);
    // Made for the first client that speaks TLS, which cannot trust it yet.
    await assert.rejects(fetch(`https://localhost:${port}/`), /UnknownIssuer/);
    const authority = join(home.home, "store", "router-ca.crt");
    const place = { port, authority, file: join(home.project, "body") };
    for (const [name, need, fn] of CLIENTS) {
      await t.step({ name, ignore: requires(need).ignore, fn: () => fn(place) });
    }
  });
}
