/**
 * What `moat plugin create` writes: a small declarative plugin that works as it is.
 *
 * @module
 */

/** Files of a new plugin, by path. Pure. */
export function skeletonOf(id: string): Readonly<Record<string, string>> {
  return {
    "moat-plugin.yaml": `# A plugin of moat: what a run gets that names "${id}" under dependencies.
# Check it with: moat plugin test .
schema: 1
kind: dependency
id: ${id}
version: "0.1.0"
summary: Says hello
license: MIT
category: tool
# The first one is what reports the version, also where the host's own tools are used.
commands: [${id}]
host:
  hint: Put a program named ${id} on PATH
contribution:
  # Debian packages that it needs.
  apt: [ca-certificates]
  # Files of the image: path to content and permission bits.
  files:
    /usr/local/bin/${id}:
      content: |
        #!/bin/sh
        echo "hello from ${id}"
      mode: 0o755
`,
    "README.md": `# ${id}

A plugin of moat. In a project:

    moat plugin add <this directory>
    moat run -- ${id}
`,
  };
}
