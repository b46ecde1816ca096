/**
 * What an engine has, asked of it directly.
 *
 * @module
 */

import type { TestHome } from "./moat.ts";

/** Runs `docker` against an engine and returns its output without the last line break. */
export type EngineTool = (...args: readonly string[]) => Promise<string>;

/** The `docker` of this machine for the engine at `target`; rejects when it fails. */
export function engineTool(target: string): EngineTool {
  return async (...args) => {
    const { success, stdout, stderr } = await new Deno.Command("docker", {
      args: [...args],
      env: { DOCKER_HOST: target },
      stdin: "null",
    }).output();
    if (!success) throw new Error(`docker ${args[0]}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout).trim();
  };
}

/** Containers, networks and volumes with the home's label, such as `volume moat-x`. */
export async function homeObjects(home: TestHome, docker: EngineTool): Promise<readonly string[]> {
  const { homeId } = JSON.parse(await home.ok(["status", "--json"]));
  const filter = ["--filter", `label=moat.home=${homeId}`, "--format"];
  const listed = await Promise.all([
    docker("ps", "--all", ...filter, "container {{.Names}}"),
    docker("network", "ls", ...filter, "network {{.Name}}"),
    docker("volume", "ls", ...filter, "volume {{.Name}}"),
  ]);
  return listed.flatMap((text) => text.split("\n")).filter((line) => line !== "");
}

/** Names of the volumes of a container that have no name of their own. */
export async function unnamedVolumes(
  container: string,
  docker: EngineTool,
): Promise<readonly string[]> {
  const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}';
  const names = await docker("inspect", "--format", format, container);
  return names.split(" ").filter((name) => /^[0-9a-f]{64}$/.test(name));
}
