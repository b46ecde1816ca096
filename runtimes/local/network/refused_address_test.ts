import assert from "node:assert/strict";
import { parseAddress } from "./ip_address.ts";
import { refusedAddress } from "./refused_address.ts";

const OWN = [
  { address: "192.168.7.20", cidr: "192.168.7.20/24" },
  { address: "10.1.2.3", cidr: "10.1.2.3/20" },
  { address: "2001:db8::20", cidr: "2001:db8::20/64" },
];

const REFUSED = [
  "127.0.0.1",
  "127.0.0.3",
  "127.255.255.254",
  "0.0.0.0",
  "0.1.2.3",
  "::",
  "::1",
  "0:0:0:0:0:0:0:1",
  "::0001",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::FFFF:7F00:0001",
  "0:0:0:0:0:ffff:127.0.0.1",
  "::127.0.0.1",
  "::ffff:0:127.0.0.1",
  "64:ff9b::127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b:1::10.1.2.3",
  "2002:7f00:1::",
  "2001:db8:1::5efe:7f00:1",
  "169.254.169.254",
  "::ffff:169.254.169.254",
  "fe80::1",
  "fe80::1%eth0",
  "febf::1",
  "fd00:ec2::254",
  "168.63.129.16",
  "224.0.0.251",
  "239.255.255.250",
  "255.255.255.255",
  "ff02::fb",
  "192.168.7.20",
  "::ffff:192.168.7.20",
  "192.168.7.255",
  "10.1.15.255",
  "10.1.2.3",
  "2001:db8::20",
  "2001:0db8:0:0:0:0:0:0020",
  // Not understood: refused, never passed on.
  "127.1",
  "0x7f000001",
  "0177.0.0.1",
  "2130706433",
  "1.2.3.256",
  "1.2.3.04",
  "::1::",
  "1:2:3:4:5:6:7",
  "g::1",
  "localhost",
  "",
];

const ALLOWED = [
  "1.1.1.1",
  "192.168.7.21",
  "192.168.8.255",
  "10.1.16.255",
  "128.0.0.1",
  "169.253.0.1",
  "223.255.255.255",
  "2001:db8::21",
  "2606:4700::1111",
  "::ffff:1.1.1.1",
  "64:ff9b::1.1.1.1",
  "fc00::1",
];

for (const address of REFUSED) {
  Deno.test(`refusedAddress() refuses "${address}"`, () => {
    assert.notEqual(refusedAddress(address, OWN), undefined);
  });
}

for (const address of ALLOWED) {
  Deno.test(`refusedAddress() lets "${address}" pass`, () => {
    assert.equal(refusedAddress(address, OWN), undefined);
  });
}

Deno.test("parseAddress() reads every spelling of an address as the same bytes", () => {
  const spellings = ["2001:db8::1:0:0:1", "2001:0DB8:0:0:1:0:0:1", "2001:db8:0:0:1::1"];
  const [first, ...others] = spellings.map((text) => [...parseAddress(text) ?? []]);
  assert.equal(first?.length, 16);
  for (const other of others) assert.deepEqual(other, first);
});
