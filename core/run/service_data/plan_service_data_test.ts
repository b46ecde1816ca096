import assert from "node:assert/strict";
import { UsageError } from "../../errors.ts";
import type { ServiceContribution } from "../../plugin/contribution.ts";
import type { ServiceSeed } from "../plan.ts";
import { planServiceData, type PlanServiceDataOptions } from "./plan_service_data.ts";

const SERVICE: ServiceContribution = {
  name: "base",
  image: "base:1",
  port: 5000,
  env: { BASE_NAME: "app" },
  files: [{ path: "/run/secret", content: "{password}", mode: 0o600 }],
  ready: { kind: "tcp", port: 5000 },
  variables: {},
  data: {
    directory: "/data/base",
    resume: ["base-resume"],
    template: true,
    seed: { load: ["base-client"] },
  },
};
const SEED: ServiceSeed = { kind: "files", files: [{ path: "a.sql", sha256: "11" }] };
const ON_ENGINE: PlanServiceDataOptions = {
  keep: false,
  volume: "moat-app-base.data-0123",
  abilities: ["images", "volumes", "services"],
};

function keyOf(service: ServiceContribution, seed?: ServiceSeed): string | undefined {
  return planServiceData(service, { ...ON_ENGINE, ...(seed === undefined ? {} : { seed }) })
    ?.templateKey;
}

Deno.test("planServiceData() starts from a template where initialising is slow", () => {
  const plan = planServiceData(SERVICE, ON_ENGINE);
  assert.equal(plan?.source, "template");
  assert.match(plan?.templateKey ?? "", /^[0-9a-f]{16}$/);
  assert.equal(plan?.volume, undefined);
});

Deno.test("planServiceData() makes a template of a quick server only for a seed", () => {
  const { data } = SERVICE;
  assert(data !== undefined);
  const quick = { ...SERVICE, data: { ...data, template: false } };
  assert.equal(planServiceData(quick, ON_ENGINE)?.source, "fresh");
  const seeded = planServiceData(quick, { ...ON_ENGINE, seed: SEED });
  assert.deepEqual([seeded?.source, seeded?.seedFrom], ["template", SEED]);
});

Deno.test("planServiceData() seeds each run anew where there are no images", () => {
  const plan = planServiceData(SERVICE, { ...ON_ENGINE, abilities: ["services"], seed: SEED });
  assert.deepEqual([plan?.source, plan?.templateKey, plan?.seedFrom], ["fresh", undefined, SEED]);
});

Deno.test("planServiceData() keeps data on the volume it is given", () => {
  const plan = planServiceData(SERVICE, { ...ON_ENGINE, keep: true, seed: SEED });
  assert.deepEqual([plan?.source, plan?.volume], ["keep", ON_ENGINE.volume]);
});

const OTHERS: readonly (readonly [string, ServiceContribution, ServiceSeed?])[] = [
  ["no seed", SERVICE],
  ["another image", { ...SERVICE, image: "base:2" }, SEED],
  ["another variable", { ...SERVICE, env: { BASE_NAME: "other" } }, SEED],
  ["another entry point", { ...SERVICE, entrypoint: ["other"] }, SEED],
  ["another command", { ...SERVICE, command: ["base", "--big"] }, SEED],
  ["another content of the seed", SERVICE, {
    kind: "files",
    files: [{ path: "a.sql", sha256: "22" }],
  }],
  ["a second file", SERVICE, {
    kind: "files",
    files: [{ path: "a.sql", sha256: "11" }, { path: "b.sql", sha256: "11" }],
  }],
  ["a command", SERVICE, { kind: "command", command: ["11"] }],
];
for (const [what, service, seed] of OTHERS) {
  Deno.test(`planServiceData() gives another template for ${what}`, () => {
    assert.notEqual(keyOf(service, seed), keyOf(SERVICE, SEED));
  });
}

Deno.test("planServiceData() gives the same template for a file of another name", () => {
  const renamed: ServiceSeed = { kind: "files", files: [{ path: "b.sql", sha256: "11" }] };
  assert.equal(keyOf(SERVICE, renamed), keyOf(SERVICE, SEED));
});

Deno.test("planServiceData() plans nothing for a service without data", () => {
  const { data: _, ...without } = SERVICE;
  assert.equal(planServiceData(without, ON_ENGINE), undefined);
  assert.throws(
    () => planServiceData(without, { ...ON_ENGINE, keep: true }),
    (error: unknown) => error instanceof UsageError && /it has none/.test(error.message),
  );
  assert.throws(
    () => planServiceData(without, { ...ON_ENGINE, seed: SEED }),
    (error: unknown) => error instanceof UsageError && /it takes no seed/.test(error.message),
  );
});
