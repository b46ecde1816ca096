/**
 * The shape of moat.yaml: the one definition behind validation, `moat schema` and the docs.
 *
 * Describes the file as written; `to_project_config.ts` makes the typed configuration of it. A
 * message is the state behind `Cannot read "<key>": <text> …`, and after a line break the hint.
 *
 * @module
 */

import * as v from "valibot";
import { isDnsLabel } from "../ids.ts";
import { normalizeTarget, splitMount, targetProblem } from "./parse_mount.ts";
import { namesRun, parseReach } from "./parse_reach.ts";

const DNS_LABEL_HINT = "Use 1 to 63 of a-z, 0-9 and -, with no - at either end";
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const VOLUME_NAME = /^[a-z0-9][a-z0-9_-]*$/;
const IMAGE = /^[a-z0-9][A-Za-z0-9._:/@-]*$/;
/** The least memory that an engine and moat's init start with. */
const LEAST_MEMORY_MIB = 128;

const ULIMITS = [
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
] as const;

const text = v.string("is not text");
const flag = v.boolean("is neither true nor false\nWrite true or false");
const filledText = v.pipe(text, v.check(isFilled, "is empty\nWrite a value"));
const oneLine = v.pipe(
  filledText,
  v.check((value) => !/[\r\n]/.test(value), "has more than one line\nWrite it on one line"),
);
const anything = v.unknown();

const dependency = v.pipe(
  v.string("is not text\nWrite it as node@22"),
  v.check(isFilled, "is empty\nWrite it as node@22"),
  v.check((value) => !/[\r\n]/.test(value), "has more than one line\nWrite it as node@22"),
);

/** A later key: known, its value unchecked. */
function later(description: string) {
  return v.optional(v.pipe(anything, v.description(`${description} Without effect yet.`)));
}

function listOf<const S extends v.GenericSchema>(item: S) {
  return v.array(item, "is not a list\nWrite the entries one a line, each behind a dash");
}

function dnsLabel(what: string) {
  return v.pipe(
    text,
    v.check(isDnsLabel, `is not a name for ${what}\n${DNS_LABEL_HINT}`),
  );
}

const target = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const problem = targetProblem(dataset.value);
    if (problem === undefined) return;
    addIssue({ message: `is no path inside: it ${problem.state}\n${problem.hint}` });
  }),
  v.description("Absolute path inside."),
);

const excludedPath = v.pipe(
  filledText,
  v.check(
    (value) =>
      !value.startsWith("/") && !value.split("/").includes("..") &&
      normalizeTarget(value) !== ".",
    "is not a path below the target\nWrite it relative to the target and without ..",
  ),
);

const mount = v.union(
  [
    v.pipe(
      text,
      v.rawCheck(({ dataset, addIssue }) => {
        if (!dataset.typed) return;
        const result = splitMount(dataset.value);
        if (result.kind === "problem") addIssue({ message: `${result.state}\n${result.hint}` });
      }),
      v.description("source:target, source:target:ro or source:target:rw."),
    ),
    v.strictObject({
      source: v.pipe(
        filledText,
        v.description("Path on this machine, relative to the project; ~ is the home directory."),
      ),
      target,
      mode: v.optional(
        v.pipe(
          v.picklist(["ro", "rw"], "is neither ro nor rw\nWrite ro or rw"),
          v.description("ro: read-only; rw: writable."),
        ),
        "rw",
      ),
      exclude: v.optional(
        v.pipe(
          listOf(excludedPath),
          v.description("Paths below the target that are hidden by empty directories."),
        ),
        [],
      ),
    }),
  ],
  "is neither source:target nor a map\nWrite it as ./data:/data, or with source: and target:",
);

const volume = v.strictObject({
  name: v.pipe(
    text,
    v.regex(
      VOLUME_NAME,
      "is not a name for a volume\nUse a-z, 0-9, - and _, and start with a letter or digit",
    ),
    v.description("Name of the volume."),
  ),
  target,
  readonly: v.optional(v.pipe(flag, v.description("The run cannot write it.")), false),
  shared: v.optional(
    v.pipe(flag, v.description("Shared by all projects of this name; otherwise by path too.")),
    false,
  ),
  type: later("Kind of volume."),
}, "is not a map\nWrite name: and target:");

const scalar = v.union(
  [v.string(), v.number(), v.boolean()],
  'is not a single value\nWrite text, and "" for an empty value',
);

const variables = v.record(
  v.pipe(
    v.string(),
    v.regex(ENV_NAME, "is not a variable's name\nUse letters, digits and _, and no digit first"),
  ),
  scalar,
  "is not a map\nWrite NAME: value, one a line",
);

const memoryMib = v.pipe(
  v.number("is not a number of MB\nWrite a number of MB, such as 2048"),
  v.integer("is not a whole number of MB\nWrite a whole number of MB, such as 2048"),
  v.minValue(LEAST_MEMORY_MIB, `is too little\nWrite ${LEAST_MEMORY_MIB} or more (MB)`),
);

const commandWords = v.union(
  [
    v.pipe(filledText, v.description("Run by sh -c.")),
    v.pipe(
      listOf(text),
      v.minLength(1, "is empty\nWrite the program and its arguments"),
      v.check((words) => words[0] !== "", "starts with an empty word\nWrite the program first"),
      v.description("Program and arguments, exact."),
    ),
  ],
  "is neither a list nor text\nWrite it as [npm, test]",
);

const seedFile = v.pipe(
  oneLine,
  v.check(
    (path) => !path.startsWith("/") && !path.split("/").includes(".."),
    "is not a path in the project\nWrite it as db/seed.sql",
  ),
);

const seed = v.union([
  v.pipe(seedFile, v.description("A file of the project that the server's client reads.")),
  v.pipe(
    listOf(seedFile),
    v.minLength(1, "is empty\nWrite a file of the project, such as db/seed.sql"),
    v.description("Several, in this order."),
  ),
  v.strictObject({
    command: v.pipe(commandWords, v.description("Run inside the service, as root.")),
  }),
], "is no seed\nWrite a file of the project, such as db/seed.sql, or command: below it");

const port = v.pipe(
  v.number("is not a number\nWrite a port from 1 to 65535, without quotes"),
  v.integer("is not a port\nWrite a port from 1 to 65535"),
  v.minValue(1, "is not a port\nWrite a port from 1 to 65535"),
  v.maxValue(65535, "is not a port\nWrite a port from 1 to 65535"),
);

const ready = v.pipe(
  v.strictObject({
    tcp: v.optional(v.pipe(port, v.description("A connection to this port stays open."))),
    http: v.optional(v.pipe(
      v.strictObject({
        port,
        path: v.optional(
          v.pipe(
            text,
            v.regex(/^\/[\w/.~%?=&+@:-]*$/, "is not a path\nWrite it like /health"),
          ),
          "/",
        ),
      }, "is not a map\nWrite port: and path: below it"),
      v.description("GET of this path gives a status of 200 to 399."),
    )),
    command: v.optional(
      v.pipe(commandWords, v.description("This command inside ends with 0.")),
    ),
    timeout: v.optional(v.pipe(
      v.union([v.number(), v.string()], "is not a time\nWrite it as 60s or 2m"),
      v.check(
        (time) => /^\d+(\.\d+)?(ms|[smh]?)$/.test(String(time)) && parseFloat(String(time)) > 0,
        "is not a time above 0\nWrite it as 60s or 2m",
      ),
      v.description("How long it may take, such as 60s."),
    )),
  }, "is not a map\nWrite tcp:, http:, command: or timeout: below it"),
  v.check(
    ({ tcp, http, command }) =>
      [tcp, http, command].filter((probe) => probe !== undefined).length <= 1,
    "has more than one probe\nKeep one of tcp:, http: and command:",
  ),
);

const service = v.strictObject({
  image: v.optional(v.pipe(
    text,
    v.regex(IMAGE, "is not an image\nWrite it as postgres:17"),
    v.description("Image in place of the service's own."),
  )),
  env: v.optional(v.pipe(variables, v.description("Variables of the service.")), {}),
  wait: v.optional(v.pipe(flag, v.description("The run waits until it is ready.")), true),
  memory: v.optional(v.pipe(memoryMib, v.description("Limit in MB."))),
  command: v.optional(v.pipe(commandWords, v.description("Command of the service."))),
  ready: v.optional(v.pipe(ready, v.description("How it is seen to be ready."))),
  seed: v.optional(v.pipe(seed, v.description("What it is filled with, once."))),
  keep: v.optional(v.pipe(flag, v.description("Its data is kept between runs."))),
  models: v.optional(
    v.pipe(listOf(oneLine), v.description("Models that are pulled before it is ready.")),
  ),
}, "is not a map\nWrite image:, env: and so on below it");

const networkRule = v.pipe(
  anything,
  v.check(
    (rule) => !namesRun(rule) || parseReach(rule) !== undefined,
    "names no run\nWrite it as run:shop, or run:shop/web for one endpoint",
  ),
);

const network = v.strictObject({
  mode: v.optional(
    v.pipe(
      v.picklist(["private", "host"], "is not a mode of the network\nWrite private or host"),
      v.description("private: a network of its own. host: the machine's, which must be trusted."),
    ),
    "private",
  ),
  policy: v.optional(
    v.pipe(
      v.picklist(["permissive", "strict"], "is not a policy\nWrite permissive or strict"),
      v.description("strict: nothing but the rules. Without effect yet."),
    ),
    "permissive",
  ),
  rules: v.optional(
    v.pipe(
      listOf(networkRule),
      v.description(
        "run:shop, run:shop/web: endpoints of other runs that this one may reach. Must be trusted. " +
          "Others: without effect yet.",
      ),
    ),
    [],
  ),
  host: v.optional(
    v.pipe(listOf(anything), v.description("Ports of the machine. Without effect yet.")),
    [],
  ),
  keep_policy: later("Whether the policy of a run is kept."),
}, "is not a map\nWrite mode: or policy: below it");

const ulimitValue = v.pipe(
  v.number("is not a number\nWrite a number, or -1 for no limit"),
  v.integer("is not a whole number\nWrite a whole number, or -1 for no limit"),
  v.minValue(-1, "is not a limit\nWrite a number, or -1 for no limit"),
);

const ulimit = v.union(
  [
    ulimitValue,
    v.strictObject({
      soft: v.pipe(ulimitValue, v.description("Limit in force.")),
      hard: v.pipe(ulimitValue, v.description("Limit up to which it can be raised.")),
    }),
  ],
  "is neither a number nor a map\nWrite a number, or soft: and hard:",
);

const container = v.strictObject({
  memory: v.optional(v.pipe(memoryMib, v.description("Limit of memory in MB, at least 128."))),
  cpus: v.optional(v.pipe(
    v.number("is not a number\nWrite a number of processors, such as 2 or 0.5"),
    v.finite("is not a number\nWrite a number of processors, such as 2 or 0.5"),
    v.check((value) => value > 0, "is not above 0\nWrite a number of processors, such as 0.5"),
    v.description("Limit of processors, whole or fractional."),
  )),
  dns: v.optional(
    v.pipe(
      listOf(v.pipe(text, v.ip("is not an IP address\nWrite an address such as 1.1.1.1"))),
      v.description("Name servers."),
    ),
    [],
  ),
  ulimits: v.optional(
    v.pipe(
      v.record(
        v.picklist(ULIMITS, `is not a limit's name\nKnown: ${ULIMITS.join(", ")}`),
        ulimit,
        "is not a map\nWrite a limit such as nofile: 4096",
      ),
      v.description("Limits of processes, such as nofile: 4096; -1 is no limit."),
    ),
    {},
  ),
}, "is not a map\nWrite memory: or cpus: below it");

const script = v.pipe(
  filledText,
  v.check((value) => !value.includes("\0"), "has a NUL character\nTake it out"),
);

const hooks = v.strictObject({
  post_build_root: v.optional(
    v.pipe(script, v.description("Shell text run as root while the image is built.")),
  ),
  post_build: v.optional(
    v.pipe(script, v.description("Shell text run as the user while the image is built.")),
  ),
  pre_run: v.optional(v.pipe(script, v.description("Shell text run before each start."))),
}, "is not a map\nWrite post_build_root:, post_build: or pre_run: below it");

/** moat.yaml, as written. */
export const PROJECT_SCHEMA = v.strictObject({
  name: v.optional(
    v.pipe(
      dnsLabel("a run"),
      v.description("Name of the runs, a DNS label; default: a random one."),
    ),
  ),
  agent: later("The agent that runs."),
  version: later("Version of the agent's file."),
  runtime: v.optional(v.pipe(
    text,
    v.regex(/^[a-z0-9][a-z0-9-]*$/, "is not the id of a runtime\nWrite docker, apple or local"),
    v.description("What isolates the run: docker, apple, local or an installed runtime's id."),
  )),
  sandbox: v.optional(v.pipe(
    v.literal("none", "has no meaning here\nWrite none, or take the line out to keep gVisor"),
    v.description("none: no gVisor. Must be trusted."),
  )),
  dependencies: v.optional(
    v.pipe(
      listOf(dependency),
      v.description("Languages, tools, Docker access and services, such as node@22."),
    ),
    [],
  ),
  base_image: v.optional(v.pipe(
    text,
    v.regex(IMAGE, "is not an image\nWrite it as debian:bookworm-slim"),
    v.description("Debian-based image in place of the chosen one."),
  )),
  services: v.optional(
    v.pipe(
      v.record(v.string(), service, "is not a map\nWrite a service's name, and image: below it"),
      v.description("Changes to services named in dependencies."),
    ),
    {},
  ),
  env: v.optional(
    v.pipe(variables, v.description("Variables; numbers and true, false are texts.")),
    {},
  ),
  secrets: later("Variables whose values come from elsewhere."),
  grants: later("Credentials that the run may use. Must be trusted."),
  mounts: v.optional(
    v.pipe(
      listOf(mount),
      v.description("Files and directories of this machine; outside the project: must be trusted."),
    ),
    [],
  ),
  volumes: v.optional(
    v.pipe(listOf(volume), v.description("Kept between runs of this project; needs name.")),
    [],
  ),
  ports: v.optional(
    v.pipe(
      v.record(
        v.pipe(
          v.string(),
          v.check(isDnsLabel, `is not a name for an endpoint\n${DNS_LABEL_HINT}`),
        ),
        port,
        "is not a map\nWrite an endpoint such as web: 3000",
      ),
      v.description("Endpoints: a name and the port that the run listens on."),
    ),
    {},
  ),
  network: v.optional(v.pipe(network, v.description("What the run can reach."))),
  command: v.optional(
    v.pipe(commandWords, v.description("What to run; default: an interactive shell.")),
  ),
  interactive: v.optional(
    v.pipe(flag, v.description("Give the command a terminal where there is one.")),
    false,
  ),
  hooks: v.optional(v.pipe(hooks, v.description("Shell text at points of a run's life."))),
  container: v.optional(v.pipe(container, v.description("Limits."))),
  trust_host_ca: v.optional(
    v.pipe(
      flag,
      v.description("Builds and runs trust the machine's extra certificate authorities."),
    ),
    false,
  ),
  plugins: v.optional(
    v.pipe(
      listOf(oneLine),
      v.description("Third-party plugins of this project; moat.lock pins them. Must be trusted."),
    ),
    [],
  ),
  workspace: later("How the project is shown to the run."),
  clipboard: later("Use of the clipboard."),
  claude: later("Settings of Claude Code."),
  codex: later("Settings of Codex."),
  gemini: later("Settings of Gemini CLI."),
  copilot: later("Settings of Copilot CLI."),
  pi: later("Settings of Pi."),
  mcp: later("MCP servers."),
  language_servers: later("Language servers."),
  snapshots: later("Snapshots of the project."),
  tracing: later("Records of what is executed."),
});

/** What a valid file holds, defaults filled in. */
export type ProjectFile = v.InferOutput<typeof PROJECT_SCHEMA>;

const registryPlace = v.pipe(
  text,
  v.regex(
    /^(?:https?:\/\/\S+|\/\S*)$/,
    "is neither an address nor an absolute path\nWrite it as https://example.org/index.json",
  ),
);
const registryKey = v.pipe(
  text,
  v.regex(
    /^[A-Za-z0-9+/]{43}=$/,
    "is no Ed25519 key\nWrite its 32 bytes in base64, as the index has it",
  ),
);

/** ~/.moat/config.yaml, as written; shared with the Go tool, so that other keys are let pass. */
export const HOME_SCHEMA = v.looseObject({
  proxy: v.optional(
    v.looseObject({ port: v.optional(port) }, "is not a map\nWrite port: below it"),
  ),
  network: v.optional(v.looseObject({
    pool: v.optional(v.pipe(
      text,
      v.check(isPool, "is not a range of IPv4 addresses\nWrite it as 10.213.0.0/16"),
    )),
  }, "is not a map\nWrite pool: below it")),
  logs: v.optional(v.looseObject({
    max: v.optional(v.union([
      v.pipe(
        v.number(),
        v.integer("is not a whole number\nWrite a size such as 256m"),
        v.minValue(1, "is too small\nWrite a size such as 256m"),
      ),
      v.pipe(text, v.regex(/^\d+(\.\d+)?[kmgt]?b?$/i, "is not a size\nWrite a size such as 256m")),
    ], "is not a size\nWrite a size such as 256m")),
  }, "is not a map\nWrite max: below it")),
  docker: v.optional(v.looseObject({
    packages: v.optional(
      v.picklist(["docker", "debian"], "is not a source of packages\nWrite docker or debian"),
    ),
    build_cache: v.optional(flag),
  }, "is not a map\nWrite packages: below it")),
  registries: v.optional(
    listOf(v.union([
      registryPlace,
      v.strictObject({ url: registryPlace, key: v.exactOptional(registryKey) }),
    ], "is neither an address nor a map\nWrite it as https://example.org/index.json")),
    [],
  ),
  mounts: v.optional(listOf(mount), []),
});

/** What the home's file holds. */
export type HomeFile = v.InferOutput<typeof HOME_SCHEMA>;

function isFilled(value: string): boolean {
  return value.trim() !== "";
}

function isPool(value: string): boolean {
  const [, a, b, c, d, prefix] = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/
    .exec(value) ?? [];
  return prefix !== undefined && Number(prefix) >= 8 && Number(prefix) <= 28 &&
    [a, b, c, d].every((part) => Number(part) <= 255);
}
