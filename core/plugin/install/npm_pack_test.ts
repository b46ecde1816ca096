import assert from "node:assert/strict";
import { firstComplaint } from "./npm_pack.ts";

Deno.test("of npm's report, the line that says what happened is shown", () => {
  const report = [
    'npm warn Unknown user config "nodedir". This will stop working.',
    "npm error code E404",
    "npm error 404 Not Found - GET https://registry.example/moat-none - Not found",
    "npm error 404",
    "npm notice New version of npm available",
  ];
  assert.match(firstComplaint(report.join("\n")), /^404 Not Found - GET/);
  assert.equal(firstComplaint("npm ERR! code EUSAGE\nnpm ERR! nothing"), "nothing");
  assert.equal(firstComplaint("npm warn old\n"), "npm failed");
});
