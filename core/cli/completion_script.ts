/**
 * Completion scripts for bash, zsh and fish, generated from the command values.
 *
 * Each script is a table of words; only names of runs and services are asked for, with the hidden
 * command `moat _complete`.
 *
 * @module
 */

import type { Command, Completion, Flag, LeafCommand } from "./command.ts";

/** One command as scripts see it: its words and what its values complete with. */
interface Entry {
  /** `run`, or `deps list`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** What the first word without dashes completes with. */
  readonly first: Completion;
  readonly choices: readonly string[];
}

/** The script for `bash`, `zsh` or `fish`. */
export function completionScript(shell: string, commands: readonly Command[]): string {
  const entries = commands.filter(({ hidden }) => !hidden).flatMap(entriesOf);
  if (shell === "fish") return fishScript(entries);
  const table = bashTable(entries);
  return shell === "zsh" ? zshScript(table) : bashScript(table);
}

function entriesOf(command: Command): Entry[] {
  if ("subcommands" in command) {
    const names = command.subcommands.map(({ name }) => name);
    return [
      { path: [command.name], summary: command.summary, flags: [], first: "none", choices: names },
      ...command.subcommands.flatMap((leaf) => leafEntries(leaf, [command.name])),
    ];
  }
  return leafEntries(command, []);
}

function leafEntries(leaf: LeafCommand, parents: readonly string[]): Entry[] {
  const positional = leaf.positionals[0];
  return [leaf.name, ...leaf.aliases ?? []].map((name) => ({
    path: [...parents, name],
    summary: leaf.summary,
    flags: leaf.flags.filter(({ hidden }) => !hidden),
    first: positional?.complete ?? "none",
    choices: positional?.choices ?? [],
  }));
}

function completionOf({ value }: Flag): Completion {
  return value?.kind === "text" ? value.complete ?? "none" : "none";
}

function flagWords(flag: Flag): string[] {
  return [`--${flag.name}`, ...flag.short === undefined ? [] : [`-${flag.short}`]];
}

/** The `case` table that bash and zsh share; sets `offered` and `kind`. */
function bashTable(entries: readonly Entry[]): string {
  const top = entries.filter(({ path }) => path.length === 1).map(({ path }) => path[0]);
  const valueCases = entries.flatMap(({ path, flags }) =>
    flags.filter(({ value }) => value !== undefined).map((flag) => {
      const patterns = flagWords(flag).map((word) => `"${path.join(" ")} ${word}"`).join("|");
      const { value } = flag;
      const words = value?.kind === "choice" ? value.choices.join(" ") : "";
      return `    ${patterns}) kind=${completionOf(flag)} offered="${words}"; return;;`;
    })
  );
  const commandCases = entries.map(({ path, flags, first, choices }) => {
    const words = [...choices, ...flags.map(({ name }) => `--${name}`), "--help"].join(" ");
    return `    "${path.join(" ")}") kind=${first} offered="${words}";;`;
  });
  return [
    "_moat_words() {",
    '  local command="$1" previous="$2"',
    "  kind=none offered=",
    '  case "$command $previous" in',
    ...valueCases,
    "  esac",
    '  case "$command" in',
    `    "") offered="${top.join(" ")} --help --version";;`,
    ...commandCases,
    "  esac",
    "}",
  ].join("\n");
}

function bashScript(table: string): string {
  return `# bash completion for moat: source <(moat completions bash)
${table}
_moat() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local kind offered command="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      --) return;;
      -*) ;;
      *) _moat_words "$command" ""
         [[ " $offered " == *" \${COMP_WORDS[i]} "* ]] && command="\${command:+$command }\${COMP_WORDS[i]}";;
    esac
  done
  _moat_words "$command" "$previous"
  case "$kind" in
    run|service) offered="$offered $(moat _complete "\${kind}s" 2>/dev/null)";;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current");;
    directory) mapfile -t COMPREPLY < <(compgen -d -- "$current");;
  esac
  local word
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$offered" -- "$current")
}
complete -F _moat moat
`;
}

function zshScript(table: string): string {
  return `#compdef moat
# zsh completion for moat: source <(moat completions zsh)
${table}
_moat() {
  local kind offered command="" i previous="\${words[CURRENT-1]}"
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      --) _files; return;;
      -*) ;;
      *) _moat_words "$command" ""
         [[ " $offered " == *" \${words[i]} "* ]] && command="\${command:+$command }\${words[i]}";;
    esac
  done
  _moat_words "$command" "$previous"
  case "$kind" in
    run|service) offered="$offered $(moat _complete "\${kind}s" 2>/dev/null)";;
    file) _files;;
    directory) _files -/;;
  esac
  compadd -- \${=offered}
}
compdef _moat moat
`;
}

function fishScript(entries: readonly Entry[]): string {
  const lines = [
    "# fish completion for moat: moat completions fish | source",
    "complete -c moat -f",
  ];
  for (const { path, summary, flags, first, choices } of entries) {
    const [command, sub] = path;
    const parent = sub === undefined
      ? "__fish_use_subcommand"
      : `__fish_seen_subcommand_from ${command}`;
    const words = sub ?? command ?? "";
    lines.push(`complete -c moat -n '${parent}' -a ${words} -d '${quoted(summary)}'`);
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    if (sub === undefined && choices.length > 0) {
      lines.push(`complete -c moat -n '${seen}' -a '${choices.join(" ")}'`);
    }
    if (first === "run" || first === "service") {
      lines.push(`complete -c moat -n '${seen}' -a '(moat _complete ${first}s)'`);
    }
    if (first === "directory") {
      lines.push(`complete -c moat -n '${seen}' -a '(__fish_complete_directories)'`);
    }
    for (const flag of flags) lines.push(`complete -c moat -n '${seen}' ${fishFlag(flag)}`);
  }
  return lines.join("\n") + "\n";
}

function fishFlag(flag: Flag): string {
  const words = [`-l ${flag.name}`];
  if (flag.short !== undefined) words.push(`-s ${flag.short}`);
  if (flag.value !== undefined) words.push("-r");
  if (flag.value?.kind === "choice") words.push(`-a '${flag.value.choices.join(" ")}'`);
  if (completionOf(flag) === "file") words.push("-F");
  words.push(`-d '${quoted(flag.summary)}'`);
  return words.join(" ");
}

/** For fish's single quotes. */
function quoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}
