/**
 * The private engine of `docker:dind`: how the init starts it as root and stops it again.
 *
 * @module
 */

import type { InitStep } from "../../core/plugin/contribution.ts";

/** Group of the engine's socket, of which the run's user is a member. */
export const DOCKER_GID = 2375;

/** How long the engine may take to answer. */
const DEFAULT_TIMEOUT_S = 60;

/** Where the engine keeps everything: a volume, as overlay2 cannot lie on the image's own overlay. */
export const DOCKER_ROOT = "/var/lib/docker";

/**
 * Waits for a program's socket, or its end. An engine's socket takes connections early and answers
 * when all is up, hence hardly ever a second attempt.
 */
const AWAIT = `
use IO::Socket::UNIX;
my ($name, $pid, $path, $limit) = @ARGV;
sub fail { print STDERR "moat: $name $_[0]\\n"; exit 1 }
$SIG{ALRM} = sub { fail("did not answer within $limit s") };
alarm $limit;
while (1) {
  # A process that has ended but is not reaped has no program either.
  fail("has ended") unless defined readlink "/proc/$pid/exe";
  if (my $socket = IO::Socket::UNIX->new(Peer => $path)) {
    exit 0 if $name eq "containerd";
    print $socket "GET /_ping HTTP/1.0\\r\\n\\r\\n";
    $socket->flush;
    my $answer = <$socket>;
    exit 0 if defined $answer && $answer =~ m{^HTTP/1\\.\\d 200 };
  }
  select undef, undef, undef, 0.03;
}`.trim();

const START = `
# With cgroup v2 a group that has processes cannot give its children controllers.
cgroup=/sys/fs/cgroup
if [ -e $cgroup/cgroup.controllers ]; then
  mkdir -p $cgroup/moat
  for pid in $(cat $cgroup/cgroup.procs); do
    echo "$pid" >$cgroup/moat/cgroup.procs || :
  done 2>/dev/null
  for controller in $(cat $cgroup/cgroup.controllers); do
    echo "+$controller" >$cgroup/cgroup.subtree_control || :
  done 2>/dev/null
fi

# Kernels without nftables have the older tables.
if ! iptables -t nat -nL && iptables-legacy -t nat -nL; then
  update-alternatives --set iptables /usr/sbin/iptables-legacy
  update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy
fi >/dev/null 2>&1

driver=overlay2
trial=${DOCKER_ROOT}/.moat-trial
mkdir -p $trial/lower $trial/upper $trial/work $trial/merged
if mount -t overlay -o lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work \\
  overlay $trial/merged 2>/dev/null; then
  umount $trial/merged
else
  driver=vfs
  echo "warning: Images of docker:dind are stored with vfs, which is slow and large: ${DOCKER_ROOT} does not take overlay2" >&2
fi
rm -rf $trial

# A containerd that dockerd starts itself costs a second here, and one more at the end.
limit=\${MOAT_DIND_TIMEOUT:-${DEFAULT_TIMEOUT_S}}
own=/run/moat-engine
mkdir -p $own
cat >$own/containerd.toml <<END
version = 2
root = "${DOCKER_ROOT}/containerd/daemon"
state = "$own/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$own/containerd.sock"
END
setsid containerd --config $own/containerd.toml </dev/null 2>&1 &
echo $! >$own/containerd.pid
perl -e '${AWAIT}' containerd $! $own/containerd.sock "$limit"

# The outer engine's own resolver is out of reach of containers in here; newer ones say whom it asks.
resolvers=
for server in $(sed -n '/^# ExtServers:/{s/.*\\[//;s/\\].*//;s/host(//g;s/)//g;p}' /etc/resolv.conf); do
  case $server in
    127.* | *:*) ;;
    *) resolvers="$resolvers --dns $server" ;;
  esac
done
setsid dockerd --host unix:///var/run/docker.sock --group docker --data-root ${DOCKER_ROOT} \\
  --storage-driver $driver --containerd $own/containerd.sock $resolvers </dev/null 2>&1 &
echo $! >$own/dockerd.pid
perl -e '${AWAIT}' dockerd $! /var/run/docker.sock "$limit"`;

/** What is not gone in three seconds goes with the container; so does all that it stored. */
const STOP = `
read -r dockerd </run/moat-engine/dockerd.pid
kill -TERM "$dockerd"
end=$(($(date +%s) + 3))
while kill -0 "$dockerd" 2>/dev/null; do
  [ "$(date +%s)" -lt $end ] || kill -KILL "$dockerd"
  sleep 0.03
done
read -r containerd </run/moat-engine/containerd.pid
kill -TERM "$containerd"`;

/** Starts dockerd, and stops it; `timeout` is in seconds. */
export function startEngine(timeout: string | undefined): InitStep {
  return {
    name: "dockerd",
    start: START,
    stop: STOP,
    ...(timeout === undefined ? {} : { env: { MOAT_DIND_TIMEOUT: timeout } }),
  };
}
