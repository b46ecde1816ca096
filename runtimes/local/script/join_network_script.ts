/**
 * The part of the Perl programs that stand in a sandbox's network and nothing else of it.
 *
 * @module
 */

/**
 * `join_network(pid)` joins the network namespace of the process, through the user namespace that owns
 * it, and returns the number of a file that tells of the process's end; -1 where the kernel has none.
 */
export const JOIN_NETWORK = String.raw`
sub join_network {
  my ($target) = @_;
  open(my $net, "<", "/proc/$target/ns/net") or fail("open its network namespace");
  my $watched = syscall(434, $target + 0, 0);
  my @there = stat($net);
  my @here = stat("/proc/self/ns/net");
  if ($there[1] != $here[1]) {
    my $number = ioctl($net, 0xb701, 0) or fail("find its user namespace");
    open(my $owner, "<&=", $number + 0) or fail("find its user namespace");
    my @own = stat("/proc/self/ns/user");
    my @outer = stat($owner);
    must("join its user namespace", "setns", fileno($owner), 0x10000000) if $outer[1] != $own[1];
    must("join its network namespace", "setns", fileno($net), 0x40000000);
  }
  return $watched;
}
`;
