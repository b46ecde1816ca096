/**
 * The directory runtime with servers that have data, in memory: a text that grows with every seed.
 *
 * What a container writes is on its image's data, or on a volume that is filled from the image when
 * it is empty. A seed that contains `fail` is refused.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type {
  Attachment,
  CompanionSpec,
  Exec,
  ExecSpec,
  Mount,
  OutputChunk,
  Runtime,
} from "../../core/plugin/runtime.ts";
import { openDirectoryRuntime } from "./directory_runtime.ts";

/** The image of all servers, with the id that {@linkcode DataEngine.ids} gives it. */
export const SERVER_IMAGE = "server:1";

/** A runtime, and what tests look at. */
export interface DataEngine {
  readonly runtime: Runtime;
  /** Ids of images by reference; servers' data by reference of their template. */
  readonly ids: Map<string, string>;
  readonly templates: Map<string, string>;
  /** Data of volumes with names, and their labels. */
  readonly volumes: Map<
    string,
    { data: string; readonly labels: Readonly<Record<string, string>> }
  >;
  /** Companions in the order in which they were created. */
  readonly created: CompanionSpec[];
  /** What a running or kept server has. */
  dataOf(container: string): string | undefined;
  /** Resolves when a seed is being loaded, which then waits for `resume`. */
  pauseSeeds(): { readonly begun: Promise<void>; resume(): void };
}

/** Opens it; without `templates`, it is one that has no images. */
export async function openDataEngine(
  directory: string,
  { templates: hasTemplates = true }: { readonly templates?: boolean } = {},
): Promise<DataEngine> {
  const base = await openDirectoryRuntime(directory);
  const { companions } = base;
  if (companions === undefined) throw new TypeError("The directory runtime has no companions");
  const ids = new Map([[SERVER_IMAGE, "sha256:1"]]);
  const templates: DataEngine["templates"] = new Map();
  const volumes: DataEngine["volumes"] = new Map();
  const created: CompanionSpec[] = [];
  const own = new Map<string, string>();
  let pause: { readonly begun: () => void; readonly over: Promise<void> } | undefined;
  const volumeOf = ({ mounts }: CompanionSpec): Mount | undefined =>
    mounts.find(({ kind, source }) => kind === "volume" && source !== "");
  const specOf = (name: string) => created.findLast((spec) => spec.name === name);
  const dataOf = (name: string) => {
    const spec = specOf(name);
    const volume = spec && volumeOf(spec);
    return volume === undefined ? own.get(name) : volumes.get(volume.source)?.data;
  };
  const append = (name: string, text: string) => {
    const spec = specOf(name);
    const volume = spec && volumes.get(volumeOf(spec)?.source ?? "");
    if (volume === undefined) own.set(name, `${own.get(name) ?? ""}${text}`);
    else volume.data += text;
  };
  const runtime: Runtime = {
    ...base,
    images: hasTemplates
      ? {
        exists: (ref) => Promise.resolve(ids.has(ref) || templates.has(ref)),
        id: (ref) => Promise.resolve(ids.get(ref)),
        pull: () => Promise.resolve(),
        listOwn: () => Promise.resolve([...templates.keys()]),
        untag: (ref) => Promise.resolve(templates.delete(ref)),
      }
      : undefined,
    volumes: {
      ensure({ name, labels }) {
        const volume = volumes.get(name) ?? { data: "", labels };
        volumes.set(name, volume);
        return Promise.resolve(volume.labels);
      },
    },
    companions: {
      ...companions,
      async create(spec, options) {
        await companions.create(spec, options);
        created.push(spec);
        const volume = volumes.get(volumeOf(spec)?.source ?? "");
        const initial = templates.get(spec.image ?? "") ?? "";
        if (volume === undefined) own.set(spec.name, initial);
        else if (volume.data === "") volume.data = initial;
      },
      async start(spec, options) {
        await companions.start(spec, options);
        if (dataOf(spec.name) === "") append(spec.name, "init;");
      },
      ...(hasTemplates
        ? {
          snapshot(name, { ref }) {
            templates.set(ref, dataOf(name) ?? "");
            return Promise.resolve();
          },
        }
        : {}),
    },
    exec(name, spec) {
      if (dataOf(name) === undefined) {
        return Promise.reject(new MoatError(`Cannot run a command in "${name}": it is not there`));
      }
      return Promise.resolve(loader(spec, {
        load: async (text) => {
          pause?.begun();
          await pause?.over;
          if (text.includes("fail")) return "line 1: refused\n";
          append(name, `${text};`);
        },
      }));
    },
  };
  return {
    runtime,
    ids,
    templates,
    volumes,
    created,
    dataOf,
    pauseSeeds() {
      const begun = Promise.withResolvers<void>();
      const over = Promise.withResolvers<void>();
      pause = { begun: begun.resolve, over: over.promise };
      return { begun: begun.promise, resume: over.resolve };
    },
  };
}

/** Loads its standard input when that ends, or its own words; a returned text is what it complains. */
function loader(
  { stdin, command }: ExecSpec,
  { load }: { load(text: string): Promise<string | undefined> },
): Exec {
  let text = "";
  const input = Promise.withResolvers<string>();
  if (!stdin) input.resolve(command.join(" "));
  const complaint = input.promise.then(load);
  const attachment: Attachment = {
    output: (async function* (): AsyncGenerator<OutputChunk> {
      const said = await complaint;
      if (said !== undefined) yield { stream: "stderr", data: new TextEncoder().encode(said) };
    })(),
    write: (data) => {
      text += new TextDecoder().decode(data);
      return Promise.resolve();
    },
    closeInput: () => Promise.resolve(input.resolve(text)),
    resize: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    attachment,
    wait: async () => ({ code: await complaint === undefined ? 0 : 1, oomKilled: false }),
    kill: () => Promise.resolve(input.resolve(text)),
  };
}
