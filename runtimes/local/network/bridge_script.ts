/**
 * The inside half of the relay, as Perl that needs perl-base alone: copies bytes between a port
 * on 127.0.0.1 and the Unix socket of the outside half.
 *
 * One process, no fork per connection. It prints one line when the port listens. When nobody serves
 * the socket, clients get a 502 that says so; the bridge stays.
 *
 * @module
 */

/** Port inside. Above Linux' range of ephemeral ports, so that nothing takes it by chance. */
export const BRIDGE_PORT = 61080;

const BRIDGE = String.raw`
use strict; use Socket; use Fcntl; use Errno qw(EAGAIN EINTR);
socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, sockaddr_in($port, INADDR_LOOPBACK)) or die "bind: $!";
listen($listener, 1024) or die "listen: $!";
$| = 1; print "ready\n"; setpgrp(0, 0);
open STDIN, "<", "/dev/null"; open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null";
$0 = "moat-relay"; chdir "/"; $SIG{PIPE} = $SIG{INT} = $SIG{HUP} = "IGNORE";
sub nonblocking { fcntl($_[0], F_SETFL, O_NONBLOCK | fcntl($_[0], F_GETFL, 0)); }
my $parent = getppid();
nonblocking($listener);
# By file number: socket, other end (none: input is thrown away), bytes to write, input ended, output ended.
my (%socket, %peer, %out, %eof, %shut, @waiting);
sub add { my ($s, $peer) = @_; my $n = fileno $s; $socket{$n} = $s; $peer{$n} = $peer; $out{$n} = ""; }
sub drop {
  my ($n) = @_; my $p = $peer{$n};
  for my $x ($n, defined $p ? $p : ()) { close $socket{$x} if $socket{$x}; delete $_->{$x} for \(%socket, %peer, %out, %eof, %shut); }
}
sub refuse {
  my ($client) = @_; add($client, undef);
  my $text = "moat: the process that serves this sandbox's network is not running\n";
  $out{fileno $client} = "HTTP/1.1 502 moat: nobody serves this network now\r\nContent-Type: text/plain\r\nContent-Length: "
    . length($text) . "\r\nConnection: close\r\n\r\n$text";
  $eof{-fileno $client} = 1;
}
sub connect_out {
  my ($client) = @_;
  socket(my $server, PF_UNIX, SOCK_STREAM, 0) or return refuse($client);
  nonblocking($server);
  if (connect($server, sockaddr_un($path))) { add($client, fileno $server); add($server, fileno $client); }
  elsif ($! == EAGAIN) { push @waiting, $client; }
  else { refuse($client); }
}
sub finish {
  my ($n) = @_; my $p = $peer{$n};
  my $over = defined $p ? $eof{$p} : $eof{-$n};
  if ($over && !$shut{$n} && $out{$n} eq "") { shutdown($socket{$n}, 1); $shut{$n} = 1; }
  return drop($n) if $eof{$n} && (defined $p ? $eof{$p} && $out{$n} eq "" && $out{$p} eq "" : 1);
}
sub flush_out {
  my ($n) = @_;
  while ($out{$n} ne "") {
    my $sent = syswrite($socket{$n}, $out{$n});
    if (!defined $sent) { return if $! == EAGAIN || $! == EINTR; drop($n); return; }
    substr($out{$n}, 0, $sent) = "";
  }
  finish($n);
}
while (1) {
  my ($r, $w) = ("", "");
  vec($r, fileno $listener, 1) = 1 if keys(%socket) < 900 && @waiting < 50;
  for my $n (keys %socket) {
    my $p = $peer{$n};
    vec($r, $n, 1) = 1 if !$eof{$n} && (!defined $p || length $out{$p} < 262144);
    vec($w, $n, 1) = 1 if $out{$n} ne "";
  }
  # It ends with who started it, also where no process namespace sees to that.
  exit if getppid() != $parent;
  my $found = select($r, $w, undef, @waiting ? 0.02 : 5);
  next if $found < 0;
  if (@waiting) { my @again = splice @waiting; connect_out($_) for @again; }
  next if !$found;
  for my $n (keys %socket) {
    next if !$socket{$n} || !vec($w, $n, 1);
    flush_out($n);
  }
  for my $n (keys %socket) {
    next if !$socket{$n} || $eof{$n} || !vec($r, $n, 1);
    my $got = sysread($socket{$n}, my $data, 65536);
    if (!defined $got) { drop($n) unless $! == EAGAIN || $! == EINTR; next; }
    my $p = $peer{$n};
    if ($got == 0) { $eof{$n} = 1; finish($p) if defined $p; finish($n) if $socket{$n}; next; }
    if (defined $p) { $out{$p} .= $data; flush_out($p); }
  }
  if (vec($r, fileno $listener, 1)) {
    while (keys(%socket) < 900 && accept(my $client, $listener)) { nonblocking($client); connect_out($client); }
  }
}
`;

/** The program, for `perl -e`. */
export function bridgeProgram(
  { socket, port }: { readonly socket: string; readonly port: number },
): string {
  const path = socket.replace(/[\\']/g, "\\$&");
  return `my ($path, $port) = ('${path}', ${port});\n${BRIDGE}`;
}
