/**
 * The commands that the runtime contract runs, by intention.
 *
 * Each is a small `sh` script. Its name stands as `$0`, so that a runtime which interprets commands
 * instead of running them (the fake) can tell what is meant without reading shell.
 *
 * @module
 */

/** Scripts by name; arguments are `$1`, `$2` … */
const SCRIPTS = {
  /** Prints $1 to standard output and $2 to standard error. */
  print: `printf %s "$1"; printf %s "$2" >&2`,
  /** Ends with code $1. */
  exit: `exit "$1"`,
  /** Copies standard input to standard output. */
  copy: `exec cat`,
  /** Prints one line of $1 bytes, and a short one. */
  longLine: `head -c "$1" /dev/zero | tr '\\0' x; echo; echo end`,
  /** Prints bytes that are no text. */
  binary: `printf '\\000\\001\\377\\376\\n\\200'`,
  /** Dies by signal $1. */
  die: `kill -s "$1" $$`,
  /** Says "ready", then does nothing until it is ended. */
  idle: `echo ready; exec sleep 1000`,
  /** Says "ready", then "got" and ends with code $2 on signal $1. */
  react: `trap 'echo got; exit "$2"' "$1"; echo ready; sleep 1000 & while :; do wait; done`,
  /** Says "ready" and takes no notice of TERM. */
  stubborn: `trap '' TERM; echo ready; exec sleep 1000`,
  /** Prints variable $1. */
  variable: `printenv "$1"`,
  /** Prints the working directory. */
  workdir: `pwd`,
  /** Prints the user's and the group's id. */
  ids: `echo "$(id -u):$(id -g)"`,
  /** Writes $2 to file $1; ends with 1 when it cannot. */
  write: `printf %s "$2" >"$1" || exit 1`,
  /** Prints file $1. */
  read: `cat "$1"`,
  /** Writes into the home directory and reads it back. */
  useHome: `echo home >"$HOME/file" && cat "$HOME/file"`,
  /** Says whether the three streams are terminals, and the terminal's rows and columns. */
  terminal: `[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminal; stty size`,
  /** Says "ready", reads a line, prints the terminal's rows and columns, and so on. */
  sizes: `echo ready; while read -r _; do stty size; done`,
  /** Prints $1, waits for a line, prints $2. */
  printTwice: `echo "$1"; read -r _ && echo "$2"`,
  /** Prints lines 1 to $1, every hundredth to standard error as well. */
  count: `i=0; while [ $i -lt "$1" ]; do i=$((i+1)); echo "line $i"; ` +
    `case $i in *00) echo "error $i" >&2 ;; esac; done`,
  /** Prints the permissions of file $1. */
  mode: `stat -c %a "$1"`,
  /** Copies file $1 to file $2, says "ready" and stays. */
  keep: `cp "$1" "$2" && echo ready && exec sleep 1000`,
  /**
   * Says "ready" and listens on port $1 of address $2: sends back what comes, at its end "end",
   * and closes.
   */
  echoServer: `exec perl -MIO::Socket::INET -e '` +
    `$| = 1; $SIG{CHLD} = "IGNORE"; ($port, $address) = @ARGV; ` +
    `$server = IO::Socket::INET->new(LocalAddr => $address, LocalPort => $port, Listen => 20, ` +
    `ReuseAddr => 1) or die $@; print "ready\n"; ` +
    `for (;;) { $peer = $server->accept or next; if (fork) { close $peer; next } ` +
    `while (($count = sysread($peer, $data, 65536)) > 0) { ` +
    `for ($at = 0; $at < $count;) { $at += syswrite($peer, $data, $count - $at, $at) } } ` +
    `syswrite($peer, "end"); exit }' "$1" "$2"`,
  /** Says "ready" and listens on port $1: sends "hello" and ends its side, then prints what comes. */
  greeter: `exec perl -MIO::Socket::INET -e '` +
    `$| = 1; $server = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => $ARGV[0], ` +
    `Listen => 20, ReuseAddr => 1) or die $@; print "ready\n"; ` +
    `while ($peer = $server->accept) { syswrite($peer, "hello"); shutdown($peer, 1); ` +
    `print $data while sysread($peer, $data, 65536) > 0; print "\n"; close $peer }' "$1"`,
  /** Sends $3 to port $2 of host $1 and prints the answer. */
  request: `exec perl -MIO::Socket::INET -e '` +
    `($host, $port, $text) = @ARGV; ` +
    `$peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 1; ` +
    `syswrite($peer, $text); shutdown($peer, 1); ` +
    `print $data while sysread($peer, $data, 65536) > 0' "$1" "$2" "$3"`,
  /** Sends "number 1" to "number $3" over as many connections at once and prints the answers. */
  requests: `ulimit -n "$(ulimit -H -n)"; exec perl -MIO::Socket::INET -e '` +
    `($host, $port, $count) = @ARGV; ` +
    `@peers = map { IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 1 } ` +
    `1..$count; ` +
    `for $number (1..$count) { $peer = $peers[$number - 1]; ` +
    `syswrite($peer, "number $number"); shutdown($peer, 1) } ` +
    `for $peer (@peers) { print $data while sysread($peer, $data, 65536) > 0; print "\n" }' ` +
    `"$1" "$2" "$3"`,
  /** Sends back what port $2 of host $1 sends, to its end. */
  echoClient: `exec perl -MIO::Socket::INET -e '` +
    `($host, $port) = @ARGV; ` +
    `$peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 1; ` +
    `while (($count = sysread($peer, $data, 65536)) > 0) { ` +
    `for ($at = 0; $at < $count;) { $at += syswrite($peer, $data, $count - $at, $at) } }' ` +
    `"$1" "$2"`,
  /** Prints what port $2 of host $1 says to its end, then sends $3 there. */
  hearFirst: `exec perl -MIO::Socket::INET -e '` +
    `$| = 1; ($host, $port, $text) = @ARGV; ` +
    `$peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 1; ` +
    `print $data while sysread($peer, $data, 65536) > 0; ` +
    `syswrite($peer, $text)' "$1" "$2" "$3"`,
  /** Sends $3 bytes to port $2 of host $1, then prints "sent". */
  flood: `exec perl -MIO::Socket::INET -e '` +
    `($host, $port, $bytes) = @ARGV; $data = "x" x 65536; ` +
    `$peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 1; ` +
    `while ($bytes > 0) { ` +
    `$bytes -= syswrite($peer, $data, $bytes < 65536 ? $bytes : 65536) || exit 1 } ` +
    `print "sent\n"' "$1" "$2" "$3"`,
  /** Connects to port $2 of host $1, says "ready" and reads nothing. */
  deaf: `exec perl -MIO::Socket::INET -e '` +
    `$| = 1; ($host, $port) = @ARGV; ` +
    `$peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 1; ` +
    `print "ready\n"; sleep 1000' "$1" "$2"`,
  /** Prints "alone" where no route leads anywhere but to itself. */
  isolated: `[ -r /proc/net/dev ] || exit 1; ` +
    `sed 1d /proc/net/route 2>/dev/null | cut -f1 | grep -qv '^lo$' || echo alone`,
  /** Waits until file $1 is there, then prints $2. */
  awaitFile: `while [ ! -e "$1" ]; do sleep 0.05; done; echo "$2"`,
} as const;

/** The name of a program. */
export type ProgramName = keyof typeof SCRIPTS;

/** The argv of a program. */
export function program(name: ProgramName, ...args: readonly (string | number)[]): string[] {
  return ["sh", "-c", SCRIPTS[name], name, ...args.map(String)];
}

/** The program behind an argv that `program` made, or `undefined`. */
export function parseProgram(
  command: readonly string[],
): { readonly name: string; readonly args: readonly string[] } | undefined {
  const [shell, flag, , name, ...args] = command;
  return shell === "sh" && flag === "-c" && name !== undefined ? { name, args } : undefined;
}

/** Hooks by name: scripts to run before the command. */
const HOOKS = {
  /** Writes the user's id to /tmp/from-hook. */
  writeUserId: "# a comment\nif true; then\n  id -u | tee /tmp/from-hook\nfi\n",
  /** Writes variable SECRET to /tmp/from-hook. */
  writeSecret: "printenv SECRET >/tmp/from-hook-new\nmv /tmp/from-hook-new /tmp/from-hook\n",
  /** Fails in its first line. */
  fail: "false\nexit 0\n",
} as const;

/** The text of a hook. */
export function hook(name: keyof typeof HOOKS): string {
  return HOOKS[name];
}

/** The name of a hook that `hook` gave, or `undefined`. */
export function parseHook(text: string): keyof typeof HOOKS | undefined {
  if (text === HOOKS.writeUserId) return "writeUserId";
  if (text === HOOKS.writeSecret) return "writeSecret";
  return text === HOOKS.fail ? "fail" : undefined;
}
