import assert from "node:assert/strict";
import { explainTrial, type NamespaceSwitches } from "./explain_trial.ts";

const OPEN: NamespaceSwitches = {
  appArmor: undefined,
  clone: undefined,
  limit: "96365",
  seccomp: "0",
  uid: 1000,
};

const CASES: readonly {
  readonly title: string;
  readonly switches: Partial<NamespaceSwitches>;
  readonly said: string;
  readonly reason: RegExp;
  readonly hint: RegExp;
}[] = [
  {
    title: "AppArmor",
    switches: { appArmor: "1" },
    said: "bwrap: setting up uid map: Permission denied",
    reason: /AppArmor restricts user namespaces.*unshare: setting up uid map: Permission denied/,
    hint: /sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/,
  },
  {
    title: "the limit of user namespaces",
    switches: { limit: "0", uid: 0 },
    said: "moat: cannot make namespaces: No space left on device",
    reason: /user\.max_user_namespaces=0/,
    hint: /sysctl -w user\.max_user_namespaces/,
  },
  {
    title: "Debian's switch",
    switches: { clone: "0" },
    said: "moat: cannot make namespaces: Operation not permitted",
    reason: /kernel\.unprivileged_userns_clone=0/,
    hint: /sysctl -w kernel\.unprivileged_userns_clone=1/,
  },
  {
    title: "seccomp",
    switches: { seccomp: "2" },
    said: "moat: cannot make namespaces: Operation not permitted",
    reason: /a seccomp filter forbids namespaces/,
    hint: /seccomp=unconfined/,
  },
  {
    title: "a container with a masked /proc",
    switches: { seccomp: "2" },
    said: "moat: cannot mount proc at /proc: Operation not permitted",
    reason: /itself a container/,
    hint: /systempaths=unconfined/,
  },
  {
    title: "missing Perl",
    switches: {},
    said: "/usr/bin/perl is missing",
    reason: /needs Perl/,
    hint: /perl-base/,
  },
  {
    title: "anything else",
    switches: {},
    said: "moat: cannot mount devpts at /dev/pts: Invalid argument",
    reason: /no sandbox can be built here; unshare: cannot mount devpts/,
    hint: /bubblewrap/,
  },
];

for (const { title, switches, said, reason, hint } of CASES) {
  Deno.test(`explainTrial() recognises ${title}`, () => {
    const explained = explainTrial([{ backend: "unshare", said }], { ...OPEN, ...switches });
    assert.match(explained.reason, reason);
    assert.match(explained.hint, hint);
  });
}
