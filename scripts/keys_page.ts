/**
 * docs/moat-yaml.md, rendered from the JSON Schema of moat.yaml.
 *
 * @module
 */

/** One line of the page's table. */
interface Row {
  readonly key: string;
  readonly type: string;
  readonly standard: string;
  readonly meaning: string;
}

type Schema = Readonly<Record<string, unknown>>;

const INTRODUCTION = `# moat.yaml

<!-- Written by scripts/docs.ts from core/config/schema.ts; changes here are lost. -->

Read from the project's directory; \`agent.yaml\` where there is no \`moat.yaml\`. No key is required,
and neither is the file. An unknown key, a wrong type or a bad value ends the command with
\`file:line:column\`, what stands there, and the nearest key or value that is valid. A key that is known
and does nothing yet is named in one notice. \`moat schema\` prints the same as JSON Schema, for editors.

\`\`\`yaml
name: my-app
dependencies: [node@22, git]
env:
  NODE_ENV: development
ports:
  web: 3000
command: [npm, run, dev]
\`\`\``;

const TRUST = `## What must be trusted

A run can write its project, so that the project's own files cannot widen it. These settings are in
force only once you accepted them: \`moat trust\` shows and accepts them, \`moat trust --show\` only shows
them, \`moat untrust\` takes that back. They are asked for again when they change.

- a mount from outside of the project (links are followed), or a second, writable way to \`moat.yaml\`,
  \`moat.lock\`, \`agent.yaml\` or \`.git\`; of a git worktree, the repository that it belongs to
- \`docker:host\` and \`docker:dind\` in \`dependencies\`
- \`sandbox: none\`, and a \`runtime\` that isolates less than the automatic choice
- \`network.mode: host\`, \`network.host\`, \`network.rules\`
- \`grants\`, \`plugins\`, \`services.*.image\`
- a \`base_image\` that is not one of debian, node, python or golang
- \`hooks.post_build\` and \`hooks.post_build_root\` when the run is in gVisor: the build is not

What you type, and what stands in \`~/.moat/config.yaml\`, needs no acceptance.

## What a run cannot change

\`moat.yaml\`, \`moat.lock\`, \`agent.yaml\` and \`.git/hooks\` are read-only inside where they exist, unless
\`--allow-config-write\` was given. What of them is new or changed after a run is reported. \`.git/config\`
stays writable, as git needs it: settings in it that make git run a program, and that appeared during
the run, are taken out when it ends, and named. The same holds for submodules, worktrees and
repositories in the project that git's index names. A hook that a run put where none was protected gets
the ending \`.from-run\`. A repository in a subdirectory that the index does not name is not looked at.

## ~/.moat/config.yaml

For all projects, and shared with the Go tool, so that keys unknown here are let pass.

| key | type | meaning |
|---|---|---|
| \`network.pool\` | range of IPv4 addresses; default \`10.213.0.0/16\` | Networks of runs are taken from it. |
| \`logs.max\` | size such as \`256m\`, in MiB without a unit | The log of a run keeps this much. |
| \`docker.packages\` | \`docker\` or \`debian\`; default \`docker\` | Whose packages \`docker:host\` and \`docker:dind\` get. |
| \`docker.build_cache\` | true or false; default \`true\` | \`docker:dind\` keeps the cache of builds for the project. |
| \`proxy.port\` | whole number from 1 to 65535 | Port of the router. |
| \`registries\` | list of \`https://…/index.json\`, or maps with \`url\` and \`key\` | Indexes of plugins. |
| \`mounts\` | list as above, relative to the home directory | Mounted read-only in every run. |`;

/** The whole page. */
export function renderKeysPage(schema: Schema): string {
  const rows = rowsOf(schema, "");
  const table = [
    "| key | type, default | meaning |",
    "|---|---|---|",
    ...rows.map(({ key, type, standard, meaning }) =>
      `| \`${key}\` | ${escape(type)}${standard} | ${escape(meaning)} |`
    ),
  ];
  return [INTRODUCTION, "## Keys", table.join("\n"), TRUST].join("\n\n") + "\n";
}

function rowsOf(schema: unknown, prefix: string): Row[] {
  const properties = isSchema(schema) ? schema.properties : undefined;
  if (!isSchema(properties)) return [];
  return Object.entries(properties).flatMap(([name, value]) => {
    if (!isSchema(value)) return [];
    const key = `${prefix}${name}`;
    const row = {
      key,
      type: typeOf(value),
      standard: standardOf(value.default),
      meaning: String(value.description ?? ""),
    };
    return [row, ...innerRows(value, key)];
  });
}

/** Keys of a map below the key, of the entries of a list, or of the values of a map. */
function innerRows(schema: Schema, key: string): Row[] {
  return [
    ...rowsOf(schema, `${key}.`),
    ...optionsOf(schema.items).flatMap((option) => rowsOf(option, `${key}[].`)),
    ...optionsOf(schema.additionalProperties).flatMap((option) => rowsOf(option, `${key}.*.`)),
  ];
}

function optionsOf(schema: unknown): readonly unknown[] {
  return isSchema(schema) && Array.isArray(schema.anyOf) ? schema.anyOf : [schema];
}

function typeOf(schema: unknown): string {
  if (!isSchema(schema)) return "anything";
  if (Array.isArray(schema.anyOf)) {
    return [...new Set(schema.anyOf.map(typeOf))].join(" or ");
  }
  if (Array.isArray(schema.enum)) return schema.enum.map((choice) => `\`${choice}\``).join(" or ");
  if (schema.const !== undefined) return `\`${schema.const}\``;
  switch (schema.type) {
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    case "number":
      return "number";
    case "integer":
      return `whole number${rangeOf(schema)}`;
    case "array":
      return `list of ${typeOf(schema.items)}`;
    case "object":
      return isSchema(schema.additionalProperties)
        ? `map name → ${typeOf(schema.additionalProperties)}`
        : "map";
    default:
      return "anything";
  }
}

function rangeOf({ minimum, maximum }: Schema): string {
  if (minimum === undefined) return "";
  return maximum === undefined ? ` from ${minimum}` : ` from ${minimum} to ${maximum}`;
}

function standardOf(value: unknown): string {
  const isPlain = typeof value === "string" || typeof value === "boolean";
  return isPlain ? `; default \`${value}\`` : "";
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}
