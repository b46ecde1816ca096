/**
 * Which settings of a git configuration make git run a program, or act outside of its work tree.
 *
 * From git's own list of settings; a key is `section.name` or `section.<anything>.name`, section and
 * name in lower case as git prints them.
 *
 * @module
 */

import { resolve } from "node:path";
import { isWithin } from "./protected_paths.ts";

/** Decides by the value, where the key alone does not. */
type Judge = (value: string) => boolean;

const ALWAYS: Judge = () => true;
/** Git takes anything but a boolean for a program. */
const UNLESS_BOOLEAN: Judge = (value) => !/^(true|false|yes|no|on|off|\d*)$/i.test(value);
const SHELL_ALIAS: Judge = (value) =>
  /^\s*!/.test(value) || /(^|\s)(-x|-O|--exec|--extcmd|--open-files|--upload-pack|foreach|run)/
    .test(value);
const TRANSPORT_HELPER: Judge = (value) => /^\s*[A-Za-z0-9+.-]+::/.test(value);

/** `*` stands for a subsection. */
const KEYS: Readonly<Record<string, Judge>> = {
  "alias.*": SHELL_ALIAS,
  "alias.*.command": SHELL_ALIAS,
  "browser.*.cmd": ALWAYS,
  "browser.*.path": ALWAYS,
  "core.alternaterefscommand": ALWAYS,
  "core.askpass": ALWAYS,
  "core.editor": ALWAYS,
  "core.fsmonitor": UNLESS_BOOLEAN,
  "core.gitproxy": ALWAYS,
  "core.hookspath": ALWAYS,
  "core.pager": ALWAYS,
  "core.sshcommand": ALWAYS,
  "credential.helper": ALWAYS,
  "credential.*.helper": ALWAYS,
  "diff.external": ALWAYS,
  "diff.*.command": ALWAYS,
  "diff.*.textconv": ALWAYS,
  "difftool.*.cmd": ALWAYS,
  "difftool.*.path": ALWAYS,
  "filter.*.clean": ALWAYS,
  "filter.*.process": ALWAYS,
  "filter.*.smudge": ALWAYS,
  "gpg.program": ALWAYS,
  "gpg.*.program": ALWAYS,
  "gpg.*.defaultkeycommand": ALWAYS,
  "guitool.*.cmd": ALWAYS,
  "hook.*.command": ALWAYS,
  "imap.tunnel": ALWAYS,
  "include.path": ALWAYS,
  "includeif.*.path": ALWAYS,
  "init.templatedir": ALWAYS,
  "instaweb.browser": ALWAYS,
  "instaweb.httpd": ALWAYS,
  "interactive.difffilter": ALWAYS,
  "lfs.customtransfer.*.path": ALWAYS,
  "lfs.extension.*.clean": ALWAYS,
  "lfs.extension.*.smudge": ALWAYS,
  "lfs.standalonetransferagent": ALWAYS,
  "lfs.*.standalonetransferagent": ALWAYS,
  "man.*.cmd": ALWAYS,
  "man.*.path": ALWAYS,
  "merge.*.driver": ALWAYS,
  "mergetool.*.cmd": ALWAYS,
  "mergetool.*.path": ALWAYS,
  "pager.*": UNLESS_BOOLEAN,
  "protocol.allow": ALWAYS,
  "protocol.*.allow": ALWAYS,
  "remote.*.pushurl": TRANSPORT_HELPER,
  "remote.*.receivepack": ALWAYS,
  "remote.*.uploadpack": ALWAYS,
  "remote.*.url": TRANSPORT_HELPER,
  "remote.*.vcs": ALWAYS,
  "sendemail.smtpserver": ALWAYS,
  "sendemail.sendmailcmd": ALWAYS,
  "sendemail.tocmd": ALWAYS,
  "sendemail.cccmd": ALWAYS,
  "sendemail.headercmd": ALWAYS,
  "sendemail.*.smtpserver": ALWAYS,
  "sendemail.*.sendmailcmd": ALWAYS,
  "sendemail.*.tocmd": ALWAYS,
  "sendemail.*.cccmd": ALWAYS,
  "sendemail.*.headercmd": ALWAYS,
  "sequence.editor": ALWAYS,
  "submodule.*.update": SHELL_ALIAS,
  "svn.authorsprog": ALWAYS,
  "tar.*.command": ALWAYS,
  "trailer.*.cmd": ALWAYS,
  "trailer.*.command": ALWAYS,
  "uploadpack.packobjectshook": ALWAYS,
};

/** Sections that ordinary configurations have: there the names are looked for. */
const COMMON_SECTIONS = new Set(["core", "remote"]);

/** Matches every file that holds such a setting; most files do not match. */
const SUSPICIOUS = new RegExp(
  [
    ...new Set(
      Object.keys(KEYS).map((key) => {
        const section = key.slice(0, key.indexOf("."));
        return COMMON_SECTIONS.has(section)
          ? key.slice(key.lastIndexOf(".") + 1).replace(/^(push)?url$/, "::")
          : `\\[\\s*${section}`;
      }),
    ),
    "worktree",
  ].join("|"),
  "i",
);

/** Where a setting stands. */
export interface SettingPlace {
  readonly gitDirectory: string;
  readonly project: string;
}

/** Says whether a setting makes git run a program, or work outside of the project. */
export function runsProgram(
  { key, value }: { readonly key: string; readonly value: string },
  { gitDirectory, project }: SettingPlace,
): boolean {
  if (key === "core.worktree") return !isWithin(resolve(gitDirectory, value), project);
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  const section = key.slice(0, first);
  const judge = first === last
    ? KEYS[key] ?? KEYS[`${section}.*`]
    : KEYS[`${section}.*.${key.slice(last + 1)}`] ?? nested(key);
  return judge?.(value) ?? false;
}

/** Says whether the text of a file is worth asking git; false means that no such setting is in it. */
export function mayRunPrograms(text: string): boolean {
  return SUSPICIOUS.test(text);
}

/** `lfs.customtransfer.<name>.path`: git counts the middle as the subsection. */
function nested(key: string): Judge | undefined {
  const match = /^(lfs\.(?:customtransfer|extension))\..*\.([a-z]+)$/s.exec(key);
  return match === null ? undefined : KEYS[`${match[1]}.*.${match[2]}`];
}
