/**
 * `moat service`: the services of a run.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import {
  type CommandGroup,
  JSON_FLAG,
  type LeafCommand,
  type Positional,
  RUN_POSITIONAL,
} from "../command.ts";

const RUN: Positional = { ...RUN_POSITIONAL, complete: "service" };
const SERVICE: Positional = {
  name: "service",
  summary: "Its name, as under dependencies",
  required: true,
  complete: "service",
};

const list: LeafCommand = {
  name: "ls",
  group: "Look",
  summary: "List the services of a run with their states",
  help:
    "The states are what the run's owner saw last; services end with their run. Sidecars that " +
    "moat itself added are listed too. Changes nothing.",
  example: "moat service ls",
  flags: [JSON_FLAG],
  positionals: [RUN_POSITIONAL],

  async run(args, context) {
    const [{ listServices, renderServices }, { findRun }, { toJson }] = await Promise.all([
      import("../list_services.ts"),
      import("../find_run.ts"),
      import("../describe_run.ts"),
    ]);
    using found = await findRun(args, context, { readOnly: true });
    const services = await listServices(found.record, context.paths);
    if (args.has("json")) await context.stdio.output(toJson(services));
    else if (services.length > 0) await context.stdio.output(renderServices(services));
    else {
      await context.stdio.error(
        `Run "${found.record.name}" has no services. Name one under dependencies: in moat.yaml\n`,
      );
    }
    return EXIT.ok;
  },
};

const logs: LeafCommand = {
  name: "logs",
  group: "Look",
  summary: "Print the output of a service",
  help:
    "What the service wrote to standard error goes to standard error here too. Works while the " +
    "run is live: its services go with it.",
  example: "moat service logs -f postgres",
  flags: [
    { name: "follow", short: "f", summary: "Go on until the service ends" },
    {
      name: "tail",
      short: "n",
      value: { kind: "integer", placeholder: "N", min: 0 },
      summary: "Only the last N lines",
    },
  ],
  positionals: [RUN, SERVICE],

  async run(args, context) {
    const [{ printServiceLogs }, { findService }] = await Promise.all([
      import("../print_service_logs.ts"),
      import("../find_service.ts"),
    ]);
    using found = await findService(args, context);
    const tail = args.integer("tail");
    await printServiceLogs(found, context, {
      follow: args.has("follow"),
      ...(tail === undefined ? {} : { tail }),
    });
    return context.signal.aborted ? EXIT.interrupted : EXIT.ok;
  },
};

const exec: LeafCommand = {
  name: "exec",
  group: "Act on a run",
  summary: "Run a command inside a service",
  help: "It runs as root of the service's container, or as the run's user where the service is a " +
    "server of this machine. Standard input is forwarded; a terminal is given with -i or -t where " +
    "there is one. The exit code is the command's.",
  example: "moat service exec postgres -- psql -U postgres -c 'select 1'",
  failureExitCode: EXIT.moatFailed,
  flags: [
    { name: "interactive", short: "i", summary: "Give the command a terminal where there is one" },
    { name: "tty", short: "t", summary: "As -i" },
  ],
  positionals: [RUN, SERVICE],
  rest: { name: "command", summary: "What to run", required: true },

  async run(args, context) {
    const [{ execInRun }, { findService, serviceUser }] = await Promise.all([
      import("../exec_in_run.ts"),
      import("../find_service.ts"),
    ]);
    using found = await findService(args, context);
    const { record, service } = found;
    return await execInRun(found, context, {
      command: args.rest ?? [],
      env: [],
      terminal: args.has("interactive") || args.has("tty"),
      inside: { name: service.container, workdir: "/", ...serviceUser(service, record.plan) },
    });
  },
};

const url: LeafCommand = {
  name: "url",
  group: "Look",
  summary: "Print the URL of a service, with its password",
  help: "Its host is the service's address where this machine reaches that, as on Linux with an " +
    "engine of its own. Otherwise, and with --inside, it is the URL that the run itself has, which " +
    "works inside only. The password is asked of the live run: nothing else keeps it.",
  example: "moat service url postgres",
  flags: [
    { name: "inside", summary: "The URL that the run itself has" },
    JSON_FLAG,
  ],
  positionals: [RUN, SERVICE],

  async run(args, context) {
    const [{ findServiceUrl }, { findService }, { toJson }] = await Promise.all([
      import("../service_url.ts"),
      import("../find_service.ts"),
      import("../describe_run.ts"),
    ]);
    using found = await findService(args, context);
    const answer = await findServiceUrl(found, context, { inside: args.has("inside") });
    if (args.has("json")) {
      await context.stdio.output(toJson(answer));
      return EXIT.ok;
    }
    await context.stdio.output(`${answer.url}\n`);
    if (answer.from === "run" && !args.has("inside")) {
      await context.stdio.error("note: This machine does not reach it: the URL works in the run\n");
    }
    return EXIT.ok;
  },
};

/** The `service` command. */
export const service: CommandGroup = {
  name: "service",
  group: "Look",
  summary: "Look at the services of a run, and into them",
  help: "With one name it is a service of the newest run of this directory; with two, the first " +
    "names the run.",
  example: "moat service ls",
  subcommands: [list, logs, exec, url],
};
