import assert from "node:assert/strict";
import { runLabels } from "../ids.ts";
import type { ContainerSpec, Isolation, OutputStream } from "../plugin/runtime.ts";
import { connectTo } from "../../runtimes/docker/connect_engine.ts";
import { Engine } from "../../runtimes/docker/engine.ts";
import type { RuntimeSubject } from "../../tests/contracts/runtime_contract.ts";
import { dockerIsolations, makeDocker } from "../../tests/helpers/docker_subject.ts";
import { has, requires, testEngines } from "../../tests/helpers/machine.ts";
import { readInit } from "./init.ts";

const needs = requires("docker");
const TARGET = testEngines()[0] ?? "";

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly tty: string;
}

/** Runs a script and returns what it printed; `input` is typed once `after` has come. */
async function run(
  subject: RuntimeSubject,
  script: string,
  changes: Partial<ContainerSpec> & { readonly keys?: readonly (readonly [string, string])[] } = {},
): Promise<Result> {
  const { keys = [], ...specChanges } = changes;
  const spec = subject.spec({ command: ["sh", "-c", script], ...specChanges });
  await subject.runtime.create(spec);
  const attachment = await subject.runtime.start(spec);
  assert.ok(attachment !== undefined);
  await using _attachment = attachment;
  const texts: Record<OutputStream, string> = { stdout: "", stderr: "", tty: "" };
  const left = [...keys];
  for await (const { stream, data } of attachment.output) {
    texts[stream] += new TextDecoder().decode(data);
    while (left[0] !== undefined && texts[stream].includes(left[0][0])) {
      await attachment.write(new TextEncoder().encode(left[0][1]));
      left.shift();
    }
  }
  const { code } = await subject.runtime.wait(spec.name);
  return { code, ...texts };
}

/** Runs with these files as what dependencies do before and after; returns what the files say then. */
async function runSteps(
  subject: RuntimeSubject,
  { files, script, killAt }: {
    readonly files: Readonly<Record<string, string>>;
    readonly script: string;
    /** Sends TERM once this was printed on standard error. */
    readonly killAt?: string;
  },
): Promise<{ readonly code: number; readonly stderr: string; readonly trace: string }> {
  const directory = await Deno.makeTempDir({ prefix: "moat-steps-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${directory}/${name}`, text);
    }
    const spec = subject.spec({
      command: ["sh", "-c", script],
      preRun: "echo hook >&2",
      mounts: [{ kind: "bind", source: directory, target: STEPS, readOnly: false }],
    });
    await subject.runtime.create(spec);
    const attachment = await subject.runtime.start(spec);
    assert.ok(attachment !== undefined);
    await using _attachment = attachment;
    let stderr = "";
    let isKilled = killAt === undefined;
    for await (const { data } of attachment.output) {
      stderr += new TextDecoder().decode(data);
      if (isKilled || !stderr.includes(killAt ?? "")) continue;
      isKilled = true;
      await subject.runtime.kill(spec.name, "SIGTERM");
    }
    const { code } = await subject.runtime.wait(spec.name);
    const trace = await Deno.readTextFile(`${directory}/trace`);
    return { code, stderr, trace };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const STEPS = "/usr/local/lib/moat/init.d";

type Check = (subject: RuntimeSubject, isolation: Isolation) => Promise<void>;

const CASES: Readonly<Record<string, Check>> = {
  "does as root what dependencies want before the hook, and after the command": async (subject) => {
    const { code, stderr, trace } = await runSteps(subject, {
      files: {
        "a.start": `echo "a as $(id -u)" >&2; echo logged; echo start >>${STEPS}/trace`,
        "a.stop": `echo stop >>${STEPS}/trace`,
      },
      script: "echo command as $(id -u) >&2; cat /var/log/moat-a.log >&2; exit 9",
    });
    assert.deepEqual([code, stderr, trace], [
      9,
      "a as 0\nhook\ncommand as 1000\nlogged\n",
      "start\nstop\n",
    ]);
  },

  "starts nothing when a step fails, and shows its log": async (subject) => {
    const { code, stderr, trace } = await runSteps(subject, {
      files: {
        "a.start": "echo to the log; echo to the user >&2; exit 3",
        "a.stop": `echo stop >>${STEPS}/trace`,
        "b.start": "echo never >&2",
      },
      script: "echo never",
    });
    assert.deepEqual([code, stderr, trace], [
      125,
      "to the user\nto the log\nmoat: Cannot start the run: a did not start, " +
      "the last lines of /var/log/moat-a.log are above\n",
      "stop\n",
    ]);
  },

  "ends a step that a signal finds running, and runs what ends it": async (subject) => {
    const { code, stderr, trace } = await runSteps(subject, {
      files: {
        "a.start": "echo waiting >&2; exec sleep 1000",
        "a.stop": `echo stop >>${STEPS}/trace`,
      },
      script: "echo never",
      killAt: "waiting",
    });
    assert.deepEqual([code, stderr, trace], [143, "waiting\n", "stop\n"]);
  },

  "takes an id that another user of the image has": async (subject) => {
    const { stdout } = await run(subject, "id -un; id -g; echo ~", { uid: 1, gid: 1 });
    assert.equal(stdout, "moatuser\n1\n/home/moatuser\n");
  },

  "gives names to groups that have none": async (subject) => {
    const { stdout, stderr } = await run(subject, "id -G; id -Gn", { groups: [4, 4321] });
    assert.deepEqual([stdout, stderr], ["1000 4 4321\nmoatuser adm moat-4321\n", ""]);
  },

  "says nothing of its own when the command is killed": async (subject) => {
    const { code, stderr } = await run(subject, "kill -9 $$");
    assert.deepEqual([code, stderr], [137, ""]);
  },

  "stays root when asked, with the same home": async (subject) => {
    const { stdout } = await run(subject, 'id -un; echo "$HOME"; touch "$HOME/x"', {
      uid: 0,
      gid: 0,
    });
    assert.equal(stdout, "root\n/home/moatuser\n");
  },

  "gives writable volumes to the user": async (subject) => {
    const name = `moat-test-${subject.spec().runId}`;
    const labels = runLabels(subject.home, subject.spec().runId, "volume");
    await subject.runtime.volumes?.ensure({ name, labels });
    const { code } = await run(subject, "touch /data/x", {
      mounts: [{ kind: "volume", source: name, target: "/data", readOnly: false }],
    });
    assert.equal(code, 0);
  },

  "gives what lies between the home and a mount, not the mount": async (subject) => {
    const source = await Deno.makeTempDir();
    const { code, stderr } = await run(subject, "touch ~/.config/a ~/.config/tool/b", {
      mounts: [{
        kind: "bind",
        source,
        target: "/home/moatuser/.config/tool/deep",
        readOnly: true,
      }],
    });
    const { uid } = await Deno.stat(source);
    await Deno.remove(source);
    assert.deepEqual([code, stderr, uid], [0, "", Deno.uid()]);
  },

  "starts in a working directory that the image does not have": async (subject) => {
    const { stdout } = await run(subject, 'pwd; echo "[$OLDPWD]"', { workdir: "/some/where else" });
    assert.equal(stdout, "/some/where else\n[]\n");
  },

  "leaves no signal ignored": async (subject) => {
    for (const [signal, code] of [["INT", 130], ["QUIT", 131], ["TERM", 143]] as const) {
      const result = await run(subject, `kill -s ${signal} $$; echo ignored`);
      assert.deepEqual([result.code, result.stdout], [code, ""]);
    }
  },

  "adds an authority to the system's bundle, for the next update-ca-certificates, too": async (
    subject,
  ) => {
    const certificate = "-----BEGIN CERTIFICATE-----\nTUE=\n-----END CERTIFICATE-----\n";
    const bundle = "/etc/ssl/certs/ca-certificates.crt";
    const script = `tail -n 3 ${bundle}; cat /usr/local/share/ca-certificates/moat-router.crt; ` +
      `ls -l ${bundle} /.moat-ca.crt | cut -c 1-10`;
    const { stdout, stderr } = await run(subject, script, {
      authority: { certificate, file: "/.moat-ca.crt", bundle, env: {} },
    });
    const mode = "-rw-r--r--\n";
    assert.deepEqual([stdout, stderr], [`${certificate}${certificate}${mode}${mode}`, ""]);
  },

  "points no program at a bundle that would have the router's authority alone": async (subject) => {
    const bundle = "/etc/ssl/certs/ca-certificates.crt";
    await using image = await commitImage(subject, `rm -f ${bundle}`);
    const authority = {
      certificate: "one",
      file: "/.moat-ca.crt",
      bundle,
      env: { NODE_EXTRA_CA_CERTS: "/.moat-ca.crt", SSL_CERT_FILE: bundle },
    };
    const script = "env | grep -E '^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)='";
    const { stdout } = await run(subject, script, { image: image.tag, authority });
    assert.equal(stdout, "NODE_EXTRA_CA_CERTS=/.moat-ca.crt\n");
    const mine = { ...authority, env: { SSL_CERT_FILE: "/mine" } };
    const other = await run(subject, script, { image: image.tag, authority: mine });
    assert.equal(other.stdout, "SSL_CERT_FILE=/mine\n");
  },

  "says that a bundle cannot be written, and goes on": async (subject) => {
    const { code, stdout, stderr } = await run(subject, "cat /.moat-ca.crt", {
      authority: { certificate: "one", file: "/.moat-ca.crt", bundle: "/proc/self/x", env: {} },
    });
    assert.deepEqual([code, stdout], [0, "one"]);
    assert.match(
      stderr,
      /moat: Cannot make programs trust the certificates of the router: see above/,
    );
  },

  "takes its own variables away": async (subject) => {
    const { stdout } = await run(subject, "env | grep -o '^MOAT_[A-Z]*'", {
      groups: [4],
      preRun: ":",
    });
    assert.equal(stdout.split("\n").sort().join(" "), " MOAT_GID MOAT_UID");
  },

  "reaps orphans": async (subject) => {
    const script = "(sleep 0.1 &); (sh -c 'sleep 0.1' &); sleep 1; " +
      "grep -h '^State' /proc/[0-9]*/status | grep -c Z";
    const { stdout } = await run(subject, script);
    assert.equal(stdout, "0\n");
  },

  "ends with its command, whatever else runs": async (subject) => {
    const { code } = await run(subject, "sleep 1000 >/dev/null 2>&1 & exit 5");
    assert.equal(code, 5);
  },

  "is stopped while the hook runs": async (subject) => {
    const spec = subject.spec({ preRun: "echo ready; exec sleep 1000" });
    await subject.runtime.create(spec);
    const attachment = await subject.runtime.start(spec);
    assert.ok(attachment !== undefined);
    await using _attachment = attachment;
    for await (const { stream, data } of attachment.output) {
      assert.equal(stream, "stderr", "a hook's output is not the program's");
      if (new TextDecoder().decode(data).includes("ready")) {
        await subject.runtime.kill(spec.name, "SIGTERM");
      }
    }
    assert.equal((await subject.runtime.wait(spec.name)).code, 143);
  },

  "says why a hook ended the run": async (subject) => {
    const { code, stdout, stderr } = await run(subject, "echo never", { preRun: "cd /nowhere\n:" });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /moat: Hook "pre_run" failed: exit code 2\n$/);
  },

  "says which program is not there": async (subject) => {
    const missing = await run(subject, "", { command: ["no-such-program"] });
    assert.deepEqual(
      [missing.code, missing.stderr],
      [127, 'moat: Cannot run "no-such-program": it is not in the container\n'],
    );
    const text = await run(subject, "", { command: ["/etc/passwd"] });
    assert.deepEqual(
      [text.code, text.stderr],
      [126, 'moat: Cannot run "/etc/passwd": it is not executable\n'],
    );
  },

  "runs a program whose name looks like a variable": async (subject) => {
    const script = "printf '#!/bin/sh\\necho \"$1\"\\n' >/tmp/a=b; chmod +x /tmp/a=b";
    const { stdout } = await run(subject, "", { command: ["/tmp/a=b", "yes"], preRun: script });
    assert.equal(stdout, "yes\n");
    const root = await run(subject, "", {
      command: ["/tmp/a=b", "yes"],
      preRun: script,
      uid: 0,
      gid: 0,
    });
    assert.equal(root.stdout, "yes\n");
  },

  "lets an interactive shell control its jobs": async (subject) => {
    const { tty } = await run(subject, "", {
      command: ["bash", "--norc"],
      tty: true,
      stdin: true,
      env: { PS1: "$ ", TERM: "dumb" },
      // Quotes keep what is typed, and echoed, apart from what is printed.
      keys: [
        ["$ ", "sh -c 'echo u''p; exec sleep 1000'\n"],
        ["up\r\n", "\x1a"],
        ["Stopped", "kill -9 %1; echo kil''led\n"],
        ["killed", "sh -c 'echo agai''n; exec sleep 1000'\n"],
        ["again\r\n", "\x03"],
        ["^C", "echo co''de $?\n"],
        ["code 130", "exit\n"],
      ],
    });
    assert.match(tty, /\[1\]\+\s+Stopped/);
    assert.doesNotMatch(tty, /job control/);
  },

  "changes what the image's own moatuser had, and nothing else": async (subject) => {
    await using image = await commitImage(
      subject,
      "useradd -m -u 1000 -s /bin/sh moatuser && mkdir /home/moatuser/tool && " +
        "touch /home/moatuser/tool/a /root-file && ln -s /etc/passwd /home/moatuser/link && " +
        "chown -hR moatuser: /home/moatuser && touch /home/moatuser/of-root",
    );
    const source = await Deno.makeTempDir();
    await Deno.chown(source, 1000, 1000);
    const { stdout } = await run(
      subject,
      "cd ~ && stat -c '%u:%g %n' . tool tool/a link of-root /etc/passwd; " +
        "getent passwd moatuser; grep -c moatuser /etc/passwd",
      {
        image: image.tag,
        uid: 1234,
        gid: 1235,
        mounts: [{ kind: "bind", source, target: "/home/moatuser/mount", readOnly: false }],
      },
    );
    const { uid } = await Deno.stat(source);
    await Deno.remove(source);
    assert.equal(
      stdout,
      "1234:1235 .\n1234:1235 tool\n1234:1235 tool/a\n1234:1235 link\n0:0 of-root\n" +
        "0:0 /etc/passwd\nmoatuser:x:1234:1235::/home/moatuser:/bin/sh\n1\n",
    );
    assert.equal(uid, 1000);
  },

  "refuses an image without what it needs": async (subject) => {
    await using image = await commitImage(subject, "rm /usr/bin/setpriv");
    const { code, stderr } = await run(subject, "echo never", { image: image.tag });
    assert.deepEqual([code, stderr], [
      125,
      "moat: Cannot start the run: its image has no setpriv; use a Debian-based image\n",
    ]);
  },
};

for (const isolation of dockerIsolations()) {
  for (const [title, check] of Object.entries(CASES)) {
    Deno.test({
      name: `init.sh (${isolation}) ${title}`,
      ...needs,
      async fn() {
        await using subject = await makeDocker(TARGET, isolation);
        await check(subject, isolation);
      },
    });
  }
}

Deno.test("readInit() gives the script without comments", () => {
  assert.match(readInit(), /^user=moatuser\n/);
  assert.doesNotMatch(readInit(), /\n\s*#/);
});

Deno.test({
  name: "init.sh is clean for shellcheck",
  ignore: !await hasShellcheck(),
  async fn() {
    const { success, stdout } = await new Deno.Command("shellcheck", {
      args: ["core/image/init.sh"],
    }).output();
    assert.ok(success, new TextDecoder().decode(stdout));
  },
});

async function hasShellcheck(): Promise<boolean> {
  if (!has("linux")) return false;
  try {
    return (await new Deno.Command("shellcheck", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** An image of its own: the base after a script ran in it as root. */
async function commitImage(
  subject: RuntimeSubject,
  script: string,
): Promise<{ readonly tag: string } & AsyncDisposable> {
  const spec = subject.spec({ command: ["sh", "-c", script], uid: 0, gid: 0, detached: true });
  const setup = { ...spec, isolation: "container" as const };
  await subject.runtime.create(setup);
  await subject.runtime.start(setup);
  assert.equal((await subject.runtime.wait(setup.name)).code, 0);
  using engine = new Engine(connectTo({ url: TARGET }));
  const repository = `moat-test/${spec.name}`;
  await engine.call({
    method: "POST",
    path: "/commit",
    query: { container: setup.name, repo: repository, tag: "latest" },
    body: {},
    doing: "commit",
  });
  return {
    tag: `${repository}:latest`,
    async [Symbol.asyncDispose]() {
      for (const resource of await subject.runtime.list(subject.home)) {
        await subject.runtime.remove(resource);
      }
      await subject.runtime.images?.untag(`${repository}:latest`);
    },
  };
}
