/**
 * Ollama, which serves language models; the ones that a project names are there before it runs.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";

/** The manifest of `ollama`. */
export const OLLAMA: Manifest = {
  schema: 1,
  kind: "dependency",
  id: "ollama",
  summary: "Ollama, language models on this machine",
  category: "service",
  origin: "image ollama/ollama",
  versions: { default: "0.18.1", known: [{ version: "0.18.1" }], others: 1 },
  service: {
    image: "ollama/ollama:{version}",
    port: 11434,
    ready: { kind: "http", port: 11434, path: "/api/tags" },
    variables: {
      MOAT_OLLAMA_URL: "http://{host}:11434",
      MOAT_OLLAMA_HOST: "{host}",
      MOAT_OLLAMA_PORT: "11434",
    },
    models: { directory: "/root/.ollama", pull: ["ollama", "pull", "{model}"] },
  },
};

/** The `ollama` dependency. */
export const ollama: DependencyPlugin = createDependency(OLLAMA);
