// Runs in a sandbox without a network while a run is planned; what it returns is checked like a
// manifest's `contribution:`. The same question must get the same answer.

/** Locales by version. */
const LOCALES = {
  1: ["en_GB.UTF-8"],
  2: ["en_GB.UTF-8", "de_DE.UTF-8"],
};

export function contribute(entry, target) {
  const locales = LOCALES[entry.version];
  if (locales === undefined) throw new Error(`there are no locales for ${entry.version}`);
  return {
    // Debian 13 has a package for it; before, they come with all others.
    apt: target.suite === "trixie" ? ["locales"] : ["locales", "libc-bin"],
    layers: locales.map((locale) => ({
      kind: "run",
      group: "custom",
      script: 'localedef -i "${LOCALE%%.*}" -f UTF-8 "$LOCALE"',
      env: { LOCALE: locale },
    })),
    env: { LANG: locales[0] },
  };
}
