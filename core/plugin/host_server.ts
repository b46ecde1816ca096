/**
 * Finds a server among the host's own programs: on PATH, or where the host's packages put it.
 *
 * @module
 */

import type { HostFinding } from "./contribution.ts";
import { isOfLine } from "./dependency_version.ts";
import { type FindToolOptions, versionIn } from "./host_tool.ts";
import type { ManifestHostServer } from "./manifest_service.ts";

/** A directory that has all programs, and the version that its server says. */
interface Candidate {
  readonly directory: string;
  readonly version: string | undefined;
}

/** Of the directories `$2…`, those that have all programs of `$1`, each with its server's version. */
const LOOK = `IFS=,; programs=$1; shift
for pattern do for one in $pattern; do
  for program in $programs; do [ -x "$one/$program" ] || continue 2; done
  printf '%s|%s|' "$one" "$("$one/\${programs%%,*}" --version 2>/dev/null | head -n 1)"
done; done`;
/** Every sandbox shows these, and has them on its PATH. */
const SHOWN = /^\/(?:usr|bin|sbin|lib|opt\/homebrew)(?:\/|$)/;

/** Looks for a server on the host. Any version does unless one was asked for. */
export async function findServer(
  host: ManifestHostServer | undefined,
  { entry, probe }: FindToolOptions,
): Promise<HostFinding> {
  if (host === undefined) {
    return {
      kind: "missing",
      reason: `moat has ${entry.id} as an image only`,
      hint: "Use --runtime docker",
    };
  }
  const [server = entry.id] = host.programs;
  const wanted = entry.requested?.replace(/^v/, "");
  const candidates = await findCandidates(host, probe);
  const found = candidates.find(({ version }) =>
    wanted === undefined || (version !== undefined && isOfLine(version, wanted))
  );
  if (found !== undefined) {
    const { directory, version } = found;
    return {
      kind: "found",
      ...(version === undefined ? {} : { version }),
      paths: SHOWN.test(directory) ? [] : [directory],
      bin: [directory],
    };
  }
  const versions = [...new Set(candidates.flatMap(({ version }) => version ?? []))];
  return {
    kind: "missing",
    reason: candidates.length === 0
      ? `there is no ${host.programs.join(" and ")} on this machine`
      : `this machine has ${server} ${versions.join(", ")}, not ${wanted}`,
    hint: host.hint ?? "Install it with your package manager, or use --runtime docker",
  };
}

async function findCandidates(
  { programs, directories = [] }: ManifestHostServer,
  probe: FindToolOptions["probe"],
): Promise<readonly Candidate[]> {
  const onPath = await probe.directoryOf(programs[0] ?? "");
  const places = [...(onPath === undefined ? [] : [onPath]), ...directories];
  const line = await probe.firstLine("sh", ["-c", LOOK, "sh", programs.join(","), ...places]);
  const found = [...(line ?? "").matchAll(/([^|]*)\|([^|]*)\|/g)]
    .map(([, directory = "", said = ""]) => ({ directory, version: versionIn(said) }));
  return found.toSorted((a, b) =>
    Number(b.directory === onPath) - Number(a.directory === onPath) ||
    compareVersions(b.version, a.version)
  );
}

function compareVersions(a = "", b = ""): number {
  return a.localeCompare(b, "en", { numeric: true });
}
