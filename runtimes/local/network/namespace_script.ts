/**
 * Perl that works on a sandbox's network namespace from outside: enters it, or hands it to a helper.
 *
 * The namespace may belong to an ancestor of its processes' user namespace, so the owner is asked of
 * the kernel. Needs perl-base alone. Numbers of system calls are those of x86_64 and arm64.
 *
 * @module
 */

const SETNS = { x86_64: 308, aarch64: 268 } as const;
const PRCTL = { x86_64: 157, aarch64: 167 } as const;

/** Opens `$net` and `$user` (undefined when it is this process's own) of process `$pid`. */
const OPEN_NAMESPACES = String.raw`
use strict; use Socket; use Fcntl; use Errno qw(EINPROGRESS);
my $pid = shift;
open(my $net, "<", "/proc/$pid/ns/net") or die "namespace: $!\n";
my $number = ioctl($net, 0xb701, 0) or die "owner of the namespace: $!\n";
open(my $user, "<&=", $number + 0) or die "owner of the namespace: $!\n";
undef $user if join(" ", (stat $user)[0, 1]) eq join(" ", (stat "/proc/self/ns/user")[0, 1]);
`;

/**
 * Runs a helper for as long as the process lives. Arguments: a file for its output (it outlives
 * moat, so no pipe), pid, then the helper's argv, in which
 * `{net}` and `{user}` stand for paths of the namespaces; `{user}` and its option before it are left
 * out when there is none. Errors of the helper go to standard error. Ends on TERM.
 */
export const SUPERVISOR = `$^F = 255;
my $log = shift; open(STDOUT, ">", $log); open(STDERR, ">&", \\*STDOUT);
${OPEN_NAMESPACES}` + String.raw`
fcntl($_, F_SETFD, 0) for grep { defined } $net, $user;
my $watched = syscall(434, $pid + 0, 0);
my @command;
for my $word (@ARGV) {
  if ($word =~ /\{user\}/ && !$user) { pop @command unless $word =~ /^--/; next; }
  $word =~ s|\{net\}|"/proc/self/fd/" . fileno $net|e;
  $word =~ s|\{user\}|"/proc/self/fd/" . fileno $user|e;
  push @command, $word;
}
my $over = 0;
$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { $over = 1 };
my $child = fork;
die "fork: $!\n" unless defined $child;
if (!$child) { $SIG{$_} = "DEFAULT" for qw(TERM INT HUP); syscall(${
  PRCTL[Deno.build.arch]
}, 1, 9, 0, 0, 0); exec @command or die "$command[0]: $!\n"; }
if ($watched >= 0) { open(my $kept, "<&=", $watched); fcntl($kept, F_SETFD, 1); our $keep = $kept; }
close $net; close $user if $user;
pipe(my $wake, my $waker); fcntl($waker, F_SETFL, O_NONBLOCK);
$SIG{CHLD} = sub { syswrite $waker, "x" };
while (!$over && waitpid($child, 1) == 0) {
  my $r = ""; vec($r, fileno $wake, 1) = 1; vec($r, $watched, 1) = 1 if $watched >= 0;
  select($r, undef, undef, $watched >= 0 ? 5 : 0.5);
  $over = 1 if $watched >= 0 ? vec($r, $watched, 1) : !kill 0, $pid;
}
exit 1 if !$over;
kill "TERM", $child;
for (1 .. 50) { exit 0 if waitpid($child, 1); select(undef, undef, undef, 0.02); }
kill "KILL", $child; waitpid($child, 0);
`;

const ENTER = OPEN_NAMESPACES + String.raw`
sub enter { syscall(${
  SETNS[Deno.build.arch]
}, fileno $_[0], $_[1]) == 0 or die "entering the namespace: $!\n"; }
enter($user, 0x10000000) if $user;
enter($net, 0x40000000);
`;

/** Keeps the ranges left in `@ARGV` inside the namespace, by routes on `$device`. */
const ROUTES = String.raw`
socket(my $index, PF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
my $request = pack("a16 x24", $device); ioctl($index, 0x8933, $request) or die "$device: $!\n";
my $interface = unpack("x16 l", $request);
socket(my $link, 16, SOCK_RAW, 0) or die "netlink: $!\n";
sub attribute { pack("S S a4", 8, $_[0], $_[1]) }
for my $range (@ARGV) {
  my ($base, $bits) = split m|/|, $range;
  my $body = pack("C C C C C C C C L", 2, $bits, 0, 0, 255, 4, 254, 2, 0)
    . attribute(1, inet_aton($base)) . attribute(4, pack("L", $interface)) . attribute(6, pack("L", 100));
  my $message = pack("L S S L L", 16 + length $body, 24, 0x605, 1, 0) . $body;
  send($link, $message, 0, pack("S S L L", 16, 0, 0, 0)) or die "netlink: $!\n";
  recv($link, my $reply, 8192, 0);
  my $error = unpack("x16 l", $reply); $! = -$error;
  die "the wall at $range: $!\n" if $error && $error != -17;
}
`;

/**
 * Tries a helper and raises the wall. Arguments: pid, seconds, address and port of a listener of
 * moat's on the host, the text that it sends, then `address/bits` to keep inside the namespace.
 *
 * The wall is routes of type local on the helper's own interface: such a packet never leaves the
 * namespace, also from a socket bound to the interface (a route of type unreachable is passed over
 * by SO_BINDTODEVICE). Dies with the reason; prints one line when all is well.
 */
export const TRIAL = ENTER + String.raw`
my ($seconds, $address, $port, $text) = splice @ARGV, 0, 4;
$SIG{ALRM} = sub { die "no connection came through within $seconds s\n" };
alarm $seconds;
my $device;
until ($device) {
  open(my $routes, "<", "/proc/self/net/route") or die "routes: $!\n";
  for (<$routes>) { my @f = split; $device = $f[0] if $f[1] eq "00000000" && $f[7] eq "00000000"; }
  select(undef, undef, undef, 0.002) unless $device;
}
sub fetch {
  socket(my $s, PF_INET, SOCK_STREAM, 0) or return "";
  connect($s, sockaddr_in($port, inet_aton($address))) or return "";
  my $got = ""; while (sysread($s, $got, 4096, length $got)) {} $got;
}
# A helper that is not quite ready may refuse the first one.
my $through = 0;
for (1 .. 3) { last if $through = fetch() eq $text; select(undef, undef, undef, 0.01) }
$through or die "the trial connection failed: $!\n";
` +
  ROUTES + String.raw`
# Routes do not hold multicast that a socket sends to the interface itself: a packet filter does,
# where the kernel has one. One rule: out by the interface, to 224.0.0.0 and above, drop.
sub part { my ($type, $data) = @_; my $length = 4 + length $data; pack("S S", $length, $type) . $data . "\0" x (-$length % 4) }
sub nest { part(0x8000 | shift, join "", @_) }
sub number { part($_[0], pack("N", $_[1])) }
sub expression { my ($name, @data) = @_; nest(1, part(1, "$name\0"), nest(2, @data)) }
sub equal { expression("cmp", number(1, 1), number(2, $_[0]), nest(3, part(1, $_[1]))) }
sub order { my ($type, $flags, $family, $resource, @parts) = @_; my $body = pack("C C n", $family, 0, $resource) . join("", @parts);
  pack("L S S L L", 16 + length $body, $type, $flags, 1, 0) . $body }
if (socket(my $filter, 16, SOCK_RAW, 12)) {
  my $batch = order(16, 1, 0, 10)
    . order(0xa00, 0x401, 2, 0, part(1, "moat\0"))
    . order(0xa03, 0x401, 2, 0, part(1, "moat\0"), part(3, "out\0"), nest(4, number(1, 3), number(2, 0)), part(7, "filter\0"))
    . order(0xa06, 0xc05, 2, 0, part(1, "moat\0"), part(2, "out\0"), nest(4,
        expression("meta", number(1, 1), number(2, 5)), equal(0, pack("L", $interface)),
        expression("payload", number(1, 1), number(2, 1), number(3, 16), number(4, 1)), equal(5, "\xe0"),
        expression("immediate", number(1, 0), nest(2, nest(2, number(1, 0))))))
    . order(17, 1, 0, 10);
  recv($filter, my $answer, 8192, 0) if send($filter, $batch, 0, pack("S S L L", 16, 0, 0, 0));
}
# The wall is of IPv4, so nothing else passes this interface.
my $six = "/proc/sys/net/ipv6/conf/$device/disable_ipv6";
if (-e $six) {
  open(my $switch, ">", $six) or die "IPv6: $!\n";
  syswrite($switch, "1") or die "IPv6: $!\n";
}
fetch() ne $text or die "the wall does not hold\n";
print "ready\n";
`;

/**
 * Extends the wall of a namespace that has one. Arguments: pid, then `address/bits`. The interface is
 * that of the default route. Dies with the reason.
 */
export const EXTENSION = ENTER + String.raw`
open(my $table, "<", "/proc/self/net/route") or die "routes: $!\n";
my ($device) = map { (split)[0] } grep { (split)[1] eq "00000000" } <$table>;
defined $device or die "the namespace has no way out\n";
` + ROUTES;
