import assert from "node:assert/strict";
import { requires } from "../../tests/helpers/machine.ts";
import { findHostSocket, judgeSocket, type SocketState } from "./host_socket.ts";

const USUAL = { url: "unix:///var/run/docker.sock", os: "linux", security: [] } as const;
const SOCKET: SocketState = { isSocket: true, mode: 0o140660, uid: 0, gid: 998 };

Deno.test("judgeSocket() finds nothing odd in root's socket with a group", () => {
  const facts = judgeSocket(USUAL, SOCKET);
  assert.deepEqual(facts, { path: "/var/run/docker.sock", gid: 998, oddities: [] });
});

for (
  const { title, change, gid, oddity } of [
    {
      title: "everybody may write",
      change: { mode: 0o140666 },
      gid: 998,
      oddity: /world-writable/,
    },
    { title: "it is not root's", change: { uid: 1000 }, gid: 998, oddity: /belongs to user 1000/ },
    { title: "no group may use it", change: { mode: 0o140600 }, gid: 0, oddity: /no group may/ },
  ]
) {
  Deno.test(`judgeSocket() says when ${title}`, () => {
    const facts = judgeSocket(USUAL, { ...SOCKET, ...change });
    assert("path" in facts);
    assert.equal(facts.gid, gid);
    assert.equal(facts.oddities.length, 1, facts.oddities.join("; "));
    assert.match(facts.oddities[0] ?? "", oddity);
  });
}

Deno.test("judgeSocket() takes a rootless engine's owner as root inside", () => {
  const url = "unix:///run/user/1000/docker.sock";
  const question = { url, os: "linux", security: ["name=seccomp", "name=rootless"] } as const;
  const facts = judgeSocket(question, { ...SOCKET, uid: 1000, gid: 1000 });
  assert.deepEqual(facts, { path: "/run/user/1000/docker.sock", gid: 0, oddities: [] });
});

Deno.test("judgeSocket() names the place in a virtual machine on macOS", () => {
  const question = { url: "unix:///Users/a/.docker/run/docker.sock", os: "darwin", security: [] };
  const facts = judgeSocket({ ...question, os: "darwin" }, undefined);
  assert.deepEqual(facts, { path: "/var/run/docker.sock", gid: 0, oddities: [] });
});

for (
  const { url, security, reason } of [
    { url: "tcp://10.0.0.1:2376", security: [], reason: /reached at tcp:\/\/10\.0\.0\.1:2376/ },
    { url: "ssh://me@far", security: [], reason: /reached at ssh:/ },
    { url: USUAL.url, security: ["name=userns"], reason: /userns-remap/ },
  ]
) {
  Deno.test(`judgeSocket() says why there is none to give: ${reason.source}`, () => {
    const facts = judgeSocket({ url, os: "linux", security }, SOCKET);
    assert("missing" in facts);
    assert.match(facts.missing, reason);
  });
}

Deno.test(
  "findHostSocket() reads the group from the socket itself",
  requires("linux"),
  async () => {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/engine.sock`;
    const listener = Deno.listen({ transport: "unix", path });
    await Deno.chmod(path, 0o660);
    const facts = await findHostSocket({ url: `unix://${path}`, os: "linux", security: [] });
    listener.close();
    const file = `${directory}/file`;
    await Deno.writeTextFile(file, "");
    const noSocket = await findHostSocket({ url: `unix://${file}`, os: "linux", security: [] });
    const none = await findHostSocket({ url: `unix://${file}/x`, os: "linux", security: [] });
    const { gid } = await Deno.stat(file);
    await Deno.remove(directory, { recursive: true });
    assert("path" in facts);
    assert.deepEqual([facts.path, facts.gid], [path, gid]);
    assert.deepEqual([noSocket, none], [
      { missing: `${file} is not a socket` },
      { missing: `the engine's socket ${file}/x is not there` },
    ]);
  },
);
