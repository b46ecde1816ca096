/**
 * The proxy that the host itself needs to reach the outside, read from moat's environment.
 *
 * Pure. Only `http:` and `https:` proxies can be chained to; SOCKS is left out and said so.
 *
 * @module
 */

/** A proxy to chain to. */
export interface HostProxy {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Value of Proxy-Authorization. Secret. */
  readonly authorization?: string;
}

/** Which proxies the host uses. */
export interface HostProxies {
  readonly http?: HostProxy;
  readonly https?: HostProxy;
  readonly bypass: readonly string[];
  /** Lines for the user about settings that cannot be followed; never a value. */
  readonly notices: readonly string[];
}

/** Reads HTTP(S)_PROXY, ALL_PROXY and NO_PROXY in both cases. */
export function readHostProxies(env: Readonly<Record<string, string>>): HostProxies {
  const notices: string[] = [];
  const read = (...names: readonly string[]) => {
    const name = names.find((name) => env[name]);
    if (name === undefined) return undefined;
    const proxy = parseProxy(env[name] ?? "");
    if (proxy === undefined) {
      notices.push(`${name} names no http: or https: proxy: the sandbox connects without it`);
    }
    return proxy;
  };
  const http = read("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY");
  const https = read("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY");
  const bypass = (env.no_proxy || env.NO_PROXY || "").split(/[\s,]+/).filter((entry) => entry);
  return {
    ...(http && { http }),
    ...(https && { https }),
    bypass,
    notices: [...new Set(notices)],
  };
}

/** Whether NO_PROXY names the host: itself, a parent domain, or everything. */
export function bypassesProxy(host: string, bypass: readonly string[]): boolean {
  const name = host.toLowerCase();
  return bypass.some((entry) => {
    const wanted = entry.toLowerCase().replace(/:\d+$/, "").replace(/^\*?\./, "");
    return entry === "*" || (wanted !== "" && (name === wanted || name.endsWith(`.${wanted}`)));
  });
}

function parseProxy(text: string): HostProxy | undefined {
  if (!URL.canParse(text.includes("://") ? text : `http://${text}`)) return undefined;
  const url = new URL(text.includes("://") ? text : `http://${text}`);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  const tls = url.protocol === "https:";
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || (tls ? 443 : 80)),
    tls,
    ...(credentials !== ":" && {
      authorization: `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(credentials)))}`,
    }),
  };
}
