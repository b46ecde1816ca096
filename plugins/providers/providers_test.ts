import assert from "node:assert/strict";
import type { ProviderPlugin } from "../../core/plugin/contract.ts";
import {
  PROVIDER_REQUIREMENTS,
  type ProviderSubject,
} from "../../core/plugin/provider_contract.ts";
import { env } from "./env.ts";
import { github } from "./github.ts";
import { PROVIDERS } from "./mod.ts";

const TOKEN = `ghp_${"aB3".repeat(12)}`;

const SUBJECTS: readonly ProviderSubject[] = [
  {
    provider: env,
    grant: { text: "env:NPM_TOKEN", argument: "NPM_TOKEN" },
    variables: { NPM_TOKEN: "npm_abc" },
  },
  { provider: github, grant: { text: "github" }, variables: { GITHUB_TOKEN: TOKEN } },
];

for (const subject of SUBJECTS) {
  for (const { title, check } of PROVIDER_REQUIREMENTS) {
    Deno.test(`provider ${subject.provider.id}: ${title}`, () => check(subject));
  }
}

Deno.test("every provider goes through the contract", () => {
  assert.deepEqual(SUBJECTS.map(({ provider }) => provider.id), PROVIDERS.map(({ id }) => id));
});

Deno.test("github takes the second variable, and refuses what is no token", async () => {
  const variables: Record<string, string> = { GH_TOKEN: TOKEN };
  const host = { variable: (name: string) => variables[name] };
  assert.equal((await github.obtain({ text: "github" }, host)).secret, TOKEN);
  variables.GH_TOKEN = `${TOKEN}\r\nX-Evil: 1`;
  await assert.rejects(github.obtain({ text: "github" }, host), /has not the form of a token/);
});

/** A provider with one thing broken; each must fail the contract. */
const BROKEN: Readonly<Record<string, Partial<ProviderPlugin>>> = {
  "no error": { obtain: () => Promise.resolve({ secret: TOKEN }) },
  "no credential": { obtain: () => Promise.reject(new Error("no")) },
  "reads everything": {
    obtain: (grant, host) => {
      host.variable("HOME");
      return github.obtain(grant, host);
    },
  },
  "shows the secret": {
    obtain: (_, host) => Promise.reject(new TypeError(`bad ${host.variable("GITHUB_TOKEN")}`)),
  },
  "gives the secret to the run": {
    use: (grant) => ({ ...github.use(grant), env: { GITHUB_TOKEN: TOKEN } }),
  },
  "shows the run nothing": { use: (grant) => ({ ...github.use(grant), env: {} }) },
  "any host": {
    use: (grant) => ({
      ...github.use(grant),
      hosts: [{ host: "*", header: { name: "Authorization", value: "{secret}" } }],
    }),
  },
  "no place for it": {
    use: (grant) => ({
      ...github.use(grant),
      hosts: [{ host: "api.github.com", header: { name: "Authorization", value: "Bearer" } }],
    }),
  },
  "validated elsewhere": {
    use: (grant) => ({
      ...github.use(grant),
      validate: { method: "GET", url: "https://example.org/" },
    }),
  },
  "validated in the clear": {
    use: (grant) => ({
      ...github.use(grant),
      validate: { method: "GET", url: "http://api.github.com/user" },
    }),
  },
};

for (const [title, change] of Object.entries(BROKEN)) {
  Deno.test(`the contract of providers notices: ${title}`, async () => {
    const provider: ProviderPlugin = { ...github, ...change };
    const subject = { provider, grant: { text: "github" }, variables: { GITHUB_TOKEN: TOKEN } };
    const outcomes = await Promise.allSettled(
      PROVIDER_REQUIREMENTS.map(async ({ check }) => await check(subject)),
    );
    assert(outcomes.some(({ status }) => status === "rejected"));
  });
}
