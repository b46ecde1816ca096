/**
 * What `moat plugin create` writes: a small plugin of each kind that works as it is.
 *
 * @module
 */

import library from "./executable/moat_runtime.py" with { type: "text" };
import type { PluginKind } from "./manifest_kinds.ts";

/** Files of a new plugin, by path. Pure. */
export function skeletonOf(id: string, kind: PluginKind): Readonly<Record<string, string>> {
  switch (kind) {
    case "dependency":
      return dependencySkeleton(id);
    case "runtime":
      return runtimeSkeleton(id);
    case "provider":
      return providerSkeleton(id);
  }
}

function dependencySkeleton(id: string): Readonly<Record<string, string>> {
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

function runtimeSkeleton(id: string): Readonly<Record<string, string>> {
  return {
    "moat-plugin.yaml":
      `# A plugin of moat: what isolates runs that are started with --runtime ${id}.
# Check it with: moat plugin test .
schema: 1
kind: runtime
id: ${id}
version: "0.1.0"
summary: Runs on ${id}
license: MIT
entry: runtime.py
contract: 1
permissions:
  # Programs that it starts, for whoever is asked to accept it.
  run: [python3]
  # Variables of moat's own environment that it gets besides PATH, HOME and the like.
  env: []
`,
    "runtime.py": `#!/usr/bin/env -S python3 -B
"""One method for each call of the protocol: docs/plugins.md lists them."""

from moat_runtime import serve


class Runtime:
    def probe(self, call):
        return {"unavailable": {"reason": "${id} has no engine yet", "hint": "Edit runtime.py"}}

    def open(self, call):
        return {"abilities": []}


serve(Runtime())
`,
    "moat_runtime.py": library,
    "README.md": `# ${id}

A plugin of moat. In a project:

    moat plugin add <this directory>
    moat run --runtime ${id} -- echo hello
`,
  };
}

function providerSkeleton(id: string): Readonly<Record<string, string>> {
  const variable = `${id.toUpperCase().replaceAll("-", "_")}_TOKEN`;
  return {
    "moat-plugin.yaml": `# A plugin of moat: where a credential comes from, and where it goes.
# Check it with: moat plugin test .
schema: 1
kind: provider
id: ${id}
version: "0.1.0"
summary: A token of ${id}
license: MIT
credential:
  # Variables of the host's environment, the first that is set counts.
  variables: [${variable}]
  form: { prefix: tok_, characters: alphanumeric, length: { min: 20, max: 100 } }
# Requests to these hosts get the header; {secret} is filled in.
hosts:
  - host: api.example.org
    header: { name: Authorization, value: "Bearer {secret}" }
# What a run sees in place of the credential: something that clients take for one.
env:
  ${variable}: tok_${"0".repeat(20)}
validate: { method: GET, url: "https://api.example.org/user" }
`,
    "README.md": `# ${id}

A plugin of moat: in a project, moat plugin add <this directory>
`,
  };
}
