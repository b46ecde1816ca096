/**
 * What every provider of credentials must do, whoever wrote it: what tests put those of moat through,
 * and `moat plugin test` those of others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MoatError } from "../errors.ts";
import type { GrantRequest, ProviderPlugin } from "./contract.ts";

/** A provider, and an environment in which it finds a credential. */
export interface ProviderSubject {
  readonly provider: ProviderPlugin;
  readonly grant: GrantRequest;
  readonly variables: Readonly<Record<string, string>>;
}

/** One requirement. Throws when it is not met. */
export interface ProviderRequirement {
  readonly title: string;
  check(subject: ProviderSubject): Promise<void>;
}

/** All requirements; tests give each a name of its own. */
export const PROVIDER_REQUIREMENTS: readonly ProviderRequirement[] = [
  {
    title: "an argument is asked for where one is needed, and its example has its form",
    check({ provider: { argument }, grant }) {
      assert.equal(grant.argument !== undefined, argument !== undefined);
      if (argument !== undefined) {
        assert.match(argument.example, argument.pattern);
        assert.match(grant.argument ?? "", argument.pattern);
        for (const hostile of ["", "a b", "$(x)", "a\nb", "../a"]) {
          assert.doesNotMatch(hostile, argument.pattern);
        }
      }
      return Promise.resolve();
    },
  },
  {
    title: "a credential that is there is obtained, and only what was declared is read",
    async check({ provider, grant, variables }) {
      const asked: string[] = [];
      const { secret } = await provider.obtain(grant, {
        variable: (name) => {
          asked.push(name);
          return variables[name];
        },
      });
      assert(Object.values(variables).includes(secret));
      assert.deepEqual(asked.filter((name) => !(name in variables)), []);
    },
  },
  {
    title: "a credential that is not there is an error for the user, with advice",
    async check({ provider, grant }) {
      await assert.rejects(provider.obtain(grant, { variable: () => undefined }), (error) => {
        assert(error instanceof MoatError);
        assert.match(error.message, /^Cannot obtain grant "/);
        assert(error.message.includes(grant.text) && error.hint !== undefined);
        return true;
      });
    },
  },
  {
    title: "an error does not show the credential",
    async check({ provider, grant, variables }) {
      const odd = "s3cret with spaces";
      const host = { variable: (name: string) => name in variables ? odd : undefined };
      const outcome = await provider.obtain(grant, host).catch((error: unknown) => error);
      if (outcome instanceof Error) assert(!`${outcome.message}${outcome.stack}`.includes(odd));
    },
  },
  {
    title: "what the run sees is not the credential, and the same each time",
    check({ provider, grant, variables }) {
      const use = provider.use(grant);
      const text = JSON.stringify(use);
      for (const value of Object.values(variables)) assert(!text.includes(value));
      assert.deepEqual(JSON.parse(text), use);
      assert.deepEqual(provider.use(grant), use);
      assert(Object.keys(use.env).length > 0, "the run sees nothing");
      return Promise.resolve();
    },
  },
  {
    title: "hosts are plain names, headers have one place for the credential",
    check({ provider, grant }) {
      for (const { host, header } of provider.use(grant).hosts) {
        assert.match(host, /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+$/);
        assert.match(header.name, /^[A-Za-z][A-Za-z0-9-]*$/);
        assert.equal(header.value.split("{secret}").length, 2);
        assert.doesNotMatch(header.value, /[\r\n]/);
      }
      const { validate, hosts } = provider.use(grant);
      if (validate !== undefined) {
        const url = new URL(validate.url);
        assert.equal(url.protocol, "https:");
        assert(hosts.some(({ host }) => host === url.hostname), "validated where it does not go");
      }
      return Promise.resolve();
    },
  },
];
