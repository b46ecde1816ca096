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
import { removeUnfinished, replaceFile } from "../../store/files.ts";
import { formatLock, LOCK_FILE, type LockedPlugin, readLock, settleLock } from "./plugin_lock.ts";

/** Lists of moat.yaml that plugins stand in. */
export type PluginList = "dependencies" | "plugins";

/** Options of {@linkcode ProjectPluginFiles.save}. */
export interface SaveOptions {
  /** Replaces a file's text at once. @default replaceFile */
  write?(path: string, text: string): Promise<void>;
}

/** What the files say now, and what they are to say; nothing is written before `save()`. */
export class ProjectPluginFiles {
  readonly #project: string;
  readonly #file: string;
  readonly #before: {
    readonly text: string;
    readonly lock: string;
    readonly locked: readonly LockedPlugin[];
  };
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
    this.#before = { text, lock, locked };
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
    const settled = settleLock(locked, await entriesOfList(text, "plugins"));
    return new ProjectPluginFiles(project, { file, text, locked: settled, lock });
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

  /**
   * Writes what changed. Cut off at any moment, the project is as it was or as it is to be: the lock
   * gets what is new before moat.yaml names it, and loses what is gone after moat.yaml does not.
   */
  async save({ write = replaceFile }: SaveOptions = {}): Promise<void> {
    const path = join(this.#project, LOCK_FILE);
    const { text, lock, locked } = this.#before;
    const isGone = ({ id }: LockedPlugin) => this.#locked.every((plugin) => plugin.id !== id);
    const wide = await this.#lockText([...this.#locked, ...locked.filter(isGone)]);
    if (wide !== lock) await write(path, wide);
    if (this.#text !== text) await write(this.#file, this.#text);
    const last = await this.#lockText();
    if (last !== wide) await write(path, last);
    for (const file of [path, this.#file]) await removeUnfinished(file);
  }

  /** The lock as text; a project that never had one gets none for nothing. */
  async #lockText(locked = this.#locked): Promise<string> {
    if (locked.length === 0 && this.#before.lock === "") return "";
    return await formatLock(locked);
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
