/**
 * From what the user typed to a plan: reads the project, asks the runtimes and plugins, plans. Leaves
 * nothing but the kept answers of plugins that are code.
 *
 * @module
 */

import { loadHomeConfig } from "../config/load_home_config.ts";
import { loadProjectConfig } from "../config/load_project_config.ts";
import type { HomeConfig } from "../config/project_config.ts";
import { type Context, runtimeEnvironment } from "../context.ts";
import { expectedPort } from "../daemon/router_port.ts";
import { loadProjectPlugins } from "../plugin/load_project_plugins.ts";
import type { RuntimePlugin, RuntimeProbe } from "../plugin/contract.ts";
import type { RuntimeFacts } from "../plugin/runtime.ts";
import { chooseRuntime, type RuntimeCandidates, type RuntimeWish } from "./choose_runtime.ts";
import { inspectProject } from "./inspect_project.ts";
import { type Machine, planRun } from "./plan_run.ts";
import type { RunPlan } from "./plan.ts";
import { prepareDependencies } from "./prepare_dependencies.ts";
import type { RunFlags, RunRequest } from "./request.ts";
import { resolveRequest } from "./resolve_request.ts";
import { readSeeds } from "./service_data/read_seeds.ts";
import { ROUTER_PORT_FACT, Store } from "../store/store.ts";

/** A run that is planned and not begun. */
export interface PreparedRun {
  readonly request: RunRequest;
  readonly plan: RunPlan;
  readonly facts: RuntimeFacts;
  readonly plugin: RuntimePlugin;
  readonly homeConfig: HomeConfig;
}

/** Plans what the flags ask for. @throws MoatError for everything that keeps it from being planned */
export async function prepareRun(flags: RunFlags, context: Context): Promise<PreparedRun> {
  const { env, paths } = context;
  const project = await inspectProject(flags.path, {
    cwd: context.cwd,
    userHome: env.HOME,
    moatHome: paths.home,
  });
  const [written, homeConfig] = await Promise.all([
    loadProjectConfig(project.path),
    loadHomeConfig(paths),
  ]);
  const { registry, unaccepted } = await loadProjectPlugins(written, {
    project,
    context,
    entries: [...written.dependencies, ...flags.dep ?? []],
    runtime: flags.runtime ?? (env.MOAT_RUNTIME || written.runtime),
  });
  const config = { ...written, plugins: unaccepted };
  const request = await resolveRequest(flags, context, { project, config, homeConfig });
  const dependencies = await prepareDependencies(request, { ...context, registry }, homeConfig);
  const candidates = runtimeCandidates({ ...context, registry });
  const wish: RuntimeWish = {
    ...(request.runtime === undefined ? {} : { runtime: request.runtime }),
    ...(request.isolation === undefined ? {} : { isolation: request.isolation.want }),
    needs: dependencies.needs,
    missingTool: (facts) => dependencies.missingTool(facts, candidates.environment(facts.id)),
  };
  const choice = await chooseRuntime(wish, candidates);
  const automatic = request.runtime?.origin === "project"
    ? await automaticIsolation(wish, candidates)
    : undefined;
  const { inputs, ...tools } = await dependencies.finish(
    choice.facts,
    candidates.environment(choice.facts.id),
  );
  const routerPort = expectedRouterPort(request, context, { homeConfig, facts: choice.facts });
  const machine: Machine = {
    caller: { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 },
    moatHome: paths.home,
    term: env.TERM,
    facts: choice.facts,
    isolation: choice.isolation,
    reason: choice.reason,
    notices: choice.notices,
    ...(automatic === undefined ? {} : { automaticIsolation: automatic }),
    ...(routerPort === undefined ? {} : { routerPort }),
    ...tools,
  };
  return {
    request,
    plan: planRun(request, machine, {
      ...inputs,
      seeds: await readSeeds(config, { project: project.path }),
    }),
    facts: choice.facts,
    plugin: registry.get("runtime", choice.facts.id),
    homeConfig,
  };
}

/** The router's port where something of the run could clash with it. */
function expectedRouterPort(
  { endpoints, config, network }: RunRequest,
  { env, paths }: Context,
  { homeConfig, facts }: { readonly homeConfig: HomeConfig; readonly facts: RuntimeFacts },
): number | undefined {
  const needed = endpoints.length + config.network.reach.length > 0;
  if (!needed || network.mode === "host" || !facts.abilities.includes("accept")) return undefined;
  using store = Store.openExisting(paths);
  const recorded = Number(store?.fact(ROUTER_PORT_FACT)) || undefined;
  return expectedPort({ env, homeConfig, recorded });
}

/**
 * The registered runtimes in order of preference, each probed at most once; one from elsewhere only
 * when it is named.
 */
export function runtimeCandidates(context: Context): RuntimeCandidates & {
  environment(id: string): ReturnType<typeof runtimeEnvironment>;
} {
  const probes = new Map<string, Promise<RuntimeProbe>>();
  const environment = (id: string) => runtimeEnvironment(context, { runtime: id, home: "" });
  return {
    environment,
    ids: context.registry.list("runtime").flatMap(({ id, isNamedOnly }) => isNamedOnly ? [] : [id]),
    probe(id) {
      const known = probes.get(id) ??
        context.registry.get("runtime", id).probe(environment(id), { signal: context.signal });
      probes.set(id, known);
      return known;
    },
  };
}

/** What the choice would be without the file's `runtime:`; `undefined` when nothing else works. */
async function automaticIsolation(
  { runtime: _, ...wish }: RuntimeWish,
  candidates: RuntimeCandidates,
): Promise<RuntimeFacts["defaultIsolation"] | undefined> {
  try {
    return (await chooseRuntime(wish, candidates)).isolation;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
