/**
 * Redis and Valkey, which are started and spoken to in the same way.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import redisHost from "./scripts/redis_host.sh" with { type: "text" };
import start from "./scripts/redis_start.sh" with { type: "text" };
import valkeyHost from "./scripts/valkey_host.sh" with { type: "text" };

interface Flavour {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly image: string;
  readonly host: string;
}

/** The user that the images' entry points start the server as. */
const SERVER_UID = 999;

/**
 * The user without a name is for `redis-cli -u` and clients alike, which send the empty name of
 * `redis://:<password>@…`. From Redis 6.2 on.
 */
const CONFIGURATION = `requirepass {password}
user "" on >{password} allkeys allchannels allcommands
`;

/** The manifest of `redis`. */
export const REDIS: Manifest = createFlavour({
  id: "redis",
  name: "Redis",
  version: "7",
  image: "redis",
  host: redisHost,
});

/** The manifest of `valkey`. */
export const VALKEY: Manifest = createFlavour({
  id: "valkey",
  name: "Valkey",
  version: "8",
  image: "valkey/valkey",
  host: valkeyHost,
});

/** The `redis` dependency. */
export const redis: DependencyPlugin = createDependency(REDIS);

/** The `valkey` dependency. */
export const valkey: DependencyPlugin = createDependency(VALKEY);

function createFlavour({ id, name, version, image, host }: Flavour): Manifest {
  const server = `${id}-server`;
  const upper = id.toUpperCase();
  return {
    schema: 1,
    kind: "dependency",
    id,
    summary: `${name}, a store in memory`,
    category: "service",
    origin: `image ${image}`,
    versions: { default: version, known: [{ version }], others: 1 },
    service: {
      image: `${image}:{version}`,
      script: start,
      command: [server],
      port: 6379,
      files: [{
        path: "/run/moat/server.conf",
        content: CONFIGURATION,
        mode: 0o600,
        uid: SERVER_UID,
      }],
      ready: { kind: "redis", port: 6379 },
      variables: {
        [`MOAT_${upper}_URL`]: "redis://:{password}@{host}:6379",
        [`MOAT_${upper}_HOST`]: "{host}",
        [`MOAT_${upper}_PORT`]: "6379",
        [`MOAT_${upper}_PASSWORD`]: "{password}",
      },
      data: { directory: "/data", resume: start },
      host: {
        programs: [server],
        script: host,
        hint: `Install it (apt-get install ${server}), or use --runtime docker`,
      },
    },
  };
}
