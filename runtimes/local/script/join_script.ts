/**
 * The Perl program that joins a running sandbox and becomes a further command in it.
 *
 * The sandbox's namespaces belong to its outer user namespace, which is joined first, except for a
 * network that the run shares, which may belong to one around that. The command's own user namespace
 * comes last, so that nothing is left of the outer ones' rights.
 *
 * @module
 */

/** Comes behind `commonScript()` and the script of the command. */
export const JOIN_SCRIPT = String.raw`
{
  my ($target, $uid, $gid) = split(/\0/, frame(), -1);
  close_inherited(6);
  must("tie the command to moat", "prctl", 1, 9, 0, 0, 0);
  my %namespaces;
  for my $name (qw(mnt pid net ipc uts cgroup user)) {
    open($namespaces{$name}, "<", "/proc/$target/ns/$name") or fail("open its namespaces");
  }
  my $number = ioctl($namespaces{mnt}, 0xb701, 0) or fail("find its user namespace");
  open(my $outer, "<&=", $number + 0) or fail("find its user namespace");
  my @own = stat("/proc/self/ns/user");
  my @inner = stat($namespaces{user});
  my @owner = stat($outer);
  syscall($NR{setgroups}, 0, 0) if $> == 0;
  my @network = stat($namespaces{net});
  my @own_network = stat("/proc/self/ns/net");
  if ($network[1] != $own_network[1]) {
    my $holder = ioctl($namespaces{net}, 0xb701, 0) or fail("find its network's user namespace");
    open(my $around, "<&=", $holder + 0) or fail("find its network's user namespace");
    my @around = stat($around);
    if ($around[1] != $own[1]) {
      must("join its network's user namespace", "setns", fileno($around), 0x10000000);
      @own = @around;
    }
    must("join its net namespace", "setns", fileno($namespaces{net}), 0);
  }
  must("join its user namespace", "setns", fileno($outer), 0x10000000) if $owner[1] != $own[1];
  for my $name (qw(ipc uts cgroup pid mnt)) {
    my @there = stat($namespaces{$name});
    my @here = stat("/proc/self/ns/$name");
    next if $name ne "pid" && @here && $there[1] == $here[1];
    must("join its $name namespace", "setns", fileno($namespaces{$name}), 0);
  }
  if ($inner[1] != $owner[1]) {
    must("join its inner user namespace", "setns", fileno($namespaces{user}), 0x10000000);
  }
  must("change the group", "setresgid", $gid + 0, $gid + 0, $gid + 0);
  must("change the user", "setresuid", $uid + 0, $uid + 0, $uid + 0);
  chdir("/");
  close($_) for values(%namespaces), $outer;
  # The number is reported before the child says that it is ready.
  pipe(my $reader, my $writer) or fail("make a pipe");
  my $child = fork();
  fail("start a process") if !defined($child);
  if (!$child) {
    close($writer);
    sysread($reader, my $byte, 1) or exit 125;
    close($reader);
    syscall($NR{setsid});
    must("tie the command to moat", "prctl", 1, 9, 0, 0, 0);
    drop_privileges();
    my $status = adopt(6);
    syswrite($status, "ready\n");
    my $orders = read_orders();
    close($status);
    become_command($orders);
  }
  open(my $status, ">>&=", 6) or fail("report");
  syswrite($status, "pid $child\n");
  close($status);
  syswrite($writer, "1");
  close($writer);
  open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
  waitpid($child, 0);
  exit(exit_code($?));
}
`;
