import assert from "node:assert/strict";
import { requires } from "../../tests/helpers/machine.ts";
import { openPty, type Pty } from "./pty.ts";

/** Starts a shell on the terminal; it is its controlling terminal. */
function startOn(pty: Pty, script: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: [
      "-c",
      'exec setsid -c sh -c "$2" <"$1" >"$1" 2>&1',
      "sh",
      `/dev/pts/${pty.number}`,
      script,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function readUntil(pty: Pty, wanted: string): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  while (!text.includes(wanted)) {
    const data = await pty.read();
    if (data === undefined) throw new Error(`Ended without "${wanted}": ${text}`);
    text += decoder.decode(data, { stream: true });
  }
  return text;
}

Deno.test({
  ...requires("linux"),
  name: "openPty() gives a terminal of the size asked for, also later",
  async fn() {
    const pty = openPty();
    pty.resize({ columns: 91, rows: 31 });
    const child = startOn(pty, "tty; stty size; read -r _; stty size");
    await readUntil(pty, "31 91");
    pty.resize({ columns: 40, rows: 20 });
    await pty.write(new TextEncoder().encode("\n"));
    await readUntil(pty, "20 40");
    assert.equal(await pty.read().then((data) => data?.length && undefined), undefined);
    await child.status;
    pty.close();
  },
});

Deno.test({
  ...requires("linux"),
  name: "Pty.read() gives all output and then the end",
  async fn() {
    const pty = openPty();
    const child = startOn(pty, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done");
    let text = "";
    for (let data = await pty.read(); data; data = await pty.read()) {
      text += new TextDecoder().decode(data);
    }
    await child.status;
    pty.close();
    assert.equal(text.trimEnd().split("\r\n").length, 20000);
    assert.ok(text.endsWith("20000\r\n"));
  },
});

Deno.test({
  ...requires("linux"),
  name: "Pty.write() writes more than the terminal holds",
  async fn() {
    const pty = openPty();
    const child = startOn(pty, "stty raw -echo; echo ready; head -c 100000 | wc -c");
    await readUntil(pty, "ready");
    const writing = pty.write(new Uint8Array(100_000).fill(97));
    await readUntil(pty, "100000");
    await writing;
    await child.status;
    pty.close();
  },
});

Deno.test({
  ...requires("linux"),
  name: "Pty.close() ends a read that waits",
  async fn() {
    const pty = openPty();
    const reading = pty.read();
    pty.close();
    pty.close();
    assert.equal(await reading, undefined);
  },
});
