/**
 * `deno task bench router --h2spec`: what the cases of h2spec find in each proxy, over TLS and by prior
 * knowledge, as tables in Markdown.
 *
 * Needs `go install github.com/summerwind/h2spec/cmd/h2spec@latest` and `unshare` (Linux): h2spec resolves the
 * host's name itself, so each of its runs sees a hosts file in which `a.localhost` is there.
 *
 * @module
 */

import { compileFront, has, type Server, startServers } from "./bench_router_servers.ts";

const HOST = "a.localhost";
const CASE = /<testcase package="([^"]+)" classname="([^"]+)"[^>]*>(.*?)<\/testcase>/gs;

/** What one run found: cases by `section: title`. */
interface Report {
  readonly server: string;
  readonly way: "TLS" | "prior knowledge";
  readonly passed: number;
  readonly skipped: readonly string[];
  readonly failed: readonly string[];
}

/** Prints how many cases each passes, and which ones it does not. */
export async function compareH2(): Promise<void> {
  for (const program of ["h2spec", "unshare"]) {
    if (!await has(program)) throw new Error(`${program} is not there`);
  }
  const directory = await Deno.makeTempDir({ prefix: "moat-h2spec-" });
  try {
    await Deno.writeTextFile(`${directory}/hosts`, `127.0.0.1 localhost ${HOST}\n`);
    const front = await compileFront(directory);
    await using servers = await startServers(directory, { front, routes: [1] });
    const reports: Report[] = [];
    for (const server of servers.list) reports.push(...await reportsOf(server, directory));
    printCounts(reports);
    printFailures(reports);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function reportsOf(server: Server, directory: string): Promise<readonly Report[]> {
  if (server.name === "direct") return [];
  const reports: Report[] = [];
  if (server.speaksH2) {
    const found = await runCases(["-t", "-k", "-p", String(server.tlsPort)], directory);
    reports.push({ server: server.name, way: "TLS", ...found });
  }
  if (server.h2cPort !== undefined) {
    const found = await runCases(["-p", String(server.h2cPort)], directory);
    reports.push({ server: server.name, way: "prior knowledge", ...found });
  }
  return reports;
}

async function runCases(
  args: readonly string[],
  directory: string,
): Promise<Pick<Report, "passed" | "skipped" | "failed">> {
  const file = `${directory}/report.xml`;
  const script = 'mount --bind "$0" /etc/hosts && exec h2spec "$@"';
  await new Deno.Command("unshare", {
    args: ["-rm", "sh", "-c", script, `${directory}/hosts`, "-h", HOST, "-j", file, ...args],
    stdout: "null",
  }).output();
  const xml = await Deno.readTextFile(file);
  await Deno.remove(file);
  const skipped: string[] = [];
  const failed: string[] = [];
  let passed = 0;
  for (const [, section = "", title = "", outcome = ""] of xml.matchAll(CASE)) {
    const name = `${section.replace(/^http2\//, "")}: ${unescape(title)}`;
    if (outcome === "") passed++;
    else if (outcome.includes("<skipped")) skipped.push(name);
    else failed.push(name);
  }
  return { passed, skipped, failed };
}

function unescape(text: string): string {
  return text.replaceAll("&#39;", "'").replaceAll("&#34;", '"').replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function printCounts(reports: readonly Report[]): void {
  console.log("\n| h2spec | passed | failed | skipped |\n|---|---|---|---|");
  for (const { server, way, passed, failed, skipped } of reports) {
    console.log(`| ${server}, ${way} | ${passed} | ${failed.length} | ${skipped.length} |`);
  }
}

function printFailures(reports: readonly Report[]): void {
  const all = [...new Set(reports.flatMap(({ failed }) => failed))].sort();
  const titles = ["case", ...reports.map(({ server, way }) => `${server}, ${way}`)];
  console.log(`\n| ${titles.join(" | ")} |\n|${"---|".repeat(titles.length)}`);
  for (const name of all) {
    const cells = reports.map(({ failed }) => failed.includes(name) ? "fails" : "");
    console.log(`| ${[name, ...cells].join(" | ")} |`);
  }
}
