/**
 * The two files of a project that say which plugins it uses: moat.yaml and moat.lock.
 *
 * @module
 */

import { join } from "node:path";
import { addToList, entriesOfList, removeFromList } from "../../config/edit_list.ts";
import { lstatOr } from "../../config/hostile_files.ts";
import { loadProjectConfig } from "../../config/load_project_config.ts";
import { MoatError } from "../../errors.ts";
import { replaceFile } from "../../store/files.ts";
import { formatLock, LOCK_FILE, type LockedPlugin, readLock } from "./plugin_lock.ts";

/** Lists of moat.yaml that plugins stand in. */
export type PluginList = "dependencies" | "plugins";

/** What the files say now, and what they are to say; nothing is written before `save()`. */
export class ProjectPluginFiles {
  readonly #project: string;
  readonly #file: string;
  readonly #before: { readonly text: string; readonly lock: string };
  #text: string;
  #locked: readonly LockedPlugin[];

  private constructor(
    project: string,
    { file, text, locked, lock }: {
      readonly file: string;
      readonly text: string;
      readonly locked: readonly LockedPlugin[];
      readonly lock: string;
    },
  ) {
    this.#project = project;
    this.#file = file;
    this.#text = text;
    this.#locked = locked;
    this.#before = { text, lock };
  }

  /** Reads and checks both. @throws ConfigError for what is wrong in one of them */
  static async open(project: string): Promise<ProjectPluginFiles> {
    const [{ file = join(project, "moat.yaml") }, locked] = await Promise.all([
      loadProjectConfig(project),
      readLock(project),
    ]);
    for (const path of [file, join(project, LOCK_FILE)]) await refuseLink(path);
    const [text, lock] = await Promise.all([
      readOrNothing(file),
      readOrNothing(join(project, LOCK_FILE)),
    ]);
    return new ProjectPluginFiles(project, { file, text, locked, lock });
  }

  /** By id. */
  get locked(): readonly LockedPlugin[] {
    return this.#locked;
  }

  /** Entries of a list as written. */
  entries(list: PluginList): Promise<readonly string[]> {
    return entriesOfList(this.#text, list);
  }

  /** Adds an entry at the end, unless it is there. */
  async add(list: PluginList, entry: string): Promise<void> {
    this.#text = await addToList(this.#text, list, entry);
  }

  /** Takes an entry out, if it is there. */
  async remove(list: PluginList, entry: string): Promise<void> {
    this.#text = await removeFromList(this.#text, list, entry);
  }

  /** Puts a plugin into the lock, in place of the one of that id. */
  lock(plugin: LockedPlugin): void {
    this.#locked = [...this.#locked.filter(({ id }) => id !== plugin.id), plugin];
  }

  /** Takes a plugin out of the lock. */
  unlock(id: string): void {
    this.#locked = this.#locked.filter((plugin) => plugin.id !== id);
  }

  /** Whether `save()` would change a file. */
  async changed(): Promise<boolean> {
    return this.#text !== this.#before.text || await this.#lockText() !== this.#before.lock;
  }

  /** Writes what changed: the lock first, as one entry too many there does no harm. */
  async save(): Promise<void> {
    const lock = await this.#lockText();
    if (lock !== this.#before.lock) await replaceFile(join(this.#project, LOCK_FILE), lock);
    if (this.#text !== this.#before.text) await replaceFile(this.#file, this.#text);
  }

  /** The lock as text; a project that never had one gets none for nothing. */
  async #lockText(): Promise<string> {
    if (this.#locked.length === 0 && this.#before.lock === "") return "";
    return await formatLock(this.#locked);
  }
}

/** A link could lead anywhere: what is behind it is not the project's to change. */
async function refuseLink(path: string): Promise<void> {
  const found = await lstatOr(path);
  if (found === undefined || found.isFile) return;
  throw new MoatError(`Cannot edit "${path}": it is a link or no file`, {
    hint: "Put a file in its place",
  });
}

async function readOrNothing(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
