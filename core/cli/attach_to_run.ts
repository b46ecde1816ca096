/**
 * Attaches the user to a run that the daemon owns; the daemon goes on to keep its output.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { EXIT, MoatError } from "../errors.ts";
import { engineName } from "../ids.ts";
import { attachRun } from "../run/attach.ts";
import { openRuntime } from "../run/open_runtime.ts";
import { isLive } from "../run/states.ts";
import type { RunRecord } from "../store/run_record.ts";
import { awaitRun, exitCodeOf } from "./await_run.ts";
import { shownState } from "./describe_run.ts";
import type { FoundRun } from "./find_run.ts";
import { printLogs } from "./print_logs.ts";

/** Attaches until the run ends or the user leaves; returns moat's exit code. */
export async function attachToRun(found: FoundRun, context: Context): Promise<number> {
  const { record } = found;
  if (!isLive(record.state)) {
    throw new MoatError(`Cannot attach to run "${record.name}": it is ${record.state}`, {
      hint: `moat logs ${record.id}`,
    });
  }
  if (await shownState(record, context.paths) === "orphaned") {
    throw new MoatError(`Cannot attach to run "${record.name}": its owner died`, {
      hint: "moat clean",
    });
  }
  if (record.owner !== "daemon") {
    throw new MoatError(
      `Cannot attach to run "${record.name}": it is attached in another terminal`,
      { hint: `moat logs -f ${record.id}` },
    );
  }
  if (record.plan.container.tty) return await attachTerminal(found, context);
  await printLogs(found, context, { follow: true, tail: 0, timestamps: false });
  if (context.signal.aborted) {
    await sayLeft(record, context);
    return EXIT.interrupted;
  }
  return exitCodeOf(await awaitRun(found, context));
}

async function attachTerminal(found: FoundRun, context: Context): Promise<number> {
  const { record, store } = found;
  const { stdio, signal } = context;
  if (!stdio.inputIsTerminal || !stdio.outputIsTerminal) {
    throw new MoatError(`Cannot attach to run "${record.name}": it needs a terminal`, {
      hint: `moat logs -f ${record.id}`,
    });
  }
  await using runtime = await openRuntime(record, context, { homeId: store.homeId });
  if (runtime.reattach === undefined) {
    throw new MoatError(
      `Cannot attach to run "${record.name}": runtime "${runtime.id}" cannot attach again`,
      { hint: `moat logs -f ${record.id}` },
    );
  }
  const name = engineName(record.id);
  await using attachment = await runtime.reattach.attach(name, { tty: true, signal });
  // The program knows the size of the last terminal and draws again only when it changes.
  const size = stdio.size();
  if (size !== undefined) await attachment.resize({ ...size, rows: size.rows + 1 });
  const ended = Promise.withResolvers<number>();
  const outcome = await attachRun(
    {
      attachment,
      tty: true,
      wait: async () => {
        const code = exitCodeOf(await awaitRun(found, context));
        ended.resolve(code);
        return { code, oomKilled: false };
      },
      stop: (_cause, graceMs) => runtime.stop(name, { graceMs }),
      kill: (signalName) => runtime.kill(name, signalName),
    },
    context,
    { isGuest: true, say: (text) => void stdio.error(`${text}\n`) },
  );
  if (outcome.kind !== "detached") return await ended.promise;
  await sayLeft(record, context);
  return EXIT.ok;
}

/** What somebody who leaves a run needs to know. */
export async function sayLeft(
  { name, id }: Pick<RunRecord, "name" | "id">,
  { stdio }: Pick<Context, "stdio">,
): Promise<void> {
  await stdio.error(`\nLeft run "${name}" running; come back with: moat attach ${id}\n`);
}
