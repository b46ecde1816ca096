import assert from "node:assert/strict";
import { readClientHello } from "./client_hello.ts";

const text = (value: string) => [...new TextEncoder().encode(value)];
const block8 = (bytes: readonly number[]) => [bytes.length, ...bytes];
const block16 = (bytes: readonly number[]) => [bytes.length >> 8, bytes.length & 255, ...bytes];
const extension = (type: number, data: readonly number[]) => [0, type, ...block16(data)];
const serverName = (name: string) => extension(0, block16([0, ...block16(text(name))]));
const protocols = (...names: readonly string[]) =>
  extension(16, block16(names.flatMap((name) => block8(text(name)))));

interface Made {
  readonly extensions?: readonly number[];
  readonly version?: number;
  readonly suites?: readonly number[];
  readonly type?: number;
}

/** The handshake message. */
function message(
  { extensions = [], version = 3, suites = [0x13, 0x01], type = 1 }: Made = {},
): readonly number[] {
  const body = [
    version,
    3,
    ...Array.from({ length: 32 }, () => 7),
    ...block8(Array.from({ length: 32 }, () => 9)),
    ...block16(suites),
    ...block8([0]),
    ...block16(extensions),
  ];
  return [type, 0, ...block16(body)];
}

/** In records of at most that many bytes. */
function records(bytes: readonly number[], size = 16_384): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    out.push(0x16, 3, 1, ...block16(bytes.slice(at, at + size)));
  }
  return new Uint8Array(out);
}

const HELLO = message({
  extensions: [
    ...extension(10, [0, 2, 0, 29]),
    ...serverName("Web.Shop.localhost"),
    ...protocols("h2", "http/1.1"),
  ],
});

Deno.test("a hello says the server's name, in lower case, and the protocols in order", () => {
  assert.deepEqual(readClientHello(records(HELLO)), {
    kind: "hello",
    hello: { serverName: "web.shop.localhost", protocols: ["h2", "http/1.1"] },
  });
});

Deno.test("a hello without extensions names nothing", () => {
  assert.deepEqual(readClientHello(records(message())), {
    kind: "hello",
    hello: { serverName: undefined, protocols: [] },
  });
});

Deno.test("a hello may lie in any number of records and come in any number of pieces", () => {
  for (const size of [3, 4, 5, 40, 100]) {
    const bytes = records(HELLO, size);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(readClientHello(bytes.subarray(0, length)).kind, "more", `${length} of ${size}`);
    }
    assert.equal(readClientHello(bytes).kind, "hello");
  }
});

const MALFORMED: Readonly<Record<string, Uint8Array>> = {
  "not a handshake": new Uint8Array([0x17, 3, 1, 0, 1, 0]),
  "SSL 2": new Uint8Array([0x16, 2, 0, 0, 1, 0]),
  "an empty record": new Uint8Array([0x16, 3, 1, 0, 0]),
  "a record that is too large": new Uint8Array([0x16, 3, 1, 0x40, 1]),
  "more records than there can be": records(HELLO, 2),
  "another message": records(message({ type: 2 })),
  "a hello of 16 MiB": new Uint8Array([0x16, 3, 1, 0, 4, 1, 255, 255, 255]),
  "bytes behind the hello": records([...HELLO, 0]),
  "an old version": records(message({ version: 2 })),
  "an uneven cipher list": records(message({ suites: [1, 2, 3] })),
  "no cipher": records(message({ suites: [] })),
  "two server names": records(
    message({ extensions: [...serverName("a.localhost"), ...serverName("b.localhost")] }),
  ),
  "a list of two server names": records(message({
    extensions: extension(
      0,
      block16([0, ...block16(text("a.localhost")), 0, ...block16(text("b.localhost"))]),
    ),
  })),
  "a server name of another kind": records(
    message({ extensions: extension(0, block16([1, ...block16(text("a.localhost"))])) }),
  ),
  "a server name with a line end": records(message({ extensions: serverName("a\r\n.localhost") })),
  "an empty server name": records(message({ extensions: serverName("") })),
  "a protocol without a name": records(message({ extensions: protocols("") })),
  "an extension that is cut off": records(message({ extensions: [0, 16, 0, 9, 1] })),
  "bytes behind a list": records(message({ extensions: extension(16, [0, 2, 1, 97, 0]) })),
};

for (const [name, bytes] of Object.entries(MALFORMED)) {
  Deno.test(`a hello is refused: ${name}`, () => {
    assert.equal(readClientHello(bytes).kind, "malformed");
  });
}

Deno.test("no bytes make the reader throw or read on for ever", () => {
  const bytes = records(HELLO, 50);
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 1, 127, 255]) {
      const changed = bytes.slice();
      changed[at] = value;
      assert(["more", "hello", "malformed"].includes(readClientHello(changed).kind));
    }
  }
});
