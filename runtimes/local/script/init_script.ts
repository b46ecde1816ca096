/**
 * Process 1 of every sandbox, in Perl: takes its orders, starts the command, forwards signals,
 * reaps, and keeps the exit code.
 *
 * Signals are read from a signalfd while all of them are blocked, so none is lost between a check
 * and a wait. The command is a child, so the default actions of signals apply to it.
 *
 * @module
 */

import type { Limits } from "../../../core/plugin/runtime.ts";
import { commonScript, fields } from "./common_script.ts";
import type { Wall } from "../walls.ts";

/** What process 1 is told once the sandbox stands. */
export interface Orders {
  /** Number of the sandbox's own pseudo terminal. */
  readonly terminal: number | undefined;
  readonly workdir: string;
  readonly preRun: string | undefined;
  /** Perl program that runs beside the command; see `Network.insideHelper`. */
  readonly helper: string | undefined;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly ulimits: NonNullable<Limits["ulimits"]>;
}

/** Resource numbers of Linux. */
const RESOURCES = [
  ...["cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks"],
  ...["sigpending", "msgqueue", "nice", "rtprio", "rttime"],
];

/** The orders as the payload of a frame. */
export function ordersFields(orders: Orders): string {
  return fields([
    orders.terminal === undefined ? "" : String(orders.terminal),
    orders.workdir,
    orders.preRun ?? "",
    orders.helper ?? "",
    orders.ulimits.map(({ name, soft, hard }) =>
      [name, RESOURCES.indexOf(name), unlimited(soft), unlimited(hard)].join(":")
    ).join(","),
    String(orders.command.length),
    ...orders.command,
    ...Object.entries(orders.env).map(([key, value]) => `${key}=${value}`),
  ]);
}

/** -1 is how users write it; Perl packs it as an unsigned number. */
function unlimited(value: number): string {
  return value < 0 ? "18446744073709551615" : String(value);
}

/** Descriptors that the launching shell opens for process 1. */
export const DESCRIPTOR = { exit: 4, status: 6 } as const;

/** The whole program of process 1. */
export function initProgram(
  { without }: { readonly without: readonly Wall[] },
  arch: "amd64" | "arm64",
): string {
  const names = without.map((wall) => `"${wall.replaceAll(" ", "-")}" => 1`).join(", ");
  return `our %without = (${names});\n${commonScript(arch)}${COMMAND_SCRIPT}${INIT_SCRIPT}`;
}

/** What a child does to become the command; shared with programs started later. */
export const COMMAND_SCRIPT = String.raw`
sub read_orders {
  my ($terminal, $workdir, $pre_run, $helper, $limits, $count, @rest) = split(/\0/, frame(), -1);
  my @command = splice(@rest, 0, $count);
  my %env = map { /^([^=]+)=(.*)$/s ? ($1 => $2) : () } @rest;
  return { terminal => $terminal, workdir => $workdir, pre_run => $pre_run, helper => $helper,
    limits => $limits, command => \@command, env => \%env };
}
sub refuse {
  my ($name, $reason, $code) = @_;
  print STDERR "moat: cannot run \"$name\": $reason\n";
  exit $code;
}
sub find_program {
  my ($name) = @_;
  return $name if $name =~ m{/};
  my $unusable;
  for my $directory (split(/:/, $ENV{PATH} // "/usr/local/bin:/usr/bin:/bin")) {
    my $path = ($directory eq "" ? "." : $directory) . "/$name";
    next if !-e $path;
    return $path if -f _ && -x _;
    $unusable = $path if !-d _;
  }
  return $unusable;
}
sub use_terminal {
  my ($number) = @_;
  syscall($NR{setsid});
  open(my $terminal, "+<", "/dev/pts/$number") or refuse("/dev/pts/$number", "$!", 126);
  ioctl($terminal, 0x540E, 0);
  open(STDIN, "<&", $terminal); open(STDOUT, ">&", $terminal); open(STDERR, ">&", $terminal);
  close($terminal);
}
sub limit_resources {
  for my $limit (split(/,/, $_[0])) {
    my ($name, $resource, $soft, $hard) = split(/:/, $limit);
    my $values = pack("QQ", $soft, $hard);
    next if $resource >= 0 && syscall($NR{prlimit64}, 0, $resource + 0, $values, 0) != -1;
    my $reason = $resource < 0 ? "this kernel has no such limit" : "$!";
    print STDERR "moat: cannot set the limit \"$name\": $reason\n";
    exit 126;
  }
}
sub become_command {
  my ($orders) = @_;
  my $unblocked = "\0" x 8;
  syscall($NR{rt_sigprocmask}, 2, $unblocked, 0, 8);
  $SIG{$_} = "DEFAULT" for qw(HUP INT QUIT PIPE TERM CHLD TSTP TTIN TTOU);
  use_terminal($orders->{terminal}) if $orders->{terminal} ne "";
  limit_resources($orders->{limits});
  %ENV = %{$orders->{env}};
  chdir($orders->{workdir}) or refuse($orders->{workdir}, "$!", 126);
  if ($orders->{pre_run} ne "") {
    # Standard input and output are the command's alone.
    my $aside = 'exec /bin/sh -e -c "$0" </dev/null >&2';
    my $status = system("/bin/sh", "-c", $aside, $orders->{pre_run});
    if ($status != 0) {
      my $code = $status == -1 ? 126 : $status & 127 ? 128 + ($status & 127) : $status >> 8;
      print STDERR "moat: Hook \"pre_run\" failed: exit code $code\n";
      exit $code;
    }
  }
  my @command = @{$orders->{command}};
  my $program = find_program($command[0]);
  refuse($command[0], "not found", 127) if !defined($program);
  refuse($command[0], "it is a directory", 126) if -d $program;
  { no warnings; exec { $program } @command; }
  my $missing = $! == 2 || $! == 20;
  refuse($command[0], $missing ? "not found" : "$!", $missing ? 127 : 126);
}
sub exit_code { return $_[0] & 127 ? 128 + ($_[0] & 127) : $_[0] >> 8 }
`;

/** The end of every sandbox's program: from here on all walls stand. */
const INIT_SCRIPT = String.raw`
sub start_helper {
  my ($program) = @_;
  pipe(my $reader, my $writer) or fail("make a pipe");
  my $pid = fork();
  fail("start the network helper") if !defined($pid);
  if (!$pid) {
    %ENV = ();
    open(STDIN, "<", "/dev/null"); open(STDOUT, ">&", $writer); open(STDERR, ">", "/dev/null");
    exec { "/usr/bin/perl" } "perl", "-e", $program;
    exit 127;
  }
  close($writer);
  sysread($reader, my $line, 100);
}
{
  my $status = adopt(6);
  my $ended = adopt(4);
  close_inherited(4, 6) if !$without{"descriptors"};
  drop_privileges(%without);
  syscall($NR{prctl}, 4, 0, 0, 0, 0) if !$without{"hidden-init"};
  syswrite($status, "ready\n");
  my $orders = read_orders();
  close($status);
  start_helper($orders->{helper}) if $orders->{helper} ne "";

  my $all = "\xff" x 8;
  must("block signals", "rt_sigprocmask", 0, $all, 0, 8);
  my $number = must("receive signals", "signalfd4", -1, $all, 8, 02000000);
  open(my $signals, "<&=", $number) or fail("receive signals");
  my $child = fork();
  fail("start a process") if !defined($child);
  become_command($orders) if !$child;
  undef $orders;
  open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");

  my $code;
  until (defined($code)) {
    my $size = sysread($signals, my $record, 128);
    next if !$size;
    my ($signal) = unpack("L", $record);
    if ($signal == 17) {
      while ((my $pid = waitpid(-1, 1)) > 0) { $code = exit_code($?) if $pid == $child; }
    } elsif ($signal != 13 && $signal != 14 && $signal != 23) {
      kill($signal, $child);
    }
  }
  syswrite($ended, "$code\n");
  exit $code;
}
`;
