import assert from "node:assert/strict";
import { requestWith } from "../../tests/helpers/requests.ts";
import { NOTHING_WRITTEN } from "../config/load_project_config.ts";
import type { Mount } from "../plugin/runtime.ts";
import { planAuthority } from "./plan_authority.ts";

const FILES = { file: "/one.crt", bundle: "/etc/ssl/certs/all.crt" };
const REQUEST = requestWith({ endpoints: [{ name: "web", port: 3000 }] });
const NOTHING = { facts: { authorityFiles: FILES }, mounts: [], env: {} };

function mountAt(target: string): Mount {
  return { kind: "bind", source: "/here", target, readOnly: false };
}

Deno.test("planAuthority() names the certificate to programs that add it, the bundle to others", () => {
  assert.deepEqual(planAuthority(REQUEST, NOTHING), {
    ...FILES,
    env: {
      DENO_CERT: "/one.crt",
      GIT_SSL_CAINFO: "/etc/ssl/certs/all.crt",
      NODE_EXTRA_CA_CERTS: "/one.crt",
      REQUESTS_CA_BUNDLE: "/etc/ssl/certs/all.crt",
      SSL_CERT_FILE: "/etc/ssl/certs/all.crt",
    },
  });
});

Deno.test("planAuthority() is for runs that the router serves, where files can be put", () => {
  assert.equal(planAuthority(requestWith(), NOTHING), undefined);
  assert.equal(planAuthority(REQUEST, { ...NOTHING, facts: {} }), undefined);
});

Deno.test("planAuthority() leaves variables alone that are set already", () => {
  const planned = planAuthority(REQUEST, {
    ...NOTHING,
    env: { SSL_CERT_FILE: { kind: "secret", key: "SSL_CERT_FILE" } },
  });
  assert.equal(planned?.env.SSL_CERT_FILE, undefined);
  assert.equal(planned?.env.DENO_CERT, "/one.crt");
});

for (
  const target of [
    "/etc/ssl/certs/all.crt",
    "/etc/ssl/",
    "/etc",
    "/usr/local/share/ca-certificates",
  ]
) {
  Deno.test(`planAuthority() writes nothing into what is mounted at ${target}`, () => {
    const planned = planAuthority(REQUEST, { ...NOTHING, mounts: [mountAt(target)] });
    assert.deepEqual(planned, {
      file: "/one.crt",
      env: { DENO_CERT: "/one.crt", NODE_EXTRA_CA_CERTS: "/one.crt" },
    });
  });
}

Deno.test("planAuthority() is not confused by mounts beside", () => {
  const mounts = ["/etc/ssl/certs2", "/etc/ssl/certs/other.crt", "/workspace"].map(mountAt);
  assert.equal(planAuthority(REQUEST, { ...NOTHING, mounts })?.bundle, FILES.bundle);
});

Deno.test("planAuthority() lets Node.js know the host's authorities where the run trusts them", () => {
  const request = { ...REQUEST, config: { ...NOTHING_WRITTEN, trustHostCa: true } };
  assert.equal(planAuthority(request, NOTHING)?.env.NODE_EXTRA_CA_CERTS, FILES.bundle);
});
