/**
 * An engine that is only its answers, on a Unix socket: for what a real one does not say on demand.
 *
 * @module
 */

/** What it answers besides `/info`, `/version` and `/_ping`; `undefined`: 404. */
export type FakeAnswerer = (method: string, path: string, body: string) => Response | undefined;

/** A fake engine; disposing ends it. */
export interface FakeEngine extends AsyncDisposable {
  /** As in DOCKER_HOST. */
  readonly target: string;
  /** OCI runtimes that it has now; the first is its default. */
  ociRuntimes: readonly string[];
  answer: FakeAnswerer;
}

const API = "1.51";

/** Starts one. */
export async function startFakeEngine(...ociRuntimes: readonly string[]): Promise<FakeEngine> {
  const directory = await Deno.makeTempDir({ prefix: "moat-engine-" });
  const path = `${directory}/docker.sock`;
  const server = Deno.serve({ path, onListen: () => {} }, async (request) => {
    const { url, method } = request;
    const asked = new URL(url).pathname.replace(/^\/v1\.\d+/, "");
    if (asked === "/_ping") return new Response("OK", { headers: { "Api-Version": API } });
    if (asked === "/info") return Response.json(infoOf(engine.ociRuntimes));
    if (asked === "/version") return Response.json(VERSION);
    return engine.answer(method, asked, await request.text()) ??
      Response.json({ message: "not there" }, { status: 404 });
  });
  const engine: FakeEngine = {
    target: `unix://${path}`,
    ociRuntimes,
    answer: () => undefined,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(directory, { recursive: true });
    },
  };
  return engine;
}

const VERSION = {
  Version: "29.0.0",
  ApiVersion: API,
  MinAPIVersion: "1.40",
  Os: "linux",
  Arch: "amd64",
};

function infoOf(ociRuntimes: readonly string[]): Record<string, unknown> {
  return {
    ServerVersion: "29.0.0",
    OSType: "linux",
    Architecture: "x86_64",
    Runtimes: Object.fromEntries(ociRuntimes.map((name) => [name, { path: name }])),
    DefaultRuntime: ociRuntimes[0],
    SecurityOptions: ["name=seccomp,profile=builtin"],
    DockerRootDir: "/var/lib/docker",
    Driver: "overlay2",
  };
}
