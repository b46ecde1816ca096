import assert from "node:assert/strict";
import type { DependencyPlugin } from "../plugin/contract.ts";
import {
  describeDependency,
  findDependency,
  renderDependency,
  renderDependencyList,
} from "./describe_dependency.ts";

function plugin(fields: Partial<DependencyPlugin>): DependencyPlugin {
  return {
    kind: "dependency",
    id: "tool",
    summary: "A tool",
    category: "tool",
    contribute: () => ({}),
    ...fields,
  };
}

const TOOL = plugin({
  versions: {
    default: "2",
    known: [
      { version: "3.0.0" },
      {
        version: "2.1.0",
        integrity: "sha512-x",
        source: "npm view tool@2.1.0",
        date: "2026-01-02",
      },
    ],
    open: false,
  },
});
const FAMILY = plugin({
  id: "npm:",
  category: "dynamic",
  argument: { kind: "package", grammar: "npm" },
});
const DOCKER = plugin({
  id: "docker",
  category: "docker",
  argument: { kind: "mode", modes: ["host", "dind"] },
  notYet: "Docker inside a run cannot be had yet",
});

Deno.test("renderDependency() says where a pin comes from, and what is unpinned", () => {
  assert.equal(
    renderDependency(TOOL),
    `name      tool
summary   A tool
category  tool
default   2.1.0
versions  3.0.0  unpinned
          2.1.0  pinned 2026-01-02 by: npm view tool@2.1.0
example   dependencies: ["tool@2.1.0"]
`,
  );
});

Deno.test("renderDependencyList() lists by category and marks what is not there yet", () => {
  assert.equal(
    renderDependencyList([FAMILY, DOCKER, TOOL]),
    `Tools
  tool                      2.1.0  A tool

Docker
  docker:host, docker:dind         A tool (not yet)

Packages by name
  npm:<package>                    A tool
`,
  );
});

Deno.test("describeDependency() has null for what is not there, never a missing key", () => {
  const { origin, notYet, default: chosen } = describeDependency(FAMILY);
  assert.deepEqual({ origin, notYet, chosen }, { origin: null, notYet: null, chosen: null });
});

Deno.test("findDependency() takes an entry as it is written, and guesses", () => {
  const plugins = [TOOL, FAMILY, DOCKER];
  assert.equal(findDependency("tool@2", plugins), TOOL);
  assert.equal(findDependency("npm:left-pad@1", plugins), FAMILY);
  assert.equal(findDependency("npm", plugins), FAMILY);
  assert.equal(findDependency("docker:dind", plugins), DOCKER);
  assert.throws(() => findDependency("tol", plugins), {
    message: 'Cannot describe dependency "tol": it is not known',
    hint: "moat deps info tool",
  });
});

const DATABASE = plugin({
  id: "db",
  category: "service",
  versions: { default: "2", known: [{ version: "2" }], open: { minParts: 1 } },
  contribute: ({ version }) => ({
    services: [{
      name: "db",
      image: `example/db:${version}`,
      port: 7000,
      env: {},
      files: [],
      ready: { kind: "tcp", port: 7000 },
      variables: { MOAT_DB_URL: "db://{host}:7000", MOAT_DB_PORT: "7000" },
      data: { directory: "/d", resume: ["x"], template: false },
      host: { programs: ["dbd", "init"], script: "" },
    }],
  }),
});

Deno.test("renderDependency() says what a service is and what the run gets of it", () => {
  assert.equal(
    renderDependency(DATABASE),
    `name       db
summary    A tool
category   service
default    2
versions   2
           others that its image has as tags
image      example/db:2
port       7000
variables  MOAT_DB_URL
           MOAT_DB_PORT
takes      keep:
local      this machine's dbd
example    dependencies: ["db@2"]
`,
  );
});

Deno.test("describeDependency() has the facts of a service, and null for others", () => {
  assert.deepEqual(describeDependency(DATABASE).service, {
    image: "example/db:2",
    port: 7000,
    ready: "tcp",
    variables: ["MOAT_DB_URL", "MOAT_DB_PORT"],
    seed: false,
    keep: true,
    programs: ["dbd", "init"],
  });
  assert.equal(describeDependency(TOOL).service, null);
});
