/**
 * All commands. A new command is one file and one line here.
 *
 * Importing a command's module loads its description; what it works with is imported when it runs.
 *
 * @module
 */

import type { Command } from "../command.ts";
import { attach } from "./attach.ts";
import { clean } from "./clean.ts";
import { complete } from "./complete.ts";
import { completions } from "./completions.ts";
import { daemon } from "./daemon.ts";
import { deps } from "./deps.ts";
import { destroy } from "./destroy.ts";
import { doctor } from "./doctor.ts";
import { exec } from "./exec.ts";
import { list } from "./list.ts";
import { logs } from "./logs.ts";
import { open } from "./open.ts";
import { plan } from "./plan.ts";
import { plugin } from "./plugin.ts";
import { proxy } from "./proxy.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { servePlugin } from "./serve_plugin.ts";
import { service } from "./service.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import { trust } from "./trust.ts";
import { untrust } from "./untrust.ts";
import { wait } from "./wait.ts";

/** The command table; `moat --help` groups it, otherwise in this order. */
export const COMMANDS: readonly Command[] = [
  run,
  plan,
  list,
  status,
  logs,
  service,
  attach,
  exec,
  stop,
  wait,
  destroy,
  open,
  trust,
  untrust,
  schema,
  deps,
  plugin,
  doctor,
  proxy,
  clean,
  completions,
  complete,
  daemon,
  servePlugin,
];
