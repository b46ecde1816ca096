/**
 * GitHub: a token for its API and for git over HTTPS.
 *
 * Forms of tokens and headers: GitHub's documentation, "Authenticating to the REST API" and "About
 * authentication to GitHub".
 *
 * @module
 */

import { createProvider } from "../../core/plugin/provider.ts";

/** The `github` provider. */
export const github = createProvider({
  id: "github",
  summary: "GitHub, by a token",
  variables: ["GITHUB_TOKEN", "GH_TOKEN"],
  form: /^(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,255})$/,
  hosts: [
    { host: "api.github.com", header: { name: "Authorization", value: "Bearer {secret}" } },
    { host: "uploads.github.com", header: { name: "Authorization", value: "Bearer {secret}" } },
    {
      host: "raw.githubusercontent.com",
      header: { name: "Authorization", value: "Bearer {secret}" },
    },
  ],
  env: {
    GITHUB_TOKEN: `ghp_${"0".repeat(36)}`,
    GH_TOKEN: `ghp_${"0".repeat(36)}`,
  },
  validate: { method: "GET", url: "https://api.github.com/user" },
});
