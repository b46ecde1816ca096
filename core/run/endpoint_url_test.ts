import assert from "node:assert/strict";
import { endpointUrl, endpointVariables, withRouterPort } from "./endpoint_url.ts";

Deno.test("endpointVariables() names the run and each endpoint, - as _", () => {
  const variables = endpointVariables("shop", [{ name: "web" }, { name: "admin-ui" }]);
  const filled = Object.entries(variables).map(([key, text]) => [key, withRouterPort(text, 8081)]);
  assert.deepEqual(Object.fromEntries(filled), {
    MOAT_HOST: "shop.localhost:8081",
    MOAT_URL: "http://shop.localhost:8081",
    MOAT_HOST_WEB: "web.shop.localhost:8081",
    MOAT_URL_WEB: "http://web.shop.localhost:8081",
    MOAT_HOST_ADMIN_UI: "admin-ui.shop.localhost:8081",
    MOAT_URL_ADMIN_UI: "http://admin-ui.shop.localhost:8081",
  });
});

Deno.test("endpointVariables() says nothing without endpoints", () => {
  assert.deepEqual(endpointVariables("shop", []), {});
});

Deno.test("a URL on the usual port of its scheme needs no port", () => {
  const name = { run: "shop", endpoint: "web" };
  assert.equal(endpointUrl(name, 443, "https"), "https://web.shop.localhost");
  assert.equal(endpointUrl(name, 80, "https"), "https://web.shop.localhost:80");
  assert.equal(endpointUrl(name, 80), "http://web.shop.localhost");
  const { MOAT_HOST_WEB = "" } = endpointVariables("shop", [{ name: "web" }]);
  assert.equal(withRouterPort(MOAT_HOST_WEB, 80), "web.shop.localhost");
});
