/**
 * A run of the real program behind its router, and the ways in to it.
 *
 * @module
 */

import { join } from "node:path";
import { TestHome } from "../moat.ts";
import { RawConnection } from "../raw_http.ts";
import { until } from "../until.ts";
import { H2Session } from "./h2_way.ts";
import { Lane } from "./lane.ts";
import { Puppet } from "./puppet.ts";

/** How a client's bytes come to the router. */
export type Transport = "tcp" | "tls" | "inside";

const LANES = 24;
const NAME = "rows";
const LOOPBACK = "127.0.0.1";

/** A run with its endpoints; ends with everything that it started. */
export class Stage implements AsyncDisposable {
  readonly lanes: readonly Lane[];
  readonly port: number;
  readonly certificate: string;
  readonly #home: TestHome;
  readonly #puppet: Puppet;

  private constructor(
    { home, puppet, lanes, port, certificate }: {
      readonly home: TestHome;
      readonly puppet: Puppet;
      readonly lanes: readonly Lane[];
      readonly port: number;
      readonly certificate: string;
    },
  ) {
    this.#home = home;
    this.#puppet = puppet;
    this.lanes = lanes;
    this.port = port;
    this.certificate = certificate;
  }

  /** `env` chooses the runtime. */
  static async open(env: Readonly<Record<string, string>>): Promise<Stage> {
    const home = await TestHome.create(env);
    try {
      const lanes = Array.from({ length: LANES }, (_, index) => new Lane(index, NAME));
      const puppet = await Puppet.start({
        home,
        name: NAME,
        lanes: LANES,
        onAccept: (stream, lane) => void lanes[lane]?.serve(stream),
      });
      const port = await routerPort(home);
      await until("the way in", () => answers(puppet, port));
      return new Stage({ home, puppet, lanes, port, certificate: await authorityOf(home, port) });
    } catch (error) {
      await home[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A connection for requests to a lane's host; `protocol` is what TLS agrees on. */
  async connect(
    transport: Transport,
    lane: Lane,
    protocol: "http/1.1" | "h2" = "http/1.1",
  ): Promise<RawConnection> {
    if (transport === "inside") return new RawConnection(this.#puppet.connect(this.port));
    const tcp = await Deno.connect({ hostname: LOOPBACK, port: this.port });
    if (transport === "tcp") return new RawConnection(tcp);
    const tls = await Deno.startTls(tcp, {
      hostname: lane.host,
      caCerts: [this.certificate],
      alpnProtocols: [protocol],
    });
    await tls.handshake();
    return new RawConnection(tls);
  }

  /** The runtime's own client of HTTP/2, over TLS. */
  openSession(lane: Lane): H2Session {
    const { port, certificate } = this;
    return new H2Session(`https://${LOOPBACK}:${port}`, { certificate, authority: lane.host });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#puppet[Symbol.asyncDispose]();
    await this.#home[Symbol.asyncDispose]();
  }
}

/** Says whether the router answers inside the run; it is let in once the run has started. */
async function answers(puppet: Puppet, port: number): Promise<boolean> {
  const connection = new RawConnection(puppet.connect(port));
  await connection.write("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return (await connection.readToEnd()).startsWith("HTTP/1.1 200 ");
}

async function routerPort(home: TestHome): Promise<number> {
  return await until("the run's URL", async () => {
    const runs: unknown = JSON.parse(await home.ok(["list", "--json"]));
    const url: unknown = Object(Array.isArray(runs) ? runs[0] : undefined).endpoints?.[0]?.url;
    return typeof url === "string" && Number(new URL(url).port);
  });
}

/** The authority is made by the first connection that needs it. */
async function authorityOf(home: TestHome, port: number): Promise<string> {
  return await until("the router's certificate", async () => {
    try {
      const tcp = await Deno.connect({ hostname: LOOPBACK, port });
      using tls = await Deno.startTls(tcp, { hostname: "localhost" });
      await tls.handshake();
    } catch (error) {
      // Nobody trusts it yet.
      if (!(error instanceof Deno.errors.InvalidData)) throw error;
    }
    try {
      return await Deno.readTextFile(join(home.home, "store", "router-ca.crt"));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  });
}
