/**
 * The program that stands inside a run and does what the test tells it: listens on the run's
 * endpoints and connects to the router, and carries all of it as frames on its input and output.
 *
 * A frame is a letter, a connection's number and a length (4 bytes each), and so many bytes. Numbers
 * of connections that the test opens are even, those of accepted ones odd. Needs perl-base only.
 *
 * @module
 */

/** `perl puppet.pl <port of lane 0> <port of lane 1> …` */
export const PUPPET_SCRIPT = String.raw`
use strict; use warnings; use Socket; use IO::Handle; use Errno qw(EAGAIN EINPROGRESS EINTR);
$SIG{PIPE} = 'IGNORE';
binmode STDIN; binmode STDOUT;
my (%lane, %link, %number);
my ($next, $input) = (1, "");

sub report { my ($letter, $id, $data) = @_; my $frame = pack("a1NN", $letter, $id, length $data) . $data;
  while (length $frame) { my $n = syswrite STDOUT, $frame; if (defined $n) { substr $frame, 0, $n, "" } elsif (!$!{EINTR}) { exit 1 } } }

sub keep { my ($socket, $id) = @_; $socket->blocking(0); setsockopt $socket, 6, 1, 1;
  $number{fileno $socket} = $id; $link{$id} = { socket => $socket, out => "", reads => 1 } }

sub forget { my ($id) = @_; my $l = delete $link{$id} or return;
  delete $number{fileno $l->{socket}}; close $l->{socket} }

sub flush_link { my ($id) = @_; my $l = $link{$id} or return;
  while (length $l->{out}) {
    my $n = syswrite $l->{socket}, $l->{out}, 65536;
    if (defined $n) { substr $l->{out}, 0, $n, ""; next }
    return if $!{EAGAIN} || $!{EINTR};
    report('X', $id, ""); return forget($id);
  }
  if (defined(my $then = delete $l->{then})) { $then eq 'F' ? shutdown $l->{socket}, 1 : forget($id) } }

sub obey { my ($letter, $id, $data) = @_;
  if ($letter eq 'C') {
    socket my $s, PF_INET, SOCK_STREAM, 6 or die "socket: $!"; keep($s, $id);
    connect $s, sockaddr_in($data, INADDR_LOOPBACK) or $!{EINPROGRESS} or do { report('X', $id, ""); forget($id) };
    return;
  }
  my $l = $link{$id} or return;
  if ($letter eq 'D') { $l->{out} .= $data; flush_link($id) }
  elsif ($letter eq 'F' || $letter eq 'X') { $l->{then} = $letter; flush_link($id) }
  elsif ($letter eq 'R') { setsockopt $l->{socket}, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0); forget($id) }
  elsif ($letter eq 'P') { $l->{reads} = 0 }
  elsif ($letter eq 'G') { $l->{reads} = 1 } }

for my $index (0 .. $#ARGV) {
  socket my $s, PF_INET, SOCK_STREAM, 6 or die "socket: $!";
  setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1;
  bind $s, sockaddr_in($ARGV[$index], INADDR_ANY) or die "bind: $!"; listen $s, 256 or die "listen: $!";
  $s->blocking(0); $lane{fileno $s} = [$s, $index];
}
report('L', 0, "");

while (1) {
  my ($r, $w) = ("", "");
  vec($r, 0, 1) = 1;
  vec($r, $_, 1) = 1 for keys %lane;
  for my $l (values %link) {
    my $n = fileno $l->{socket};
    vec($r, $n, 1) = 1 if $l->{reads};
    vec($w, $n, 1) = 1 if length $l->{out};
  }
  next if select($r, $w, undef, undef) < 0;
  if (vec $r, 0, 1) {
    my $n = sysread STDIN, $input, 262144, length $input;
    exit 0 if defined $n && $n == 0;
    my $at = 0;
    while (length($input) - $at >= 9) {
      my ($letter, $id, $size) = unpack "a1NN", substr $input, $at, 9;
      last if length($input) - $at - 9 < $size;
      obey($letter, $id, substr $input, $at + 9, $size); $at += 9 + $size;
    }
    substr $input, 0, $at, "";
  }
  for my $n (keys %lane) {
    next unless vec $r, $n, 1;
    my ($listener, $index) = @{ $lane{$n} };
    while (accept my $s, $listener) { keep($s, $next); report('A', $next, $index); $next += 2 }
  }
  for my $n (keys %number) {
    my $id = $number{$n}; next unless defined $id;
    flush_link($id) if vec $w, $n, 1;
    my $l = $link{$id} or next;
    next unless $l->{reads} && vec $r, $n, 1;
    my $count = sysread $l->{socket}, my $data, 65536;
    if ($count) { report('D', $id, $data) }
    elsif (defined $count) { $l->{reads} = 0; report('F', $id, "") }
    elsif (!$!{EAGAIN} && !$!{EINTR}) { report('X', $id, ""); forget($id) }
  }
}
`;
