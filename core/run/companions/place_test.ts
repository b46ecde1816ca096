import assert from "node:assert/strict";
import { testPlan, testService, testSidecar } from "../../../tests/helpers/test_home.ts";
import { placeCompanions } from "./place.ts";

const base = testPlan();
const plan = {
  ...base,
  services: [testService({ id: base.id, name: "db" })],
  sidecars: [testSidecar({ id: base.id, name: "helper" })],
};

Deno.test("placeCompanions() gives each an address behind the gateway's, and everybody else's name", () => {
  const { address, hosts, companions } = placeCompanions(plan, {
    addressing: "subnet",
    subnet: "10.213.0.16/28",
  });
  assert.equal(address, "10.213.0.18");
  assert.deepEqual(hosts, [
    { name: "db", address: "10.213.0.19" },
    { name: "helper", address: "10.213.0.20" },
  ]);
  assert.deepEqual(companions.db, {
    address: "10.213.0.19",
    hosts: [
      { name: "test", address: "10.213.0.18" },
      { name: "helper", address: "10.213.0.20" },
    ],
  });
});

Deno.test("placeCompanions() names 127.0.0.1 where all share one loopback", () => {
  const { address, hosts, companions } = placeCompanions(plan, {
    addressing: "loopback",
    subnet: undefined,
  });
  assert.equal(address, undefined);
  assert.deepEqual(hosts.map((line) => line.address), ["127.0.0.1", "127.0.0.1"]);
  assert.equal(companions.db?.address, undefined);
});

Deno.test("placeCompanions() leaves a run without companions alone", () => {
  assert.deepEqual(placeCompanions(base, { addressing: "subnet", subnet: "10.213.0.0/28" }), {
    hosts: [],
    companions: {},
  });
});
