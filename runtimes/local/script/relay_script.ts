/**
 * The Perl program through which moat reaches ports inside a network namespace: it stands in the
 * namespace, listens on a Unix socket outside, and copies bytes.
 *
 * A client writes a port as five digits and a newline, and is answered by `+`, or by `-` and the
 * reason. 127.0.0.1 is tried, then ::1. The connection's bytes come and go in frames of four bytes of
 * length and that many bytes; the empty one ends an output, and the end of the socket without it is a
 * broken connection. The end of a client's socket ends everything: Deno ends a socket's input only
 * after what waits for its output.
 *
 * The same program makes the namespace that a run shares with its services, and keeps it there.
 *
 * @module
 */

import { commonScript } from "./common_script.ts";
import { JOIN_NETWORK } from "./join_network_script.ts";

/** The whole program, for the bootstrap; one frame of fields follows. */
export function relayProgram(arch: "amd64" | "arm64"): string {
  return commonScript(arch) + JOIN_NETWORK + RELAY_SCRIPT;
}

/**
 * Fields: directory and name of the socket; the pid whose network namespace is joined, or nothing
 * to make a new one. What stays is a process of its own, whose identity it writes into
 * `<name>.json`; standard output ends when that is there and the socket listens. Nothing happens
 * where another one serves the socket already. A joined namespace is left when that pid ends.
 */
const RELAY_SCRIPT = String.raw`
use strict; use Socket; use Fcntl qw(:DEFAULT :flock); use Errno qw(EAGAIN EINTR EINPROGRESS);
our (%NR);
my ($directory, $name, $target) = split(/\0/, frame(), -1);
close_inherited();
syscall($NR{setsid});
chdir($directory) or fail("enter $directory");
sysopen(my $lock, "$name.lock", O_RDWR | O_CREAT, 0600) or fail("make the lock of the relay");
flock($lock, LOCK_EX | LOCK_NB) or exit 0;

my $watched = -1;
if ($target ne "") {
  $watched = join_network($target);
} else {
  my ($uid, $gid) = ($> + 0, $) + 0);
  # Root's own namespace belongs to nobody inside. Where root may not make it, it is as any user.
  if ($uid != 0 || syscall($NR{unshare}, 0x40000000) == -1) {
    must("make a network namespace", "unshare", 0x50000000);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "$uid $uid 1\n");
    write_file("/proc/self/gid_map", "$gid $gid 1\n");
  }
  socket(my $socket, PF_INET, SOCK_DGRAM, 0) or fail("make a socket");
  ioctl($socket, 0x8914, my $up = pack("a16 s x22", "lo", 0x41)) or fail("bring lo up");
}
drop_privileges();
# What is ours can be looked at by whom it belongs to.
must("stay inspectable", "prctl", 4, 1, 0, 0, 0);

my $temporary = "$name.new";
unlink($temporary);
socket(my $listener, PF_UNIX, SOCK_STREAM, 0) or fail("make a socket");
umask(0177);
bind($listener, sockaddr_un($temporary)) or fail("bind the relay's socket");
listen($listener, 1024) or fail("listen on the relay's socket");
rename($temporary, $name) or fail("name the relay's socket");
my $child = fork();
fail("start a process") if !defined($child);
exit 0 if $child;
{
  open(my $stat, "<", "/proc/self/stat") or fail("look at itself");
  my ($start) = <$stat> =~ /.*\) (?:\S+ ){19}(\d+)/;
  open(my $boot, "<", "/proc/sys/kernel/random/boot_id") or fail("look at itself");
  chomp(my $id = <$boot>);
  write_file("$name.json.new", "{\"pid\":$$,\"startTime\":\"$start\",\"bootId\":\"$id\"}");
  rename("$name.json.new", "$name.json") or fail("leave a record");
}
open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
$0 = "moat-dial";
chdir("/");
$SIG{PIPE} = $SIG{INT} = $SIG{HUP} = "IGNORE";

# By file number: the socket, the number of the other end, bytes to write to it, whether its input
# and its output have ended, what is known of a client's request, which address a server tries, the
# part of a client's input that is no whole frame, and which clients are gone.
my (%socket, %peer, %out, %eof, %shut, %head, %trying, %in, %gone);
sub nonblocking { fcntl($_[0], F_SETFL, O_NONBLOCK | fcntl($_[0], F_GETFL, 0)); }
nonblocking($listener);
sub add { my ($socket) = @_; my $n = fileno($socket); nonblocking($socket); $socket{$n} = $socket; $out{$n} = ""; return $n; }
sub forget { my ($n) = @_; close($socket{$n}); delete $_->{$n} for \(%socket, %peer, %out, %eof, %shut, %head, %trying, %in, %gone); }
sub drop { my ($n) = @_; my $p = $peer{$n}; forget($_) for grep { defined && $socket{$_} } $n, $p; }
sub finish {
  my ($n) = @_; my $p = $peer{$n};
  return drop($n) if $out{$n} eq "" && defined $p && $gone{$p};
  if ((defined $p ? $eof{$p} : 1) && !$shut{$n} && $out{$n} eq "") { shutdown($socket{$n}, 1); $shut{$n} = 1; }
  return if !$shut{$n} || !$eof{$n};
  drop($n) if !defined $p || $shut{$p};
}
sub flush_out {
  my ($n) = @_;
  while ($out{$n} ne "") {
    my $sent = syswrite($socket{$n}, $out{$n});
    if (!defined $sent) { drop($n) if $! != EAGAIN && $! != EINTR; return; }
    substr($out{$n}, 0, $sent) = "";
  }
  finish($n);
}
sub refuse {
  my ($client, $reason) = @_;
  delete $head{$client}; delete $peer{$client};
  $out{$client} = "-$reason";
  flush_out($client);
}
sub answer { my ($client, $server) = @_; delete $trying{$server}; $out{$client} = "+" . $out{$client}; flush_out($client); flush_out($server) if $socket{$server}; }
sub connect_inside {
  my ($client, $port, $family) = @_;
  my $address = $family == PF_INET ? sockaddr_in($port, INADDR_LOOPBACK)
    : pack("S n L a16 L", PF_INET6, $port, 0, "\0" x 15 . "\1", 0);
  socket(my $socket, $family, SOCK_STREAM, 0) or return refuse($client, "$!");
  setsockopt($socket, 6, 1, 1);
  my $server = add($socket);
  ($peer{$client}, $peer{$server}) = ($server, $client);
  $trying{$server} = [$port, $family];
  if (connect($socket, $address)) { answer($client, $server) }
  elsif ($! != EINPROGRESS) { connect_failed($server, "$!") }
}
sub connect_failed {
  my ($server, $reason) = @_; my $client = $peer{$server}; my ($port, $family) = @{$trying{$server}};
  forget($server);
  delete $peer{$client};
  return connect_inside($client, $port, AF_INET6) if $family == PF_INET;
  refuse($client, $reason);
}
sub readable {
  my ($n) = @_;
  if (defined $head{$n}) {
    my $got = sysread($socket{$n}, $head{$n}, 6 - length($head{$n}), length($head{$n}));
    return if !defined $got && ($! == EAGAIN || $! == EINTR);
    return drop($n) if !$got;
    return if length($head{$n}) < 6;
    my ($port) = $head{$n} =~ /^(\d{5})\n\z/;
    return refuse($n, "no port") if !defined $port;
    delete $head{$n};
    return connect_inside($n, $port, PF_INET);
  }
  my $got = sysread($socket{$n}, my $data, 65536);
  if (!defined $got) { drop($n) if $! != EAGAIN && $! != EINTR; return; }
  my $p = $peer{$n};
  if (!defined $p) { drop($n) if !$got; return; }
  if ($got == 0) { $eof{$n} = 1; if (defined $in{$n}) { $gone{$n} = 1 } else { $out{$p} .= pack("N", 0) } }
  elsif (!defined $in{$n}) { $out{$p} .= pack("N", $got) . $data; }
  else { take_frames($n, $data); }
  flush_out($p) if !$trying{$p};
  finish($n) if $socket{$n} && $eof{$n} && $shut{$n};
}
sub take_frames {
  my ($n) = @_; my $p = $peer{$n};
  $in{$n} .= $_[1];
  while (length($in{$n}) >= 4) {
    my $size = unpack("N", $in{$n});
    if ($size == 0) { $eof{$n} = 1; }
    last if length($in{$n}) < 4 + $size;
    $out{$p} .= substr($in{$n}, 4, $size);
    substr($in{$n}, 0, 4 + $size) = "";
  }
}
while (1) {
  my ($r, $w) = ("", "");
  vec($r, fileno($listener), 1) = 1 if keys(%socket) < 900;
  vec($r, $watched, 1) = 1 if $watched >= 0;
  for my $n (keys %socket) {
    if ($trying{$n}) { vec($w, $n, 1) = 1; next; }
    my $p = $peer{$n};
    vec($r, $n, 1) = 1 if !$gone{$n} && (!$eof{$n} || defined $in{$n}) && (!defined $p || length($out{$p}) < 262144);
    vec($w, $n, 1) = 1 if $out{$n} ne "" && !($p && $trying{$p});
  }
  my $found = select($r, $w, undef, $target ne "" && $watched < 0 ? 0.5 : undef);
  exit 0 if $watched >= 0 && $found > 0 && vec($r, $watched, 1);
  exit 0 if $target ne "" && $watched < 0 && !-e "/proc/$target";
  next if $found <= 0;
  for my $n (keys %socket) {
    next if !$socket{$n} || !vec($w, $n, 1);
    if (!$trying{$n}) { flush_out($n); next; }
    my $error = unpack("i", getsockopt($socket{$n}, SOL_SOCKET, SO_ERROR));
    if ($error) { $! = $error; connect_failed($n, "$!"); }
    # The number may be that of a socket made since.
    elsif (getpeername($socket{$n})) { answer($peer{$n}, $n); }
  }
  for my $n (keys %socket) { readable($n) if $socket{$n} && !$trying{$n} && vec($r, $n, 1); }
  if (vec($r, fileno($listener), 1)) {
    while (keys(%socket) < 900 && accept(my $client, $listener)) { my $n = add($client); $head{$n} = $in{$n} = ""; }
  }
}
`;
