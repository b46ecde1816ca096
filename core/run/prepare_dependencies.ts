/**
 * What a run's dependencies ask of its runtime, and what they add once it is chosen: layers of an
 * image, or tools of the host.
 *
 * @module
 */

import type { HomeConfig } from "../config/project_config.ts";
import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import { askContributions, neededBase } from "../image/contributions_of.ts";
import { readGitIdentity } from "../image/git_identity.ts";
import { readHostAuthorities } from "../image/host_ca.ts";
import { imagePlan, suiteOf } from "../image/image_plan.ts";
import { readInit } from "../image/init.ts";
import { resolveDependencies } from "../image/resolve_dependencies.ts";
import type { RuntimeEnvironment } from "../plugin/contract.ts";
import type {
  Contribution,
  ContributionOf,
  DependencyEntry,
  HostFinding,
  Target,
} from "../plugin/contribution.ts";
import type { AbilityName, RuntimeFacts } from "../plugin/runtime.ts";
import type { RuntimeWish } from "./choose_runtime.ts";
import type { Machine, PlanInputs } from "./plan_run.ts";
import type { RunRequest } from "./request.ts";

/** The dependencies of one request, resolved. */
export interface PreparedDependencies {
  readonly needs: RuntimeWish["needs"];
  /** Why the host lacks one of them, or `undefined`. */
  missingTool(
    facts: RuntimeFacts,
    environment: RuntimeEnvironment,
  ): Promise<string | undefined>;
  /** @throws MoatError when the host lacks one of them */
  finish(
    facts: RuntimeFacts,
    environment: RuntimeEnvironment,
  ): Promise<
    & { readonly inputs: PlanInputs }
    & Pick<Machine, "tools" | "serviceTools">
  >;
}

/** Options of {@linkcode prepareDependencies}: what the home's configuration says. */
export type PrepareDependenciesOptions = Pick<HomeConfig, "dockerPackages" | "dockerBuildCache">;

/** Resolves the request's entries. @throws UsageError naming the entry */
export async function prepareDependencies(
  request: RunRequest,
  context: Context,
  { dockerPackages, dockerBuildCache }: PrepareDependenciesOptions = {},
): Promise<PreparedDependencies> {
  const { registry } = context;
  const entries = resolveDependencies(request.dependencies.map(({ text }) => text), registry);
  const packages = dockerPackages === undefined ? {} : { dockerPackages };
  const baseImage = request.config.baseImage ?? neededBase(entries, registry, packages);
  const suite = suiteOf(baseImage);
  const contributionsFor = ({ arch, hostSocket }: Pick<Target, "arch" | "hostSocket">) =>
    askContributions(entries, registry, {
      arch,
      suite,
      services: request.config.services,
      hostEnv: context.env,
      ...packages,
      ...(dockerBuildCache === undefined ? {} : { dockerBuildCache }),
      ...(hostSocket === undefined ? {} : { hostSocket }),
    });
  let findings: Promise<readonly Finding[]> | undefined;
  const findAll = (facts: RuntimeFacts, environment: RuntimeEnvironment) =>
    findings ??= findOnHost(entries, context, { facts, environment });
  return {
    needs: (await contributionsFor(context)).flatMap(({ entry, contribution }) =>
      abilitiesFor(contribution).map((ability) => ({
        ability,
        by: `dependency "${entry.text}"`,
      }))
    ),
    async missingTool(facts, environment) {
      const missing = (await findAll(facts, environment)).find(isMissing);
      return missing === undefined
        ? undefined
        : `the host has no ${missing.entry.text}: ${missing.finding.reason}`;
    },
    async finish(facts, environment) {
      if (!facts.usesHostTools) {
        const contributions = await contributionsFor(facts);
        const image = await planImage(request, context, { contributions, facts, baseImage });
        return { inputs: { contributions, image }, tools: { paths: [], bin: [] } };
      }
      const found = await findAll(facts, environment);
      const missing = found.find(isMissing);
      if (missing !== undefined) {
        throw new MoatError(
          `Cannot give the run "${missing.entry.text}" on runtime "${facts.id}": ${missing.finding.reason}`,
          { hint: missing.finding.hint },
        );
      }
      const services = (await contributionsFor(facts)).filter(isService);
      const tools = found.filter(({ entry }) => !services.some((one) => one.entry === entry));
      return {
        // Of a service nothing but itself is of use: the rest is for images.
        inputs: {
          contributions: services.map(({ entry, contribution }) => ({
            entry,
            contribution: {
              services: contribution.services ?? [],
              warnings: contribution.warnings ?? [],
            },
          })),
        },
        tools: joinTools(tools),
        serviceTools: Object.fromEntries(services.flatMap(({ entry, contribution }) => {
          const own = joinTools(found.filter((one) => one.entry === entry));
          return (contribution.services ?? []).map(({ name }) => [name, own]);
        })),
      };
    },
  };
}

/** What it needs: what it says, and what follows from what it adds. */
function abilitiesFor(
  { needs = [], services = [], sidecars = [], privileged = false }: Contribution,
): readonly AbilityName[] {
  const isPrivileged = privileged || sidecars.some((sidecar) => sidecar.privileged !== undefined);
  return [
    ...new Set<AbilityName>([
      ...needs,
      ...(services.length > 0 ? ["services"] as const : []),
      ...(sidecars.length > 0 ? ["sidecars"] as const : []),
      ...(isPrivileged ? ["privileged"] as const : []),
    ]),
  ];
}

function isService({ contribution }: ContributionOf): boolean {
  return (contribution.services ?? []).length > 0;
}

function joinTools(found: readonly Finding[]): Machine["tools"] {
  const tools = found.flatMap(({ finding }) => finding.kind === "found" ? [finding] : []);
  return {
    paths: [...new Set(tools.flatMap(({ paths }) => paths))],
    bin: [...new Set(tools.flatMap(({ bin }) => bin))],
  };
}

interface Finding {
  readonly entry: DependencyEntry;
  readonly finding: HostFinding;
}

interface MissingFinding {
  readonly entry: DependencyEntry;
  readonly finding: Extract<HostFinding, { readonly kind: "missing" }>;
}

function isMissing(found: Finding): found is MissingFinding {
  return found.finding.kind === "missing";
}

async function findOnHost(
  entries: readonly DependencyEntry[],
  { registry }: Context,
  { facts, environment }: {
    readonly facts: RuntimeFacts;
    readonly environment: RuntimeEnvironment;
  },
): Promise<readonly Finding[]> {
  const probe = registry.get("runtime", facts.id).hostProbe?.(environment);
  return await Promise.all(entries.map(async (entry): Promise<Finding> => {
    const plugin = registry.get("dependency", entry.id);
    if (probe === undefined || plugin.find === undefined) {
      const reason = "moat does not know how to look for it on the host";
      return { entry, finding: { kind: "missing", reason, hint: "moat run --runtime docker" } };
    }
    return { entry, finding: await plugin.find(entry, probe) };
  }));
}

async function planImage(
  request: RunRequest,
  { signal }: Context,
  { contributions, facts, baseImage }: {
    readonly contributions: readonly ContributionOf[];
    readonly facts: RuntimeFacts;
    readonly baseImage: string | undefined;
  },
): Promise<NonNullable<PlanInputs["image"]>> {
  const { config, project } = request;
  const hasGit = contributions.some(({ entry }) => entry.id === "git");
  const [gitIdentity, authorities] = await Promise.all([
    hasGit ? readGitIdentity({ cwd: project.path, signal }) : undefined,
    config.trustHostCa ? readHostAuthorities() : undefined,
  ]);
  const { postBuildRoot, postBuild } = config.hooks;
  return imagePlan({
    contributions,
    arch: facts.arch,
    init: readInit(),
    ...(baseImage === undefined ? {} : { baseImage }),
    hooks: {
      ...(postBuildRoot === undefined ? {} : { postBuildRoot }),
      ...(postBuild === undefined ? {} : { postBuild }),
    },
    ...(authorities === undefined ? {} : { authorities }),
    ...(gitIdentity === undefined ? {} : { gitIdentity }),
    rebuild: request.rebuild,
  });
}
