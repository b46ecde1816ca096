# Becomes a user and starts a program as that user. Before that, as root, opens a port on loopback when
# it is asked for one; a second process, no longer root either, keeps it open for that user's router.
#
#   perl -e SCRIPT <uid> <gid> <group,group,...> <port or 0> <socket> <its directory> <program> [argument...]
#
# The keeper listens on 127.0.0.1 and ::1 alone. Whoever may open the socket, the user, says one line:
#
#   accept  "address port" in 64 bytes once a client has connected; then the connection is that client's
#   state   "port pid"
#   end     the keeper ends
#
# As long as nobody waits in "accept" clients wait, too, for a while: the next router takes them on.
# It ends when the socket's path is gone, and when the program that it was started with ends before
# anybody asked for a connection.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY inet_ntop);
use POSIX ();
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Errno qw(EAGAIN EINTR ENOENT EEXIST EADDRNOTAVAIL EAFNOSUPPORT);

my ($uid, $gid, $groups, $port, $path, $directory, @program) = @ARGV;
my $BLOCK = 65536;
my $PATIENCE = 10;

sub fail {
  my $doing = $port ? "serve on port $port" : "become user $uid";
  print STDERR "error: Cannot $doing: $_[0]\n";
  exit 1;
}

sub open_port {
  my ($family, $address) = @_;
  socket(my $socket, $family, SOCK_STREAM, 0) or return;
  setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($socket, $address) or return;
  listen($socket, 1024) or return;
  return $socket;
}
sub open_ports {
  my $first = open_port(PF_INET, pack_sockaddr_in($port, INADDR_LOOPBACK)) or fail("$!");
  my $second = open_port(PF_INET6, Socket::pack_sockaddr_in6($port, Socket::IN6ADDR_LOOPBACK()));
  fail("$! (on ::1)") if !$second && $! != EADDRNOTAVAIL && $! != EAFNOSUPPORT;
  return $second ? ($first, $second) : ($first);
}
sub become_user {
  my @wanted = split(/,/, $groups);
  # More than the system takes at once would leave those of root.
  my $most = (POSIX::sysconf(&POSIX::_SC_NGROUPS_MAX) || 16) - 1;
  $#wanted = $most - 1 if @wanted > $most;
  $) = join(" ", $gid, $gid, @wanted);
  POSIX::setgid($gid);
  POSIX::setuid($uid);
  my ($real) = split(/ /, $();
  my ($effective, @others) = split(/ /, $));
  my %is_wanted = map { $_ => 1 } $gid, @wanted;
  fail("the system did not make it user $uid")
    if $< != $uid || $> != $uid || $real != $gid || $effective != $gid ||
      grep({ !$is_wanted{$_} } @others) || POSIX::setuid(0);
}
sub open_control {
  umask(0077);
  (my $home = $directory) =~ s{/[^/]+$}{};
  mkdir($_, 0700) or $! == EEXIST or fail("\"$_\" cannot be made: $!") for $home, $directory;
  my (undef, undef, $mode, undef, $owner) = lstat($directory);
  fail("\"$directory\" is not a directory of user $uid with mode 0700")
    if !-d _ || $owner != $uid || $mode & 077;
  unlink($path) or $! == ENOENT or fail("\"$path\" cannot be removed: $!");
  socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or fail("$!");
  bind($socket, pack_sockaddr_un($path)) or fail("\"$path\" cannot be made: $!");
  listen($socket, 1024) or fail("$!");
  return $socket;
}

my (%peers, @waiting, $reads, $writes, $last_asked, @kept);
sub watch { vec($reads, fileno($_[0]), 1) = $_[1] }
sub add {
  my ($socket, $kind) = @_;
  fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK);
  my $peer = { socket => $socket, kind => $kind, out => "" };
  $peers{fileno($socket)} = $peer;
  watch($socket, 1);
  return $peer;
}
sub discard {
  my ($peer) = @_;
  my $number = fileno($peer->{socket});
  return if !defined($number);
  vec($reads, $number, 1) = 0;
  vec($writes, $number, 1) = 0;
  delete $peers{$number};
  @waiting = grep { $_ != $peer } @waiting if $peer->{kind} eq "waiting";
  close($peer->{socket});
  # Two that hold each other are never freed.
  delete $peer->{other};
}
sub end_both { my ($peer) = @_; discard($_) for grep { defined } $peer->{other}, $peer }

# What is left goes out first; then the end of the other side is passed on.
sub flush_out {
  my ($peer) = @_;
  while (length($peer->{out})) {
    my $count = syswrite($peer->{socket}, $peer->{out});
    if (!defined($count)) {
      next if $! == EINTR;
      last if $! == EAGAIN;
      return end_both($peer);
    }
    substr($peer->{out}, 0, $count, "");
  }
  vec($writes, fileno($peer->{socket}), 1) = length($peer->{out}) ? 1 : 0;
  return if length($peer->{out}) || !$peer->{other};
  my $other = $peer->{other};
  if (!$other->{ended}) { watch($other->{socket}, 1) }
  elsif ($peer->{ended} || $other->{gone}) { end_both($peer) }
  elsif (!$peer->{shut}) { $peer->{shut} = 1; shutdown($peer->{socket}, 1) }
}
sub carry {
  my ($peer) = @_;
  my ($other, $text) = ($peer->{other}, "");
  my $count = sysread($peer->{socket}, $text, $BLOCK);
  if (!defined($count)) {
    return if $! == EAGAIN || $! == EINTR;
    return end_both($peer);
  }
  if ($count) {
    $other->{out} .= $text;
    watch($peer->{socket}, 0);
  } else {
    $peer->{ended} = 1;
    watch($peer->{socket}, 0);
    # A side that is closed altogether takes nothing any more, not even nothing.
    $peer->{gone} = 1 if !defined(send($peer->{socket}, "", 0));
  }
  flush_out($other);
}
# Those of a router that has just stopped, or was killed, may still be listed.
sub is_waiting {
  my ($peer) = @_;
  return !defined(recv($peer->{socket}, my $text, 1, MSG_PEEK)) && $! == EAGAIN;
}
sub take_client {
  my ($listener) = @_;
  my $from = accept(my $client, $listener) or return;
  my $router = shift(@waiting);
  $router = shift(@waiting) while $router && !is_waiting($router);
  return close($client) if !$router;
  setsockopt($client, IPPROTO_TCP, TCP_NODELAY, 1);
  my $family = sockaddr_family($from);
  my ($number, $address) = $family == AF_INET ? unpack_sockaddr_in($from) : Socket::unpack_sockaddr_in6($from);
  my $peer = add($client, "client");
  $peer->{other} = $router;
  $router->{other} = $peer;
  $router->{kind} = "router";
  $router->{out} = sprintf("%-63s\n", inet_ntop($family, $address) . " $number");
  flush_out($router);
}
sub hear {
  my ($peer) = @_;
  my $count = sysread($peer->{socket}, my $text, 64);
  return if !defined($count) && ($! == EAGAIN || $! == EINTR);
  return discard($peer) if !$count;
  if ($text eq "accept\n") {
    $peer->{kind} = "waiting";
    push(@waiting, $peer);
  } elsif ($text eq "state\n") {
    syswrite($peer->{socket}, "$port $$\n");
    discard($peer);
  } elsif ($text eq "end\n") {
    unlink($path);
    # Before who asked learns of the end.
    close($_) for @kept;
    exit 0;
  } else { discard($peer) }
}

sub keep {
  my ($control, $parent, @listeners) = @_;
  @kept = @listeners;
  $0 = "moat keeps $port";
  POSIX::setsid();
  chdir("/");
  open($_->[0], $_->[1], "/dev/null") for [\*STDIN, "<"], [\*STDOUT, ">"], [\*STDERR, ">"];
  $SIG{$_} = "IGNORE" for qw(PIPE HUP INT QUIT);
  ($reads, $writes) = ("", "");
  fcntl($_, F_SETFL, fcntl($_, F_GETFL, 0) | O_NONBLOCK) for @listeners, $control;
  watch($control, 1);
  my $was_asked = 0;
  my $looked = time;
  while (1) {
    $last_asked = time if @waiting;
    $was_asked ||= @waiting;
    my $takes = @waiting || time - ($last_asked // time) > $PATIENCE ? 1 : 0;
    watch($_, $takes) for @listeners;
    select(my $readable = $reads, my $writable = $writes, undef, 1);
    if (time != $looked) {
      $looked = time;
      exit 0 if !-S $path;
      if (!$was_asked && !kill(0, $parent)) { unlink($path); exit 0 }
    }
    my @ready;
    my $bits = unpack("b*", $writable);
    push(@ready, pos($bits) - 1) while $bits =~ /1/g;
    for (@ready) { flush_out($peers{$_}) if $peers{$_} }
    @ready = ();
    $bits = unpack("b*", $readable);
    push(@ready, pos($bits) - 1) while $bits =~ /1/g;
    my %is_listener = map { fileno($_) => $_ } @listeners;
    for my $number (@ready) {
      if ($number == fileno($control)) { while (accept(my $new, $control)) { add($new, "new") } }
      elsif ($is_listener{$number}) { take_client($is_listener{$number}) }
      elsif (my $peer = $peers{$number}) {
        if ($peer->{kind} eq "new") { hear($peer) }
        elsif ($peer->{kind} eq "waiting") { discard($peer) }
        else { carry($peer) }
      }
    }
  }
}

my @listeners = $port ? open_ports() : ();
become_user();
if ($port) {
  my $control = open_control();
  my $parent = $$;
  my $keeper = fork();
  fail("$!") if !defined($keeper);
  if (!$keeper) {
    # The program is no parent that would wait for it.
    POSIX::_exit(0) if fork();
    keep($control, $parent, @listeners);
  }
  waitpid($keeper, 0);
}
{ no warnings; exec { $program[0] } @program; }
fail("\"$program[0]\" cannot be started as user $uid: $!");
