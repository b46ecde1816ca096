import assert from "node:assert/strict";
import { createHostProbe } from "./find_host_tools.ts";

async function toolbox(
  programs: Record<string, string>,
): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(`${path}/${name}`, text, { mode: 0o755 });
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function runs(pid: number): Promise<boolean> {
  for (let left = 100; left > 0; left--) {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ") Z");
    if (/\) [ZX]/.test(stat)) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

Deno.test("which() gives the real path of the first program on PATH", async () => {
  await using box = await toolbox({ real: "#!/bin/sh\n" });
  await Deno.mkdir(`${box.path}/bin`);
  await Deno.symlink(`${box.path}/real`, `${box.path}/bin/tool`);
  await Deno.writeTextFile(`${box.path}/bin/notes`, "not a program", { mode: 0o644 });
  await Deno.mkdir(`${box.path}/bin/folder`);
  const probe = createHostProbe({ env: { PATH: `relative::${box.path}/none:${box.path}/bin` } });
  assert.equal(await probe.which("tool"), `${box.path}/real`);
  for (const name of ["notes", "folder", "absent", "../real", "/bin/sh", ""]) {
    assert.equal(await probe.which(name), undefined, name);
  }
});

Deno.test("firstLine() gives the first line that is not empty", async () => {
  await using box = await toolbox({
    tool: '#!/bin/sh\necho >&2 noise\nprintf "\\n  %s %s\\nmore\\n" "$1" "$#"\n',
  });
  const probe = createHostProbe({ env: { PATH: `${box.path}:/usr/bin:/bin` } });
  assert.equal(await probe.firstLine("tool", ["a b; c", "d"]), "a b; c 2");
});

Deno.test("firstLine() is undefined for what fails, is absent or cannot be run", async () => {
  await using box = await toolbox({ fails: "#!/bin/sh\necho no\nexit 3\n", broken: "#!/none\n" });
  const probe = createHostProbe({ env: { PATH: box.path } });
  for (const name of ["fails", "broken", "absent"]) {
    assert.equal(await probe.firstLine(name, []), undefined, name);
  }
});

Deno.test("firstLine() ends a program that waits, and what it started", async () => {
  await using box = await toolbox({
    waits: '#!/bin/sh\n/bin/sleep 600 &\necho $! >"$0.pid"\nwait\n',
  });
  const probe = createHostProbe({ env: { PATH: box.path }, timeoutMs: 200 });
  assert.equal(await probe.firstLine("waits", []), undefined);
  const started = await Deno.readTextFile(`${box.path}/waits.pid`);
  assert.equal(await runs(Number(started)), false);
});

Deno.test("firstLine() gives a program an empty input", async () => {
  await using box = await toolbox({ asks: '#!/bin/sh\nread -r answer\necho "got<$answer>"\n' });
  const probe = createHostProbe({ env: { PATH: box.path } });
  assert.equal(await probe.firstLine("asks", []), "got<>");
});

Deno.test("firstLine() asks a program once", async () => {
  await using box = await toolbox({ counts: '#!/bin/sh\necho x >>"$0.log"\necho done\n' });
  const probe = createHostProbe({ env: { PATH: box.path } });
  await Promise.all([probe.firstLine("counts", []), probe.firstLine("counts", [])]);
  assert.equal(await Deno.readTextFile(`${box.path}/counts.log`), "x\n");
});
