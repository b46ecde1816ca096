import assert from "node:assert/strict";
import { DOCKER_FACTS, requestWith } from "../../tests/helpers/requests.ts";
import { testPlan, testService } from "../../tests/helpers/test_home.ts";
import { NOTHING_WRITTEN } from "../config/load_project_config.ts";
import type { Reach } from "../plugin/router.ts";
import { describeClash, isServedInside, namesInside, planReach } from "./router_inside.ts";

const NETWORK = { ...NOTHING_WRITTEN.network, reach: [{ run: "api", endpoint: "web" }] };
const request = requestWith({ config: { ...NOTHING_WRITTEN, network: NETWORK } });
const nobody = () => undefined;

function names(reach: readonly Reach[], live: Readonly<Record<string, readonly string[]>> = {}) {
  const plan = testPlan({ name: "shop", reach });
  return namesInside(plan, (run) => {
    const endpoints = live[run]?.map((name) => ({ name, port: 1 }));
    return endpoints && { endpoints };
  });
}

Deno.test("planReach() takes the rules where the runtime accepts", () => {
  assert.deepEqual(planReach(request, DOCKER_FACTS), { reach: NETWORK.reach, notices: [] });
});

Deno.test("planReach() says where rules have no effect", () => {
  const host = { ...request, network: { mode: "host", origin: "typed" } } as const;
  const onHost = planReach(host, DOCKER_FACTS);
  assert.deepEqual(onHost.reach, []);
  assert.match(onHost.notices.join(), /host's network.*: run:api\/web$/);
  const without = { id: "other", abilities: ["dial"] } as const;
  const endpoints = [{ name: "web", port: 3000 }];
  const { reach, notices } = planReach({ ...request, endpoints }, without);
  assert.deepEqual(reach, []);
  assert.deepEqual(notices, [
    'Runtime "other" has no way to the router: URLs do not work inside the run',
    'Without effect on runtime "other": run:api/web',
  ]);
  assert.deepEqual(planReach(requestWith(), without).notices, []);
});

Deno.test("namesInside() gives the run its own names", () => {
  assert.deepEqual(names([]), ["shop.localhost", "web.shop.localhost"]);
});

Deno.test("namesInside() gives what rules name, and of a whole run what lives", () => {
  assert.deepEqual(names([{ run: "api" }, { run: "lab" }], { api: ["v1", "v2"] }).slice(2), [
    "api.localhost",
    "v1.api.localhost",
    "v2.api.localhost",
    "lab.localhost",
  ]);
});

Deno.test("namesInside() gives a run's own name with web, to which it leads", () => {
  const reach = [{ run: "api", endpoint: "v1" }, { run: "lab", endpoint: "web" }];
  assert.deepEqual(names(reach).slice(2), [
    "v1.api.localhost",
    "lab.localhost",
    "web.lab.localhost",
  ]);
});

Deno.test("a run on the host's network, or one that nothing is served to, needs no names", () => {
  const host = testPlan({ network: { kind: "host" } });
  const alone = testPlan({ endpoints: [] });
  for (const plan of [host, alone]) {
    assert.equal(isServedInside(plan), false);
    assert.deepEqual(namesInside(plan, nobody), []);
    assert.equal(describeClash(plan, 3000), undefined);
  }
});

Deno.test("describeClash() names the endpoint that has the router's port", () => {
  const plan = testPlan();
  assert.equal(describeClash(plan, 8080), undefined);
  assert.match(describeClash(plan, 3000) ?? "", /endpoint web has the router's port 3000/);
});

Deno.test("describeClash() names a service where all share one loopback", () => {
  const base = testPlan();
  const services = [testService({ id: base.id, name: "db", port: 5432 })];
  assert.equal(describeClash({ ...base, services }, 5432), undefined);
  const sandbox = { ...base, services, network: { kind: "sandbox" } } as const;
  assert.match(describeClash(sandbox, 5432) ?? "", /service db has the router's port 5432/);
});
