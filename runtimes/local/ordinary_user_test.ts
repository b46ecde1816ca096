import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../../tests/helpers/machine.ts";

/** No user of the machine has it. */
const UID = "54321";

for (
  const file of [
    "walls_test.ts",
    "local_contract_test.ts",
    "companions_test.ts",
    "dial_test.ts",
    "accept_test.ts",
  ]
) {
  Deno.test({
    ...requires("linux", "root"),
    name: `all of ${file} holds for an ordinary user`,
    async fn() {
      await using place = await readableDeno();
      const { success, stdout, stderr } = await new Deno.Command("setpriv", {
        args: [
          ...["--reuid", UID, "--regid", UID, "--clear-groups"],
          ...[place.deno, "test", "--allow-all", "--no-check", "--no-lock"],
          join(import.meta.dirname ?? ".", file),
        ],
        clearEnv: true,
        env: {
          PATH: "/usr/local/bin:/usr/bin:/bin",
          HOME: place.directory,
          DENO_DIR: place.directory,
          TMPDIR: place.directory,
          NO_COLOR: "1",
        },
        cwd: "/",
      }).output();
      const output = new TextDecoder().decode(stdout);
      assert.ok(success, `${output.slice(-6000)}${new TextDecoder().decode(stderr).slice(-2000)}`);
      assert.match(output, / passed/);
    },
  });
}

/** This Deno where another user can start it, with a directory that is theirs. */
async function readableDeno(): Promise<{ deno: string; directory: string } & AsyncDisposable> {
  const directory = await Deno.makeTempDir({ prefix: "moat-user-" });
  const deno = join(directory, "deno");
  await Deno.copyFile(Deno.execPath(), deno);
  await Deno.chmod(deno, 0o755);
  await Deno.chown(directory, Number(UID), Number(UID));
  return {
    deno,
    directory,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}
