/**
 * Builds images on a real engine through the docker runtime's builder, and removes them again.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  BuildOptions,
  BuildResult,
  ContextFile,
  ImageBuild,
} from "../../core/plugin/runtime.ts";
import { createBuilder } from "../../runtimes/docker/buildkit/build_image.ts";
import { connectTo } from "../../runtimes/docker/connect_engine.ts";
import { Engine } from "../../runtimes/docker/engine.ts";
import { imagePath } from "../../runtimes/docker/images.ts";

/** An engine, and what was built on it, which goes at the end. */
export class Workshop implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #target: string;
  readonly #tags = new Set<string>();
  readonly lines: string[] = [];
  /** Bytes of context that went over. */
  sent = 0;

  constructor(target: string) {
    this.#target = target;
    this.#engine = new Engine(connectTo({ url: target }));
  }

  /** Builds; what the user would see goes to `lines`. */
  build(
    build: ImageBuild,
    { env = {}, ...options }: BuildOptions & { env?: Record<string, string> } = {},
  ): Promise<BuildResult> {
    this.removeLater(build.tag);
    const make = createBuilder({
      engine: this.#engine,
      connect: connectTo({ url: this.#target }),
      env,
      onSent: (size) => this.sent += size,
    });
    return make(build, {
      progress: {
        update: (_id, text) => this.lines.push(text),
        done: (_id, text) => this.lines.push(text ?? ""),
      },
      ...options,
    });
  }

  /** Removes this tag too at the end. */
  removeLater(tag: string): void {
    this.#tags.add(tag);
  }

  /** What the engine says of an image. */
  async image(tag: string): Promise<unknown> {
    const path = `/images/${imagePath(tag)}/json`;
    return (await this.#engine.call({ method: "GET", path, doing: "inspect" })).value;
  }

  /** Output of a command in a container of the image. */
  async run(tag: string, ...command: string[]): Promise<string> {
    const { stdout, stderr, success } = await new Deno.Command("docker", {
      args: [
        "-H",
        this.#target,
        "run",
        "--rm",
        "--network=none",
        "--runtime=runc",
        tag,
        ...command,
      ],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tag of this.#tags) {
      await this.#engine.call({
        method: "DELETE",
        path: `/images/${imagePath(tag)}`,
        query: { force: true },
        doing: "remove",
        accept: [404, 409],
      });
    }
    this.#engine[Symbol.dispose]();
  }
}

/** A build whose tag and digest come from its content, as those of runs do. */
export async function recipe(
  lines: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<ImageBuild> {
  const dockerfile = `${lines.join("\n")}\n`;
  const text = new TextEncoder().encode(JSON.stringify([dockerfile, files]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex();
  const context: Record<string, ContextFile> = {};
  for (const [path, content] of Object.entries(files)) context[path] = { content, mode: 0o644 };
  const tag = `moat-test/build:${digest.slice(0, 16)}`;
  return { tag, dockerfile, files: context, labels: { "moat.test": "build" }, digest };
}

/** Text that no build before has seen. */
export function unique(): string {
  return crypto.randomUUID().slice(0, 8);
}
