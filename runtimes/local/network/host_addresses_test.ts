import assert from "node:assert/strict";
import { localRoutes, routedRanges, trialAddress, walledRanges } from "./host_addresses.ts";

const TRIE = `Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 4
     |-- 34.1.2.3
        /32 host LOCAL
     |-- 10.9.0.0
        /16 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
`;

Deno.test("localRoutes() finds what is local without being on an interface", () => {
  assert.deepEqual(localRoutes(TRIE), [
    { address: "34.1.2.3", bits: 32 },
    { address: "10.9.0.0", bits: 16 },
    { address: "192.0.2.255", bits: 32 },
  ]);
});

Deno.test("routedRanges() reads the kernel's table, without the default route", () => {
  const table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n" +
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n" +
    "tun0\t0002000A\t00000000\t0001\t0\t0\t0\t00FEFFFF\n";
  assert.deepEqual(routedRanges(table), [{ address: "10.0.2.0", bits: 23 }]);
});

Deno.test("walledRanges() has the fixed ranges and the host's, each once", () => {
  const host = [{ address: "192.0.2.2", bits: 32 }, { address: "192.0.2.2", bits: 32 }];
  const walls = walledRanges(host);
  assert.equal(new Set(walls).size, walls.length);
  for (const range of ["127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "192.0.2.2/32"]) {
    assert.ok(walls.includes(range), range);
  }
});

Deno.test("trialAddress() is a single address that is not loopback or link-local", () => {
  const ranges = ["127.0.0.1", "169.254.3.4", "192.0.2.9"].map((address) => ({
    address,
    bits: 32,
  }));
  assert.equal(trialAddress([{ address: "10.0.0.0", bits: 8 }, ...ranges]), "192.0.2.9");
  assert.equal(trialAddress(ranges.slice(0, 2)), undefined);
});
