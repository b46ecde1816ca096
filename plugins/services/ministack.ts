/**
 * Ministack, which answers as AWS does.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";

/** The manifest of `ministack`. */
export const MINISTACK: Manifest = {
  schema: 1,
  kind: "dependency",
  id: "ministack",
  summary: "Ministack, AWS services on this machine",
  category: "service",
  origin: "image ministackorg/ministack",
  versions: { default: "1.3", known: [{ version: "1.3" }], others: 1 },
  service: {
    image: "ministackorg/ministack:{version}",
    port: 4566,
    ready: { kind: "http", port: 4566, path: "/_ministack/health" },
    variables: {
      MOAT_MINISTACK_URL: "http://{host}:4566",
      MOAT_MINISTACK_HOST: "{host}",
      MOAT_MINISTACK_PORT: "4566",
    },
  },
};

/** The `ministack` dependency. */
export const ministack: DependencyPlugin = createDependency(MINISTACK);
