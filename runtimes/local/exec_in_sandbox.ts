/**
 * Starts a further command inside a running sandbox, behind the same walls.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { Exec, ExecSpec } from "../../core/plugin/runtime.ts";
import { openPty } from "../../core/terminal/pty.ts";
import { launchSandbox } from "./launch_sandbox.ts";
import { pipeAttachment } from "./pipe_attachment.ts";
import { identifyProcess, parseSignal, signalProcess } from "./process_identity.ts";
import { ptyAttachment } from "./pty_attachment.ts";
import type { SandboxProcess } from "./sandbox_state.ts";
import { BOOTSTRAP, commonScript, fields, frame } from "./script/common_script.ts";
import { COMMAND_SCRIPT, ordersFields } from "./script/init_script.ts";
import { JOIN_SCRIPT } from "./script/join_script.ts";

/** Which sandbox. */
export interface ExecTarget {
  readonly name: string;
  readonly process: SandboxProcess;
  readonly arch: "amd64" | "arm64";
  /** Root's sandbox for another user. */
  readonly switchesUser: boolean;
  readonly secretEnv: Readonly<Record<string, string>>;
}

/** Joins the sandbox's namespaces and runs the command. @throws MoatError */
export async function execInSandbox(
  spec: ExecSpec,
  { name, process, arch, switchesUser, secretEnv }: ExecTarget,
): Promise<Exec> {
  const launched = launchSandbox({
    command: ["setsid", "/usr/bin/perl", "-e", BOOTSTRAP],
    frames: [
      commonScript(arch) + COMMAND_SCRIPT + JOIN_SCRIPT,
      fields([String(process.pid), String(spec.uid), String(spec.gid)]),
    ],
  }, { exit: "/dev/null" });
  const { child, input, output } = launched;
  try {
    await launched.ready;
  } catch (cause) {
    const said = (await new Response(child.stderr).text()).trim().replace(/^moat: /, "");
    await child.status;
    throw new MoatError(`Cannot execute a command in sandbox "${name}": ${said}`, { cause });
  }
  const first = identifyProcess(await launched.pid);
  const devpts = `/proc/${process.pid}/root/dev/pts`;
  const pty = spec.tty ? openPty({ multiplexer: `${devpts}/ptmx` }) : undefined;
  if (pty !== undefined && switchesUser && spec.uid !== 0) {
    Deno.chownSync(`${devpts}/${pty.number}`, spec.uid, spec.gid);
  }
  if (pty !== undefined && spec.size !== undefined) pty.resize(spec.size);
  await input.write(frame(ordersFields({
    terminal: pty?.number,
    workdir: spec.workdir,
    preRun: undefined,
    helper: undefined,
    command: spec.command,
    env: { ...process.env, ...secretEnv, ...spec.env },
    ulimits: [],
  })));
  const attachment = pty === undefined
    ? pipeAttachment({ input, stdout: output, stderr: child.stderr.getReader() })
    : ptyAttachment(pty);
  if (pty !== undefined) {
    await Promise.all([input.close(), output.cancel(), child.stderr.cancel()]);
  } else if (!spec.stdin) await attachment.closeInput();
  return {
    attachment,
    async wait() {
      const { code } = await child.status;
      return { code, oomKilled: false };
    },
    kill(signal) {
      parseSignal(signal);
      if (first !== undefined) signalProcess(first, signal);
      return Promise.resolve();
    },
  };
}
