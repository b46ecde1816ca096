import assert from "node:assert/strict";

const TARGET = `${Deno.build.arch}-${
  Deno.build.os === "darwin" ? "apple-darwin" : "unknown-linux-gnu"
}`;

interface Installed {
  readonly code: number;
  readonly stderr: string;
  readonly program: string | undefined;
}

async function install(changeAfterSum: string): Promise<Installed> {
  const directory = await Deno.makeTempDir({ prefix: "moat-install-" });
  try {
    const name = `moat-${TARGET}`;
    const program = "#!/bin/sh\necho moat 9.9.9\n";
    const digest = new Uint8Array(
      await crypto.subtle.digest("SHA-256", new TextEncoder().encode(program)),
    ).toHex();
    await Deno.writeTextFile(`${directory}/SHA256SUMS`, `${digest}  ${name}\n`);
    await Deno.writeTextFile(`${directory}/${name}`, program + changeAfterSum);
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["scripts/install.sh", "--from", `file://${directory}`, "--to", `${directory}/bin`],
    }).output();
    return {
      code,
      stderr: new TextDecoder().decode(stderr),
      program: await readOrNothing(`${directory}/bin/moat`),
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test("install.sh installs a program whose sum is right", async () => {
  const { code, stderr, program } = await install("");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Installed moat 9\.9\.9/);
  assert.match(program ?? "", /echo moat/);
});

Deno.test("install.sh installs nothing when the sum is wrong", async () => {
  const { code, stderr, program } = await install("# tampered\n");
  assert.equal(code, 1);
  assert.match(stderr, /nothing was installed/);
  assert.equal(program, undefined);
});
