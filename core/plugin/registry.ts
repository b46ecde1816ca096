/**
 * The registry: plugins by kind and id, in the order given. There is no `register()`.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";

/** What the registry needs of a plugin. */
interface Registrable {
  readonly kind: string;
  readonly id: string;
}

/** An immutable list of plugins. */
export class Registry<P extends Registrable> {
  readonly #plugins: readonly P[];

  /** @throws TypeError when two plugins of a kind share an id, which is a bug */
  constructor(plugins: readonly P[]) {
    const seen = new Set<string>();
    for (const { kind, id } of plugins) {
      const key = `${kind} ${id}`;
      if (seen.has(key)) throw new TypeError(`Two plugins are registered as ${key}`);
      seen.add(key);
    }
    this.#plugins = plugins;
  }

  /** Plugins of a kind in the order given. */
  list<K extends P["kind"]>(kind: K): readonly Extract<P, { readonly kind: K }>[] {
    return this.#plugins.filter((plugin): plugin is Extract<P, { readonly kind: K }> =>
      plugin.kind === kind
    );
  }

  /** The plugin of that kind and id, or `undefined`. */
  find<K extends P["kind"]>(kind: K, id: string): Extract<P, { readonly kind: K }> | undefined {
    return this.list(kind).find((plugin) => plugin.id === id);
  }

  /** The plugin of that kind and id. @throws UsageError with the nearest and the known ids */
  get<K extends P["kind"]>(kind: K, id: string): Extract<P, { readonly kind: K }> {
    const found = this.find(kind, id);
    if (found !== undefined) return found;
    const known = this.list(kind).map((plugin) => plugin.id);
    const guess = nearest(id, known);
    throw new UsageError(`Cannot find ${kind} "${id}": it is not installed`, {
      hint: guess === undefined ? `Known: ${known.join(", ")}` : `Did you mean "${guess}"?`,
    });
  }
}
