import assert from "node:assert/strict";
import type { Target } from "../../core/plugin/contribution.ts";
import { python } from "./python.ts";

const TARGET: Target = { arch: "amd64", suite: "bookworm", present: [] };
const entry = (version: string) => ({ text: `python@${version}`, id: "python", version });

Deno.test("python comes from Debian when that is the version asked for", () => {
  for (const [suite, version] of [["bookworm", "3.11"], ["trixie", "3.13"]] as const) {
    const { apt, layers } = python.contribute(entry(version), { ...TARGET, suite });
    assert.deepEqual(apt, ["python3", "python3-pip", "python3-venv"]);
    assert.deepEqual(layers?.map(({ kind }) => kind), ["run"]);
  }
});

Deno.test("python comes through uv when Debian has another version", () => {
  for (const [suite, version] of [["bookworm", "3.12"], ["trixie", "3.11"]] as const) {
    const { apt, layers = [] } = python.contribute(entry(version), { ...TARGET, suite });
    assert.equal(apt, undefined);
    const [, install] = layers;
    assert(install?.kind === "run");
    assert.equal(install.env?.["VERSION"], version);
  }
});

Deno.test("python alone has its official image, of exactly the version asked for", () => {
  assert.equal(python.contribute(entry("3.12.7"), TARGET).baseImage, "python:3.12.7-slim");
});
