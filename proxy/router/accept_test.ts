import assert from "node:assert/strict";
import { asksForJson, prefersHtml } from "./accept.ts";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

const CASES: readonly {
  readonly accept: string | undefined;
  readonly html: boolean;
  readonly json: boolean;
}[] = [
  { accept: BROWSER, html: true, json: false },
  { accept: "application/json", html: false, json: true },
  { accept: "Application/JSON; charset=utf-8", html: false, json: true },
  { accept: "*/*", html: false, json: false },
  { accept: undefined, html: false, json: false },
  { accept: "application/json, text/html;q=0.5", html: false, json: true },
  { accept: "text/html;q=0, application/json;q=0.1", html: false, json: true },
  { accept: "text/html;q=x", html: false, json: false },
];

for (const { accept, html, json } of CASES) {
  Deno.test(`Accept: ${accept} prefers ${html ? "HTML" : "JSON"}`, () => {
    assert.deepEqual({ html: prefersHtml(accept), json: asksForJson(accept) }, { html, json });
  });
}
