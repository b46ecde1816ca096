/**
 * `moat proxy`: the router on its own.
 *
 * @module
 */

import { EXIT } from "../../errors.ts";
import { type CommandGroup, type Flag, JSON_FLAG, type LeafCommand } from "../command.ts";

const PORT_FLAG: Flag = {
  name: "port",
  value: { kind: "integer", placeholder: "N", min: 1 },
  summary: "Port to listen on; default: MOAT_PROXY_PORT, proxy.port of config.yaml, 8080",
};

const start: LeafCommand = {
  name: "start",
  group: "Machine",
  summary: "Start the router and keep it until moat proxy stop",
  help: "Without it the router starts with the first run that has endpoints, and stops after the " +
    "last. A port that was asked for must be free; only the default moves to the next free one. For a " +
    "port below 1024: sudo moat proxy start --port 80. That is your own router then, not root's; " +
    "moat proxy stop, without sudo, ends it and frees the port.",
  example: "moat proxy start --port 8081",
  flags: [PORT_FLAG, JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const [{ startRouter }, { callerOf, startForCaller }] = await Promise.all([
      import("../control_router.ts"),
      import("../start_for_caller.ts"),
    ]);
    const flag = args.integer("port");
    const options = { json: args.has("json"), ...(flag === undefined ? {} : { flag }) };
    const caller = callerOf(context);
    return caller === undefined
      ? await startRouter(context, options)
      : await startForCaller(caller, context, options);
  },
};

const stop: LeafCommand = {
  name: "stop",
  group: "Machine",
  summary: "Stop the router, after the last run that uses it",
  help: "Live runs keep their names until they end; --force stops it now. The next run with " +
    "endpoints starts it again.",
  example: "moat proxy stop",
  flags: [
    { name: "force", short: "f", summary: "Stop now, also when runs use it" },
    JSON_FLAG,
  ],
  positionals: [],

  async run(args, context) {
    const { stopRouter } = await import("../control_router.ts");
    return await stopRouter(context, { force: args.has("force"), json: args.has("json") });
  },
};

const status: LeafCommand = {
  name: "status",
  group: "Machine",
  summary: "Show where the router listens and what it serves",
  help: "Exit code 1 when it does not listen. Changes nothing.",
  example: "moat proxy status --json",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const { showRouter } = await import("../control_router.ts");
    return await showRouter(context, { json: args.has("json") }) ? EXIT.ok : EXIT.failure;
  },
};

const restart: LeafCommand = {
  name: "restart",
  group: "Machine",
  summary: "Restart the router on the same port",
  help: "Requests that are being answered end first, for up to 10 seconds; runs go on and keep " +
    "their names. For a moat that was just updated, and when something hangs.",
  example: "moat proxy restart",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const { restartRouter } = await import("../control_router.ts");
    return await restartRouter(context, { json: args.has("json") });
  },
};

const trust: LeafCommand = {
  name: "trust",
  group: "Machine",
  summary: "Make this system trust the router's certificates",
  help:
    "For HTTPS: adds the certificate authority of this MOAT_HOME to the system's store, through " +
    "sudo when you are not root, and says how browsers with their own are told. It can vouch for " +
    "localhost and names below it, for nothing else.",
  example: "moat proxy trust",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const { trustRouter } = await import("../trust_router.ts");
    return await trustRouter(context, { json: args.has("json") });
  },
};

const untrust: LeafCommand = {
  name: "untrust",
  group: "Machine",
  summary: "Take the router's certificates out of this system again",
  help: "Removes exactly what moat proxy trust added for this MOAT_HOME.",
  example: "moat proxy untrust",
  flags: [JSON_FLAG],
  positionals: [],

  async run(args, context) {
    const { untrustRouter } = await import("../trust_router.ts");
    return await untrustRouter(context, { json: args.has("json") });
  },
};

/** The `proxy` command. */
export const proxy: CommandGroup = {
  name: "proxy",
  group: "Machine",
  summary: "Start, stop and look at the router",
  help: "The router serves endpoints of runs as http://web.myapp.localhost:8080. It listens on " +
    "127.0.0.1 and ::1 only.",
  example: "moat proxy status",
  subcommands: [start, stop, status, restart, trust, untrust],
};
