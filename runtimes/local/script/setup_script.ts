/**
 * The Perl program that builds a sandbox without bubblewrap: namespaces, mounts, pivot_root.
 *
 * The outer process waits in the host's process namespace; its child becomes process 1, carries
 * the mounts out in the order given and goes on as `INIT_SCRIPT`, started anew. Mount points are opened component
 * by component without following symbolic links, as the project's own files could be such links.
 *
 * @module
 */

/** Comes behind `commonScript()`; the bootstrap and the program of process 1 follow as frames. */
export const SETUP_SCRIPT = String.raw`
my ($private, $switches_user, $uid, $gid, $attached, $hostname, $root, $taken_out, @operations) =
  split(/\0/, frame(), -1);
our %without = map { $_ => 1 } split(/,/, $taken_out);
my ($host_uid, $host_gid) = ($> + 0, $) + 0);
my ($owner_uid, $owner_gid) = $switches_user ? ($uid, $gid) : (0, 0);

# Walks to a mount point below the new root, makes what is missing, returns an O_PATH descriptor.
sub place {
  my ($target, $is_directory) = @_;
  my $at = must("open $root", "openat", -100, $root, 010000000 | 02000000 | $O_DIRECTORY);
  my @parts = grep { $_ ne "" } split(m{/}, $target);
  while (@parts) {
    my $part = shift @parts;
    my $directory = @parts || $is_directory;
    my $flags = 010000000 | 02000000 | $O_NOFOLLOW;
    my $next = syscall($NR{openat}, $at, $part, $flags);
    if ($next == -1 && $! == 2) {
      if ($directory) {
        my $made = syscall($NR{mkdirat}, $at, $part, 0755);
        fail("make the mount point $target") if $made == -1 && $! != 17;
      } else {
        my $file = must("make the mount point $target", "openat", $at, $part, 0101 | 0200 | $O_NOFOLLOW | 02000000, 0644);
        syscall($NR{close}, $file);
      }
      $next = syscall($NR{openat}, $at, $part, $flags);
    }
    fail("open the mount point $target") if $next == -1;
    my $kind = (stat("/proc/self/fd/$next"))[2] & 0170000;
    if ($kind == 0120000 || ($directory && $kind != 0040000) || (!$directory && $kind == 0040000)) {
      print STDERR "moat: cannot mount at $target: \"$part\" in it is ",
        $kind == 0120000 ? "a symbolic link\n" : "of another kind\n";
      exit 125;
    }
    syscall($NR{close}, $at);
    $at = $next;
  }
  return $at;
}
sub mount_at {
  my ($source, $target, $type, $flags, $options, $is_directory) = @_;
  my $at = place($target, $is_directory);
  my $path = "/proc/self/fd/$at";
  must("mount $source at $target", "mount", $source, $path, $type, $flags, $options);
  syscall($NR{close}, $at);
}
# nosuid, nodev and, where asked, read-only: on the mount and on everything mounted below it.
sub restrict {
  my ($target, $read_only, $devices, $is_directory) = @_;
  my $attributes = ($read_only ? 1 : 0) | 2 | ($devices ? 0 : 4);
  $attributes &= 1 if $without{"mount-flags"};
  my $at = place($target, $is_directory);
  my ($empty, $request) = ("", pack("QQQQ", $attributes, 0, 0, 0));
  my $result = $without{"mount_setattr"} ? -1
    : syscall($NR{mount_setattr}, $at, $empty, 0x1000 | 0x8000, $request, 32);
  my $missing = $without{"mount_setattr"} || $! == 38;
  syscall($NR{close}, $at);
  return if $result != -1;
  fail("restrict $target") if !$missing;
  my %bits = (ro => 1, nosuid => 2, nodev => 4, noexec => 8, noatime => 1024, nodiratime => 2048,
    relatime => 2097152);
  my $top = "$root$target";
  open(my $table, "<", "/proc/self/mountinfo") or fail("read mountinfo");
  for my $line (<$table>) {
    my (undef, undef, undef, undef, $point, $options) = split(/ /, $line);
    $point =~ s/\\([0-7]{3})/chr(oct($1))/ge;
    next if $point ne $top && index($point, "$top/") != 0;
    my $flags = 0;
    $flags |= $bits{$_} // 0 for split(/,/, $options);
    $flags |= 32 | 4096 | ($attributes & 7);
    my $none = "none";
    must("restrict $point", "mount", $none, $point, $none, $flags, 0);
  }
}
sub bind_at {
  my ($source, $target, $read_only, $devices) = @_;
  stat($source) or fail("mount $source at $target");
  my $is_directory = -d _;
  mount_at($source, $target, "none", 4096 | 16384, 0, $is_directory);
  restrict($target, $read_only, $devices, $is_directory);
}
sub link_at {
  my ($text, $target) = @_;
  my ($parent) = $target =~ m{^(.*)/[^/]+$};
  syscall($NR{close}, place($parent, 1));
  symlink($text, "$root$target") or fail("make the link $target");
}
my %operation = (
  directory => sub { my (undef, $target, $mode) = @_;
    syscall($NR{close}, place($target, 1)); chmod(oct($mode), "$root$target") },
  link => sub { link_at($_[0], $_[1]) },
  bind => sub { bind_at($_[0], $_[1], 0, $_[1] eq "/dev") },
  "bind-read-only" => sub { bind_at($_[0], $_[1], 1, 0) },
  tmpfs => sub { mount_at("tmpfs", $_[1], "tmpfs", 6,
    "mode=$_[2],uid=$owner_uid,gid=$owner_gid", 1) },
  "read-only" => sub { return if !-e "$root$_[1]"; bind_at("$root$_[1]", $_[1], 1, 0) },
  mask => sub { return if !-e "$root$_[1]"; 
    if (-d _) { mount_at("tmpfs", $_[1], "tmpfs", 7, "mode=0555", 1) }
    else { bind_at("/dev/null", $_[1], 1, 1) } },
  proc => sub {
    mount_at("proc", $_[1], "proc", 14, 0, 1);
    write_file("$root$_[1]/sys/user/max_user_namespaces", "1") if !$without{"nested-namespaces"};
  },
  devices => sub {
    mount_at("tmpfs", "/dev", "tmpfs", 10, "mode=0755", 1);
    bind_at("/dev/$_", "/dev/$_", 0, 1) for qw(null zero full random urandom tty);
    mount_at("devpts", "/dev/pts", "devpts", 10, "newinstance,ptmxmode=0666,mode=620", 1);
    link_at("pts/ptmx", "/dev/ptmx");
    link_at("/proc/self/fd", "/dev/fd");
    link_at("/proc/self/fd/$_->[0]", "/dev/$_->[1]")
      for [0, "stdin"], [1, "stdout"], [2, "stderr"];
    mount_at("tmpfs", "/dev/shm", "tmpfs", 6, "mode=1777", 1);
  },
  seal => sub {
    my $path = "$root$_[1]";
    my $none = "none";
    my $devices = $_[1] eq "/dev" ? 0 : 4;
    must("seal $_[1]", "mount", $none, $path, $none, 32 | 4096 | 1 | 2 | $devices, 0);
  },
);

sub enter_namespaces {
  if ($attached) { must("tie the sandbox to moat", "prctl", 1, 9, 0, 0, 0) }
  if ($host_uid == 0) { syscall($NR{setgroups}, 0, 0) }
  my ($reader, $writer, $mapper);
  if ($switches_user) {
    # Two ids in one map can only be written from outside.
    pipe($reader, $writer) or fail("make a pipe");
    my $me = $$;
    $mapper = fork();
    fail("start a process") if !defined($mapper);
    if (!$mapper) {
      close($writer);
      sysread($reader, my $byte, 1) or exit 125;
      write_file("/proc/$me/uid_map", "0 0 1\n$uid $uid 1\n");
      write_file("/proc/$me/gid_map", $gid == 0 ? "0 0 1\n" : "0 0 1\n$gid $gid 1\n");
      exit 0;
    }
    close($reader);
  }
  my $flags = 0x10000000 | 0x20000;
  $flags |= 0x20000000 if !$without{"processes"};
  $flags |= 0x08000000 if !$without{"ipc"};
  $flags |= 0x04000000 if !$without{"hostname"};
  $flags |= 0x02000000 if !$without{"cgroup"};
  $flags |= 0x40000000 if $private && !$without{"network"};
  must("make namespaces", "unshare", $flags);
  if ($switches_user) {
    syswrite($writer, "1");
    waitpid($mapper, 0);
    exit 125 if $? != 0;
  } else {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 $host_uid 1\n");
    write_file("/proc/self/gid_map", "0 $host_gid 1\n");
  }
}
# The command's own user namespace owns none of the others: capabilities in it reach nothing.
sub enter_inner_user_namespace {
  if ($switches_user) {
    must("change the group", "setresgid", $gid + 0, $gid + 0, $gid + 0);
    must("change the user", "setresuid", $uid + 0, $uid + 0, $uid + 0);
    must("stay inspectable", "prctl", 4, 1, 0, 0, 0);
  }
  my $outer_uid = $switches_user ? $uid : 0;
  my $outer_gid = $switches_user ? $gid : 0;
  must("make the inner user namespace", "unshare", 0x10000000);
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "$uid $outer_uid 1\n");
  write_file("/proc/self/gid_map", "$gid $outer_gid 1\n");
}

close_inherited(3, 4, 6);
syscall($NR{setsid}) if !$without{"session"};
enter_namespaces();
my $first = fork();
fail("start a process") if !defined($first);
if ($first) {
  exit 0 if !$attached;
  open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
  syscall($NR{close}, $_) for (4, 6);
  waitpid($first, 0);
  exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}
syscall($NR{setsid}) if !$without{"session"};
{
  my ($none, $slash, $tmpfs) = ("none", "/", "tmpfs");
  must("keep mounts to ourselves", "mount", $none, $slash, $none, 16384 | 262144, 0);
  if ($private && !$without{"network"}) {
    socket(my $socket, 2, 2, 0) or fail("make a socket");
    ioctl($socket, 0x8914, my $up = pack("a16 s x22", "lo", 0x41)) or fail("bring lo up");
  }
  # The network is opened outside while the mounts are made.
  my $number = readlink("/proc/self");
  open(my $status, ">>&", 6) or fail("report");
  syswrite($status, "pid $number\n");
  close($status);
  if (!$without{"hostname"}) {
    must("set the host name", "sethostname", $hostname, length($hostname));
  }
  must("mount the root", "mount", $tmpfs, $root, $tmpfs, 6, "mode=0755");
}
umask(022);
while (@operations) {
  my ($kind, $source, $target, $argument) = splice(@operations, 0, 4);
  $operation{$kind}->($source, $target, $argument);
}
{
  my $here = ".";
  chdir($root) or fail("enter the new root");
  must("change the root", "pivot_root", $here, $here);
  must("leave the old root", "umount2", $here, 2);
  chdir("/") or fail("enter the new root");
}
enter_inner_user_namespace() if !$without{"inner-user"};
drop_privileges(%without);
must("tie the sandbox to moat", "prctl", 1, 9, 0, 0, 0) if $attached;
# Started anew, process 1 belongs to the inner user namespace, and so may moat look at it.
exec { "/usr/bin/perl" } "perl", "-e", frame();
fail("start process 1");
`;
