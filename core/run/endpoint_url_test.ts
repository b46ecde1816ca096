import assert from "node:assert/strict";
import { endpointVariables, withRouterPort } from "./endpoint_url.ts";

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
