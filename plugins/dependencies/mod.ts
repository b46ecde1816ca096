/**
 * The first-party dependencies, sorted by id.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { aptTools } from "./apt_tools.ts";
import { aws } from "./aws.ts";
import { bun } from "./bun.ts";
import { deno } from "./deno.ts";
import { docker } from "./docker.ts";
import { dynamic } from "./dynamic.ts";
import { gcloud } from "./gcloud.ts";
import { go } from "./go.ts";
import { goTools } from "./go_tools.ts";
import { kubectl } from "./kubectl.ts";
import { meta } from "./meta.ts";
import { node } from "./node.ts";
import { npmTools } from "./npm_tools.ts";
import { playwright } from "./playwright.ts";
import { python } from "./python.ts";
import { pythonTools } from "./python_tools.ts";
import { releases } from "./releases.ts";
import { rust } from "./rust.ts";
import { uv } from "./uv.ts";

/** Everything that can stand under `dependencies:`. */
export const DEPENDENCIES: readonly DependencyPlugin[] = [
  ...aptTools,
  aws,
  bun,
  deno,
  docker,
  ...dynamic,
  gcloud,
  go,
  ...goTools,
  kubectl,
  ...meta,
  node,
  ...npmTools,
  playwright,
  python,
  ...pythonTools,
  ...releases,
  rust,
  uv,
].sort((a, b) => a.id < b.id ? -1 : 1);
