/**
 * The relay's half inside: a program in perl, with modules of perl-base alone, as slim images have no
 * more.
 *
 * It listens on a port of the loopback, connects where it is told to, and carries all connections
 * over its standard streams, see `frames.ts`. It ends with its standard input, so nothing stays when
 * moat is gone. Nothing it does waits for one connection: what cannot be written yet is kept, which is
 * never more than was granted.
 *
 * @module
 */

import { MAX_DATA_BYTES, SAYS, WINDOW_BYTES } from "./frames.ts";

/** More wait in the kernel until one ends; see `relay_link.ts`. */
export const MAX_CONNECTIONS = 4_000;

/** What is kept for standard output before connections are read on. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Listens on the port that is its first argument, if there is one, on 127.0.0.1 and, where there is
 * one, ::1. Where that fails it says so and ends.
 */
export const RELAY_LISTEN = String.raw`
use strict;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Errno qw(EAGAIN EINTR EADDRINUSE EINPROGRESS EMFILE ENFILE);
$SIG{PIPE} = "IGNORE";
my ($port) = @ARGV;
$0 = "moat-relay";
# A process with which it ends, and the file that tells of its end.
our ($target, $watched);
# By a connection's number, and by its file's.
my (%named, %at);
my ($reads, $writes, $input, $output, $last) = ("", "", "", "", 0);
my @listeners;

sub say_that { my ($name, $says, $data) = @_; $output .= pack("NCn/a*", $name, $says, $data); }
sub send_output {
  while (length $output) {
    my $count = syswrite(STDOUT, $output, 262144);
    if (!defined $count) { exit 0 if $! != EAGAIN && $! != EINTR; last; }
    substr($output, 0, $count, "");
  }
  vec($writes, 1, 1) = length $output ? 1 : 0;
}
sub nonblocking { fcntl($_[0], F_SETFL, O_NONBLOCK | fcntl($_[0], F_GETFL, 0)); }
sub give_up { say_that(0, ${SAYS.ready}, $_[0]); send_output(); exit 1; }

sub address {
  my ($host, $port) = @_;
  my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
  my $ip = inet_pton($family, $host);
  return ($family, $family == AF_INET ? pack_sockaddr_in($port, $ip) : pack_sockaddr_in6($port, $ip));
}
for my $host ($port ? ("127.0.0.1", "::1") : ()) {
  my ($family, $to) = address($host, $port);
  my $made = socket(my $listener, $family, SOCK_STREAM, 0);
  setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1) if $made;
  if ($made && bind($listener, $to) && listen($listener, 4096)) { push @listeners, $listener; }
  # Not every container has IPv6.
  elsif ($family == AF_INET || $! == EADDRINUSE) { give_up($! == EADDRINUSE ? "taken" : "$!"); }
}
`;

/** Comes behind {@linkcode RELAY_LISTEN}: serves until its standard input ends. */
export const RELAY_SERVE = String.raw`
nonblocking($_) for @listeners, *STDOUT;
# Wider pipes (F_SETPIPE_SZ) are filled and emptied in fewer turns; what is no pipe stays as it is.
fcntl($_, 1031, 1048576) for *STDIN, *STDOUT;
sub listening { vec($reads, fileno($_), 1) = $_[0] for @listeners; }
listening(1);
vec($reads, 0, 1) = 1;
vec($reads, $watched, 1) = 1 if defined $watched;

sub forget {
  my ($c) = @_;
  my $n = $c->{file};
  vec($reads, $n, 1) = vec($writes, $n, 1) = 0;
  delete $at{$n}; delete $named{$c->{name}};
  close($c->{socket});
  listening(1);
}
sub broke { my ($c) = @_; say_that($c->{name}, ${SAYS.gone}, "") if !$c->{gone}; forget($c); }
sub finish {
  my ($c) = @_;
  return forget($c) if $c->{gone};
  if ($c->{ended} && !$c->{shut}) { shutdown($c->{socket}, 1); $c->{shut} = 1; }
  forget($c) if $c->{shut} && $c->{over};
}
# Writes what was received for it.
sub give {
  my ($c) = @_;
  while (length $c->{out}) {
    my $count = syswrite($c->{socket}, $c->{out});
    if (!defined $count) { return broke($c) if $! != EAGAIN && $! != EINTR; last; }
    substr($c->{out}, 0, $count, "");
    $c->{given} += $count;
  }
  if ($c->{given} >= ${WINDOW_BYTES / 2}) {
    say_that($c->{name}, ${SAYS.grant}, pack("N", $c->{given})) if !$c->{gone};
    $c->{given} = 0;
  }
  vec($writes, $c->{file}, 1) = length $c->{out} ? 1 : 0;
  finish($c) if !length $c->{out};
}
# Reads what may be sent, and no more than its share of a turn.
sub take {
  my ($c, $share) = @_;
  my $size = $c->{granted} < $share ? $c->{granted} : $share;
  my $count = sysread($c->{socket}, my $data, $size);
  if (!defined $count) { broke($c) if $! != EAGAIN && $! != EINTR; return; }
  if ($count == 0) {
    $c->{over} = 1;
    vec($reads, $c->{file}, 1) = 0;
    say_that($c->{name}, ${SAYS.end}, "");
    return finish($c) if !length $c->{out};
    return;
  }
  $c->{granted} -= $count;
  vec($reads, $c->{file}, 1) = 0 if !$c->{granted};
  $output .= pack("NCn", $c->{name}, ${SAYS.data}, $count);
  $output .= $data;
}
sub welcome {
  my ($listener) = @_;
  while (keys(%named) < ${MAX_CONNECTIONS}) {
    if (!accept(my $socket, $listener)) {
      # One that ends makes room.
      listening(0) if ($! == EMFILE || $! == ENFILE) && %named;
      return;
    } else {
      nonblocking($socket);
      setsockopt($socket, 6, 1, 1);
      my $n = fileno($socket);
      my $c = { socket => $socket, file => $n, name => ++$last, out => "", given => 0, granted => ${WINDOW_BYTES} };
      $at{$n} = $named{$last} = $c;
      vec($reads, $n, 1) = 1;
      say_that($last, ${SAYS.open}, "");
    }
  }
  listening(0);
}
# Tries the next address; the connection is in $at while it is being made.
sub connect_on {
  my ($c) = @_;
  while (defined(my $host = shift @{$c->{hosts}})) {
    my ($family, $to) = address($host, $c->{port});
    socket(my $socket, $family, SOCK_STREAM, 0) or next;
    nonblocking($socket);
    setsockopt($socket, 6, 1, 1);
    my $made = connect($socket, $to);
    next if !$made && $! != EINPROGRESS;
    my $n = $c->{file} = fileno($socket);
    $c->{socket} = $socket;
    $at{$n} = $c;
    return connected($c) if $made;
    vec($writes, $n, 1) = 1;
    return;
  }
  delete $named{$c->{name}};
  say_that($c->{name}, ${SAYS.gone}, "");
}
sub connected {
  my ($c) = @_;
  delete $c->{hosts};
  vec($writes, $c->{file}, 1) = 0;
  vec($reads, $c->{file}, 1) = 1;
  say_that($c->{name}, ${SAYS.open}, "");
}
sub connect_ended {
  my ($c) = @_;
  return connected($c) if !unpack("i", getsockopt($c->{socket}, SOL_SOCKET, SO_ERROR));
  vec($writes, $c->{file}, 1) = 0;
  delete $at{$c->{file}};
  close($c->{socket});
  connect_on($c);
}
sub connect_to {
  my ($name, $to) = @_;
  my ($port, @hosts) = split(/ /, $to);
  my $c = { name => $name, port => $port, hosts => \@hosts, out => "", given => 0, granted => ${WINDOW_BYTES} };
  $named{$name} = $c;
  connect_on($c);
}
sub obey {
  my ($c, $says, $data) = @_;
  if ($says == ${SAYS.data}) { $c->{out} .= $data; give($c); }
  elsif ($says == ${SAYS.grant}) {
    $c->{granted} += unpack("N", $data);
    vec($reads, $c->{file}, 1) = 1 if !$c->{over};
  }
  elsif ($says == ${SAYS.end}) { $c->{ended} = 1; finish($c) if !length $c->{out}; }
  elsif ($says == ${SAYS.gone}) {
    $c->{gone} = $c->{over} = 1;
    vec($reads, $c->{file}, 1) = 0;
    finish($c) if !length $c->{out};
  }
}
sub listen_to_moat {
  if (!sysread(STDIN, $input, 262144, length $input)) { exit 0; }
  my $from = 0;
  while (length($input) - $from >= 7) {
    my ($name, $says, $size) = unpack("NCn", substr($input, $from, 7));
    last if length($input) - $from < 7 + $size;
    my $data = substr($input, $from + 7, $size);
    if ($says == ${SAYS.connect}) { connect_to($name, $data); }
    else { my $c = $named{$name}; obey($c, $says, $data) if $c; }
    $from += 7 + $size;
  }
  substr($input, 0, $from, "");
}
# The numbers of the files whose bits are set.
sub files { my $bits = unpack("b*", $_[0]); my @found; push @found, pos($bits) - 1 while $bits =~ /1/g; return @found; }

say_that(0, ${SAYS.ready}, "");
send_output();
while (1) {
  my ($r, $w) = ($reads, $writes);
  # Who has not been heard yet is not asked for more; moat itself is always listened to.
  if (length $output > ${MAX_OUTPUT_BYTES}) { $r = ""; vec($r, 0, 1) = 1; }
  my $found = select($r, $w, undef, $target && !defined $watched ? 0.5 : undef);
  exit 0 if defined $watched ? $found > 0 && vec($r, $watched, 1) : $target && !-e "/proc/$target";
  next if $found <= 0;
  listen_to_moat() if vec($r, 0, 1);
  for my $n (files($w)) {
    my $c = $at{$n};
    if ($c) { $c->{hosts} ? connect_ended($c) : give($c); }
  }
  my @ready = files($r);
  my $share = int(${MAX_OUTPUT_BYTES} / (@ready || 1));
  $share = $share < 4096 ? 4096 : $share > ${MAX_DATA_BYTES} ? ${MAX_DATA_BYTES} : $share;
  for my $n (@ready) { take($at{$n}, $share) if $at{$n} && vec($reads, $n, 1); }
  for my $listener (@listeners) { welcome($listener) if vec($r, fileno($listener), 1); }
  send_output() if length $output;
}
`;
