import assert from "node:assert/strict";
import { parseRoutes, parseSubnet, pickSubnet } from "./subnets.ts";

Deno.test("pickSubnet() takes the first /28 that touches nothing taken", () => {
  assert.equal(pickSubnet("10.213.0.0/16", []), "10.213.0.0/28");
  assert.equal(pickSubnet("10.213.0.0/16", ["10.213.0.0/24"]), "10.213.1.0/28");
  assert.equal(pickSubnet("10.213.0.0/16", ["10.213.0.5/32"]), "10.213.0.16/28");
  assert.equal(pickSubnet("10.213.0.0/27", ["10.213.0.0/28", "10.213.0.16/30"]), undefined);
  assert.equal(pickSubnet("10.213.0.0/16", ["10.0.0.0/8"]), undefined);
});

Deno.test("pickSubnet() begins where it is told and goes around", () => {
  assert.equal(pickSubnet("10.213.0.0/16", [], { startAt: 0.5 }), "10.213.128.0/28");
  assert.equal(pickSubnet("10.213.0.0/27", ["10.213.0.16/28"], { startAt: 0.9 }), "10.213.0.0/28");
});

for (const pool of ["10.213.0.0", "10.213.0.0/29", "300.0.0.0/8", "fd00::/8", "", "10.0.0.0/33"]) {
  Deno.test(`pickSubnet() refuses the pool ${JSON.stringify(pool)}`, () => {
    assert.throws(() => pickSubnet(pool, []), /Cannot use network pool/);
  });
}

Deno.test("parseSubnet() gives the range that an address lies in", () => {
  assert.deepEqual(parseSubnet("10.0.0.7/29"), { base: 0x0a000000, prefix: 29 });
  assert.deepEqual(parseSubnet("255.255.255.255/32"), { base: 0xffffffff, prefix: 32 });
});

Deno.test("parseRoutes() reads the kernel's table without the default route", () => {
  const table =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
    "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n" +
    "br-1\t1000D50A\t00000000\t0001\t0\t0\t0\tF0FFFFFF\t0\t0\t0\n";
  assert.deepEqual(parseRoutes(table), ["172.17.0.0/16", "10.213.0.16/28"]);
});
