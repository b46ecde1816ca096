import assert from "node:assert/strict";
import { Rig, type Serve, toText } from "../../../tests/helpers/raw_http.ts";
import { until } from "../../../tests/helpers/until.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n";

/** Answers every request with its own method, target and body. */
const echo: Serve = async (connection) => {
  for (;;) {
    const request = await connection.readMessage();
    if (request === undefined) return;
    const [line = ""] = request.head.split("\r\n");
    const isHead = line.startsWith("HEAD ");
    const size = request.body.length;
    await connection.write(`HTTP/1.1 200 OK\r\nX-Line: ${line}\r\nContent-Length: ${size}\r\n\r\n`);
    if (!isHead) await connection.write(request.body);
  }
};

Deno.test("a kept connection to the endpoint carries one request after another", async () => {
  await using rig = new Rig({ serve: echo });
  for (let round = 0; round < 3; round++) {
    const client = await rig.connect();
    for (let turn = 0; turn < 3; turn++) {
      await client.write(GET);
      assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 200 OK\r\n/);
    }
    client.close();
  }
  assert.equal(rig.connectionCount, 1);
});

Deno.test("pipelined requests are answered in their order", async () => {
  await using rig = new Rig({ serve: echo });
  const client = await rig.connect();
  const targets = ["/1", "/2", "/3", "/4", "/5"];
  await client.write(
    targets.map((target) =>
      `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n${target}`
    )
      .join(""),
  );
  for (const target of targets) {
    const answer = await client.readMessage();
    assert.match(answer?.head ?? "", new RegExp(`X-Line: POST ${target} HTTP/1.1`));
  }
});

Deno.test("a safe request is sent again when a kept connection was closed under it", async () => {
  await using rig = new Rig({
    serve: async (connection, index) => {
      await connection.readMessage();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + index);
      // The second request on the first connection is read and then dropped.
      await connection.readHead();
    },
  });
  const client = await rig.connect();
  await client.write(GET);
  await client.readMessage();
  await client.write(GET);
  assert.equal((await client.readMessage())?.body[0], "1".charCodeAt(0));
});

Deno.test("a request that is not safe is not sent twice", async () => {
  let posts = 0;
  await using rig = new Rig({
    serve: async (connection) => {
      await connection.readMessage();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      if (await connection.readHead() !== undefined) posts += 1;
    },
  });
  const client = await rig.connect();
  await client.write(GET);
  await client.readMessage();
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 502 /);
  assert.equal(posts, 1);
});

Deno.test("an endpoint that does not listen is 502, and the client may go on", async () => {
  await using rig = new Rig({ serve: echo });
  rig.stopListening();
  const client = await rig.connect();
  for (let turn = 0; turn < 2; turn++) {
    await client.write(GET);
    assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  }
});

Deno.test("an endpoint that dies in its response ends the client's connection", async () => {
  await using rig = new Rig({
    serve: async (connection) => {
      await connection.readMessage();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    },
  });
  const client = await rig.connect();
  await client.write(GET);
  assert.match(await client.readToEnd(), /\r\n\r\nhalf$/);
});

Deno.test("an endpoint that dies in a chunked response leaves it without its end", async () => {
  await using rig = new Rig({
    serve: async (connection) => {
      await connection.readMessage();
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    },
  });
  const client = await rig.connect();
  await client.write(GET);
  assert.match(await client.readToEnd(), /\r\n\r\n4\r\nhalf\r\n$/);
});

Deno.test("a client that goes away ends the endpoint's connection", async () => {
  let sawEnd = false;
  await using rig = new Rig({
    limits: { halfClosedMs: 20 },
    serve: async (connection) => {
      await connection.readMessage();
      await connection.write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
      );
      sawEnd = await connection.read() === undefined;
    },
  });
  const client = await rig.connect();
  await client.write(GET);
  await client.readHead();
  await client.read();
  client.close();
  await until("the endpoint to see the end", () => Promise.resolve(sawEnd));
});

Deno.test("a client that ended its output still gets its response", async () => {
  await using rig = new Rig({ serve: echo });
  const client = await rig.connect();
  await client.write(GET);
  await client.connection.closeWrite();
  assert.match(await client.readToEnd(), /^HTTP\/1\.1 200 OK\r\n/);
});

Deno.test("events arrive one by one, however long the pauses", async () => {
  const sent: (() => void)[] = [];
  await using rig = new Rig({
    limits: { headMs: 40, clientIdleMs: 40, endpointIdleMs: 40 },
    serve: async (connection) => {
      await connection.readMessage();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
      for (let turn = 0; turn < 3; turn++) {
        await new Promise<void>((resolve) => sent.push(resolve));
        await connection.write(`data: ${turn}\n\n`);
      }
    },
  });
  const client = await rig.connect();
  await client.write(GET);
  await client.readHead();
  for (let turn = 0; turn < 3; turn++) {
    const release = await until(
      "the next event to be asked for",
      () => Promise.resolve(sent[turn]),
    );
    await pause(100);
    release();
    assert.equal(await client.readLine(), "9");
    assert.equal(await client.readText(11), `data: ${turn}\n\n\r\n`);
  }
});

Deno.test("a head that comes byte by byte is read; one that stops is 408", async () => {
  await using rig = new Rig({ serve: echo, limits: { headMs: 150 } });
  const quick = await rig.connect();
  for (const char of GET) await quick.write(char);
  assert.match((await quick.readMessage())?.head ?? "", /^HTTP\/1\.1 200 /);
  const slow = await rig.connect();
  await slow.write(GET.slice(0, 20));
  assert.match(await slow.readToEnd(), /^HTTP\/1\.1 408 /);
});

const UPLOAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc";

/** Resolves after so long, which is more than the limits of the test. */
async function pause(ms: number): Promise<void> {
  const end = Date.now() + ms;
  await until("a pause longer than every limit", () => Promise.resolve(Date.now() > end));
}

for (
  const [kind, head] of [["length", UPLOAD], [
    "chunks",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  ]]
) {
  Deno.test(`a body of ${kind} that stops coming is 408, and its endpoint is let go`, async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    await using rig = new Rig({
      limits: { bodyStallMs: 40 },
      serve: async (connection) => {
        await connection.readHead();
        await connection.readToEnd();
        resolve();
      },
    });
    const client = await rig.connect();
    await client.write(head ?? "");
    assert.match(await client.readToEnd(), /^HTTP\/1\.1 408 [^]*stopped coming/);
    await gone;
  });
}

Deno.test("a body may pause for as long as it likes once its endpoint answers", async () => {
  await using rig = new Rig({
    limits: { bodyStallMs: 30 },
    serve: async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
      await connection.write(await connection.readBytes(6));
    },
  });
  const client = await rig.connect();
  await client.write(UPLOAD);
  await client.readHead();
  await pause(150);
  await client.write("def");
  assert.equal(await client.readText(6), "abcdef");
});

Deno.test("a client whose endpoint takes nothing for long has not stopped", async () => {
  const size = 16 * 1024 * 1024;
  await using rig = new Rig({
    limits: { bodyStallMs: 30 },
    serve: async (connection) => {
      await connection.readHead();
      await pause(200);
      await connection.readBytes(size);
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    },
  });
  const client = await rig.connect();
  await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  const sending = client.write(new Uint8Array(size));
  assert.match(await client.readHead() ?? "", /^HTTP\/1\.1 200 /);
  await sending;
});

Deno.test("a client that waits too long for its next request is closed without an answer", async () => {
  await using rig = new Rig({ serve: echo, limits: { clientIdleMs: 30, headMs: 100 } });
  const client = await rig.connect();
  assert.equal(await client.readToEnd(), "");
});

Deno.test("interim responses are forwarded as they come", async () => {
  await using rig = new Rig({
    serve: async (connection) => {
      const head = await connection.readHead();
      assert.match(head ?? "", /\r\nExpect: 100-continue\r\n/);
      await connection.write("HTTP/1.1 100 Continue\r\n\r\n");
      assert.deepEqual(await connection.readBytes(2), new Uint8Array([104, 105]));
      await connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    },
  });
  const client = await rig.connect();
  await client.write(
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
  );
  assert.equal(await client.readHead(), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.write("hi");
  assert.equal(await client.readHead(), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
  assert.match(await client.readHead() ?? "", /^HTTP\/1\.1 200 /);
});

Deno.test("a final answer instead of 100 reaches a client that waits, and ends the connection", async () => {
  await using rig = new Rig({
    serve: async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
      await connection.read();
    },
  });
  const client = await rig.connect();
  await client.write(
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
  );
  const answer = await client.readToEnd();
  assert.match(answer, /^HTTP\/1\.1 417 .*\r\nConnection: close\r\n/s);
});

Deno.test("an early answer to an upload that goes on is delivered", async () => {
  await using rig = new Rig({
    serve: async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    },
  });
  const client = await rig.connect();
  await client.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  await client.write(new Uint8Array(100_000));
  assert.match(await client.readToEnd(), /^HTTP\/1\.1 413 .*big$/s);
});

Deno.test("after 101 the bytes are the two sides' own", async () => {
  await using rig = new Rig({
    serve: async (connection) => {
      const head = await connection.readHead();
      assert.match(head ?? "", /\r\nConnection: Upgrade\r\nUpgrade: chat\r\n/);
      await connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nfirst",
      );
      await connection.write(await connection.readBytes(5));
      assert.equal(await connection.read(), undefined);
      await connection.write("last");
    },
  });
  const client = await rig.connect();
  await client.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n\0\r\n\xff\n",
  );
  assert.match(await client.readHead() ?? "", /^HTTP\/1\.1 101 .*\r\nUpgrade: chat\r\n/s);
  assert.equal(await client.readText(10), "first\0\r\n\xff\n");
  await client.connection.closeWrite();
  assert.equal(await client.readToEnd(), "last");
  assert.deepEqual(rig.failures, []);
});

Deno.test("an upgrade that the endpoint does not take is an ordinary response", async () => {
  await using rig = new Rig({ serve: echo });
  const client = await rig.connect();
  await client.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n" + GET,
  );
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 200 /);
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 200 /);
});

Deno.test("what a client says about its way is replaced by what is known", async () => {
  const heads: string[] = [];
  await using rig = new Rig({
    serve: async (connection) => {
      heads.push(await connection.readHead() ?? "");
      await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
    },
  });
  const client = await rig.connect();
  await client.write(
    "GET / HTTP/1.1\r\nHost: web.a.localhost:8080\r\nX-Forwarded-For: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\n" +
      "X_Forwarded_Host: evil\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Kept: 1\r\n\r\n",
  );
  await client.readMessage();
  const [, ...lines] = (heads[0] ?? "").trimEnd().split("\r\n");
  assert.deepEqual(lines, [
    "Host: web.a.localhost:8080",
    "X-Kept: 1",
    'Forwarded: for=127.0.0.1;host="web.a.localhost:8080";proto=http',
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Host: web.a.localhost:8080",
    "X-Forwarded-Proto: http",
    `Via: 1.1 ${rig.engine.pseudonym}`,
  ]);
});

Deno.test("a request that comes back again and again is 508", async () => {
  await using rig = new Rig({ serve: echo, limits: { passes: 2 } });
  const client = await rig.connect();
  const via = `Via: 1.1 ${rig.engine.pseudonym}\r\n`;
  await client.write(`GET / HTTP/1.1\r\nHost: a\r\n${via}\r\n`);
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 200 /);
  await client.write(`GET / HTTP/1.1\r\nHost: a\r\n${via}${via}\r\n`);
  assert.match(await client.readToEnd(), /^HTTP\/1\.1 508 /);
});

Deno.test("a draining engine finishes what it serves and closes what is unused", async () => {
  const answers: (() => void)[] = [];
  await using rig = new Rig({
    serve: async (connection) => {
      await connection.readMessage();
      await new Promise<void>((resolve) => answers.push(resolve));
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    },
  });
  const [busy, idle] = [await rig.connect(), await rig.connect()];
  await busy.write(GET);
  const answer = await until("the request to arrive", () => Promise.resolve(answers[0]));
  rig.engine.drain();
  assert.equal(await idle.readToEnd(), "");
  answer();
  assert.match(await busy.readToEnd(), /\r\nConnection: close\r\n\r\nok$/);
});

Deno.test("an endpoint's spontaneous bytes are never the answer to the next request", async () => {
  await using rig = new Rig({
    serve: async (connection, index) => {
      await connection.readMessage();
      const forged = index === 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged" : "";
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${index}${forged}`);
      await connection.readMessage();
    },
  });
  const client = await rig.connect();
  for (const turn of ["0", "1"]) {
    await client.write(GET);
    assert.equal(toText((await client.readMessage())?.body ?? new Uint8Array()), turn);
  }
});

Deno.test("a slow reader slows the endpoint down", async () => {
  let written = 0;
  await using rig = new Rig({
    serve: async (connection) => {
      await connection.readMessage();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1 << 28}\r\n\r\n`);
      const piece = new Uint8Array(65_536);
      while (written < 1 << 28) {
        await connection.write(piece);
        written += piece.length;
      }
    },
  });
  const client = await rig.connect();
  await client.write(GET);
  await client.readHead();
  let before = -1;
  let quietSince = Date.now();
  await until("the endpoint to stop", () => {
    if (written !== before) quietSince = Date.now();
    before = written;
    return Promise.resolve(Date.now() - quietSince > 300);
  });
  assert(written < 1 << 26, `${written} bytes were taken with nobody reading`);
});

Deno.test("closing the engine ends every connection, whatever it waits for", async () => {
  const rig = new Rig({
    serve: async (connection) => {
      await connection.readMessage();
      await connection.read();
    },
  });
  const [waiting, idle] = [await rig.connect(), await rig.connect()];
  await waiting.write(GET);
  await until("both to be served", () => Promise.resolve(rig.connectionCount === 1));
  rig.engine.close();
  assert.equal(await waiting.readToEnd(), "");
  assert.equal(await idle.readToEnd(), "");
  await rig[Symbol.asyncDispose]();
});

Deno.test("2,000 connections that say nothing do not keep others from being served", {
  ignore: fileLimit() < 5000,
}, async () => {
  await using rig = new Rig({ serve: echo });
  for (let count = 0; count < 2000; count += 100) {
    await Promise.all(Array.from({ length: 100 }, () => rig.connect()));
  }
  await until("all to be open", () => Promise.resolve(rig.engine.clientCount === 2000));
  const client = await rig.connect();
  await client.write(GET);
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 200 /);
});

function fileLimit(): number {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -n"] }).outputSync();
  return Number(new TextDecoder().decode(stdout));
}
