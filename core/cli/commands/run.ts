/**
 * `moat run`: plans, creates and starts a run.
 *
 * @module
 */

import { EXIT, UsageError } from "../../errors.ts";
import type { RunFlags } from "../../run/request.ts";
import type { Arguments } from "../arguments.ts";
import { type Flag, JSON_FLAG, type LeafCommand, QUIET_FLAG } from "../command.ts";

/** Flags that say what to plan; `moat plan` has them too. */
export const PLAN_FLAGS: readonly Flag[] = [
  {
    name: "name",
    value: { kind: "text", placeholder: "NAME", check: whyEmpty },
    summary: "Name of the run; default: name: of moat.yaml, else a random one",
  },
  {
    name: "runtime",
    value: { kind: "text", placeholder: "ID", check: whyEmpty },
    summary: "What isolates the run: docker, local",
  },
  {
    name: "isolation",
    value: { kind: "choice", choices: ["gvisor", "none"] },
    summary: "Require gVisor, or do without it",
  },
  { name: "no-sandbox", summary: "Old name of --isolation none", hidden: true },
  { name: "interactive", short: "i", summary: "Give the command a terminal where there is one" },
  { name: "tty", short: "t", summary: "As -i; with -d, a terminal to attach to later" },
  {
    name: "env",
    short: "e",
    value: { kind: "text", placeholder: "K[=V]", check: whyEmpty },
    repeatable: true,
    summary: "Set a variable, or pass yours on",
  },
  {
    name: "env-file",
    value: { kind: "text", placeholder: "FILE", complete: "file", check: whyEmpty },
    repeatable: true,
    summary: "Read variables from a file of K=V lines",
    rare: true,
  },
  {
    name: "dep",
    value: { kind: "text", placeholder: "ENTRY", check: whyEmpty },
    repeatable: true,
    summary: "Add a dependency, such as node@22",
  },
  {
    name: "port",
    value: { kind: "text", placeholder: "NAME=PORT", check: whyEmpty },
    repeatable: true,
    summary: "Name a port of the run, such as web=3000",
  },
  {
    name: "mount",
    value: { kind: "text", placeholder: "SOURCE:TARGET[:ro]", check: whyEmpty },
    repeatable: true,
    summary: "Mount a file or directory of this machine",
  },
  {
    name: "network",
    value: { kind: "choice", choices: ["private", "host"] },
    summary: "Share the host's network, or not",
    rare: true,
  },
  { name: "rebuild", summary: "Build the image again, even when it exists", rare: true },
  {
    name: "memory",
    value: { kind: "text", placeholder: "SIZE", check: whyEmpty },
    summary: "Limit of memory, such as 512m or 2g",
    rare: true,
  },
  {
    name: "cpus",
    value: { kind: "text", placeholder: "N", check: whyEmpty },
    summary: "Limit of processors, such as 1.5",
    rare: true,
  },
  {
    name: "timeout",
    value: { kind: "text", placeholder: "TIME", check: whyEmpty },
    summary: "End the command after a time, such as 5m; exit code 124",
    rare: true,
  },
  { name: "keep", summary: "Keep the container after the command's exit", rare: true },
  {
    name: "allow-config-write",
    summary: "Let the run change moat.yaml and the git hooks",
    rare: true,
  },
];

/** The `run` command. */
export const run: LeafCommand = {
  name: "run",
  group: "Start",
  summary: "Run a command, or a shell, in isolation in a project",
  help: [
    "The project is mounted read-write at /workspace; moat.yaml in it says what else the run needs.",
    "Without a command the one of moat.yaml runs, else an interactive shell. Standard output is the",
    "command's alone, and so is the exit code: 124 after --timeout, 125 when moat itself failed.",
    "Ctrl-/ d leaves a run with a terminal; -d does not attach at all.",
  ].join("\n"),
  example: "moat run -- npm test",
  failureExitCode: EXIT.moatFailed,
  flags: [
    { name: "detach", short: "d", summary: "Run in the background and print the run's id" },
    ...PLAN_FLAGS,
    { name: "trust", summary: "Accept what moat.yaml asks for beyond the project" },
    QUIET_FLAG,
    { name: "dry-run", summary: "Print the plan and create nothing", rare: true },
    { ...JSON_FLAG, summary: "Print JSON; with -d or --dry-run", rare: true },
  ],
  positionals: [{
    name: "path",
    summary: "The project's directory; default: this one",
    complete: "directory",
  }],
  rest: { name: "command", summary: "What to run instead of command: of moat.yaml" },

  surplus: (words, { flags }) => commandWithoutDashes("run", words, flags),

  async run(args, context) {
    if (args.has("json") && !args.has("detach") && !args.has("dry-run")) {
      throw new UsageError(
        "Cannot print JSON of an attached run: standard output is the command's",
        { hint: "Add -d or --dry-run, or ask from elsewhere: moat status --json" },
      );
    }
    const { startRun } = await import("../start_run.ts");
    const flags = { ...toRunFlags(args), detach: args.has("detach"), trust: args.has("trust") };
    return await startRun(flags, context, {
      dryRun: args.has("dry-run"),
      json: args.has("json"),
      quiet: args.has("quiet"),
    });
  },
};

/** The error for `moat run npm test`: a command was typed without `--`. */
export function commandWithoutDashes(
  command: "run" | "plan",
  words: readonly string[],
  flags: readonly string[],
): UsageError {
  const [first = "", ...others] = words;
  const hasPath = /^[./~]/.test(first);
  const typed = (hasPath ? others : words).join(" ");
  const front = ["moat", command, ...flags, ...(hasPath ? [first] : [])].join(" ");
  return new UsageError(`Cannot ${command} "${typed}": a command stands behind --`, {
    hint: `${front} -- ${typed}`,
  });
}

function isolationOf(args: Arguments): string | undefined {
  const isolation = args.text("isolation");
  if (!args.has("no-sandbox")) return isolation;
  if (isolation === undefined || isolation === "none") return "none";
  throw new UsageError(`Cannot use --no-sandbox with --isolation ${isolation}: they contradict`, {
    hint: "Take one of them out",
  });
}

/** The parsed flags as the planner takes them. */
export function toRunFlags(args: Arguments, path = args.positional("path")): RunFlags {
  const isolation = isolationOf(args);
  const network = args.text("network");
  return {
    ...optional("path", path),
    ...optional("command", args.rest),
    ...optional("name", args.text("name")),
    ...optional("runtime", args.text("runtime")),
    ...(isolation === "gvisor" || isolation === "none" ? { isolation } : {}),
    interactive: args.has("interactive"),
    tty: args.has("tty"),
    env: args.list("env"),
    envFile: args.list("env-file"),
    dep: args.list("dep"),
    port: args.list("port"),
    mount: args.list("mount"),
    ...(network === "host" || network === "private" ? { network } : {}),
    rebuild: args.has("rebuild"),
    ...optional("memory", args.text("memory")),
    ...optional("cpus", args.text("cpus")),
    ...optional("timeout", args.text("timeout")),
    keep: args.has("keep"),
    allowConfigWrite: args.has("allow-config-write"),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  const made: { [P in K]?: V } = {};
  if (value !== undefined) made[key] = value;
  return made;
}

function whyEmpty(text: string): string | undefined {
  return text === "" ? "it is empty" : undefined;
}
