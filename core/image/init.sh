#!/bin/sh
# Process 1 of a run's container. Starts as root, gives moatuser the ids that the run needs, becomes
# that user, runs the hook and the command, forwards signals, reaps orphans and ends with the
# command's code.
#
# MOAT_UID, MOAT_GID  whom to become; 0 stays root
# MOAT_GROUPS         further group ids, separated by spaces
# MOAT_OWN            directories that are to belong to the user, one a line
# MOAT_WORKDIR        where the hook and the command start
# /.moat-env          variables with secrets, as shell; the user's alone; for hook and command
# MOAT_CA             a certificate authority that programs are to trust, as PEM
# MOAT_CA_FILE        where it is put
# MOAT_CA_BUNDLE      the system's file with all authorities, which it is added to; empty: none
# MOAT_PRE_RUN        a script to run as the user before the command, `set -e`
# "$@"                the command
#
# /usr/local/lib/moat/init.d has what dependencies do as root: NAME.start before the hook, its output
# is /var/log/moat-NAME.log; NAME.stop when the command has ended.
#
# Starting a program costs 20 ms under gVisor, so builtins are preferred to programs here.

user=moatuser
home=/home/$user
uid=${MOAT_UID:-0}
gid=${MOAT_GID:-0}
groups=${MOAT_GROUPS-}
own=${MOAT_OWN-}
workdir=${MOAT_WORKDIR:-/}
hook=${MOAT_PRE_RUN-}
authority=${MOAT_CA-}
bundle=${MOAT_CA_BUNDLE-}
authorities=/usr/local/share/ca-certificates
newline='
'
child=
pending=
steps=/usr/local/lib/moat/init.d

fail() { # message
  printf 'moat: Cannot start the run: %s\n' "$1" >&2
  exit 125
}

# Process 1 gets no default action for signals, so handlers come before anything else.
catch_signals() {
  for signal in TERM HUP USR1 USR2; do
    # shellcheck disable=SC2064 # the name is to be expanded now
    trap "forward $signal" "$signal"
  done
  if [ -t 0 ]; then
    # The terminal sends these to its whole foreground group, the command among it.
    trap : INT QUIT
  else
    trap 'forward INT' INT
    trap 'forward QUIT' QUIT
  fi
}

forward() { # signal
  if [ -n "$child" ]; then
    kill -s "$1" "$child" 2>/dev/null || :
  else
    pending=$1
  fi
}

# What came before there was a command ends the run as it would have ended the command.
end_if_signalled() {
  case $pending in
    HUP) exit 129 ;;
    INT) exit 130 ;;
    QUIT) exit 131 ;;
    TERM) exit 143 ;;
  esac
}

require_programs() {
  command -v setpriv >/dev/null ||
    fail "its image has no setpriv; use a Debian-based image"
  [ -e /etc/debian_version ] || env --default-signal=INT true 2>/dev/null ||
    fail "its image is not Debian-based (env has no --default-signal)"
}

# Puts moatuser first in /etc/passwd, so that its name wins over others of that id. Sets
# old_uid, old_gid to the ids it had, empty when the image does not have it.
write_passwd() {
  old_uid='' old_gid='' others='' tail=":$home:/bin/bash" secret='*'
  [ -e /bin/bash ] || tail=":$home:/bin/sh"
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      "$user":*) parse_user "${line#*:}" ;;
      ?*) others=$others$line$newline ;;
    esac
  done </etc/passwd
  [ "$old_uid:$old_gid" = "$uid:$gid" ] ||
    printf '%s\n%s' "$user:$secret:$uid:$gid:$tail" "$others" >/etc/passwd ||
    fail "/etc/passwd cannot be written"
}

parse_user() { # x:1000:1000:name:home:shell
  secret=${1%%:*}
  set -- "${1#*:}"
  old_uid=${1%%:*}
  set -- "${1#*:}"
  old_gid=${1%%:*}
  tail=${1#*:}
}

# Shells and ssh complain about ids without a name; where one has several, the first counts.
write_group() {
  added=
  [ "$gid" = 0 ] || added="$user:x:$gid:$newline"
  for id in $groups; do added="${added}moat-$id:x:$id:$user$newline"; done
  printf '%s' "$added" >>/etc/group || fail "/etc/group cannot be written"
}

# Changes what belonged to the image's moatuser, never what is mounted below the home.
give_home() { # uid it had
  set -- "$1" "$home" -xdev
  while read -r _ _ _ _ target _; do
    case $target in
      "$home"/*) set -- "$@" -path "$(printf '%b' "$target")" -prune -o ;;
    esac
  done </proc/self/mountinfo
  old=$1
  shift
  find "$@" -uid "$old" -exec chown -h "$uid:$gid" {} +
}

prepare_user() {
  write_passwd
  write_group
  if [ -n "$old_uid" ] && [ "$old_uid:$old_gid" != "$uid:$gid" ] && [ -d "$home" ]; then
    give_home "$old_uid" || fail "$home cannot be given to $uid:$gid"
  elif [ -z "$old_uid" ]; then
    own=$home$newline$own
  fi
  [ -d "$home" ] || mkdir -p "$home" || fail "$home cannot be made"
  [ -z "$own" ] || give_directories
}

give_directories() {
  set -f
  IFS=$newline
  # shellcheck disable=SC2086 # one word a line
  chown -- "$uid:$gid" $own || fail "directories cannot be given to $uid:$gid"
  unset IFS
  set +f
}

prepare_root() {
  [ -d "$home" ] || mkdir -p "$home" || fail "$home cannot be made"
}

# Without the system's authorities in it, programs that bring some of their own are better off.
forget_bundle() {
  for name in GIT_SSL_CAINFO REQUESTS_CA_BUNDLE SSL_CERT_FILE; do
    eval "[ \"\${$name-}\" != \"\$bundle\" ]" || unset "$name"
  done
}

# The file of its own is for the next update-ca-certificates, which writes the bundle anew.
trust_authority() {
  printf '%s' "$authority" >"$MOAT_CA_FILE" || return 1
  [ -n "$bundle" ] || return 0
  [ -s "$bundle" ] || forget_bundle
  [ -d "${bundle%/*}" ] && [ -d "$authorities" ] || mkdir -p "${bundle%/*}" "$authorities" || return 1
  printf '\n%s' "$authority" >>"$bundle" && printf '%s' "$authority" >"$authorities/moat-router.crt"
}

enter_workdir() {
  [ -d "$workdir" ] || mkdir -p "$workdir" || fail "$workdir cannot be made"
  cd "$workdir" || fail "$workdir cannot be entered"
  unset OLDPWD
}

# Replaces this shell. A shell's background command ignores INT and QUIT: env puts that right.
become() { # command...
  case $1 in
    # To env, a word with = is a variable.
    *=*) set -- setpriv --pdeathsig clear -- "$@" ;;
  esac
  if [ "$uid" = 0 ]; then
    exec env --default-signal=INT,QUIT -- "$@"
  fi
  if [ -n "$groups" ]; then
    set -- --groups="$(join_groups)" -- "$@"
  else
    set -- --clear-groups -- "$@"
  fi
  exec env --default-signal=INT,QUIT setpriv --reuid="$uid" --regid="$gid" "$@"
}

join_groups() {
  joined=
  for id in $groups; do joined=$joined${joined:+,}$id; done
  printf '%s' "$joined"
}

# Runs a command as the user to its end and sets code. Descriptor 3 is its standard input.
supervise() { # command...
  end_if_signalled
  become "$@" <&3 3<&- &
  child=$!
  case $pending in ?*) forward "$pending" ;; esac
  await_child
}

# A caught signal ends `wait` early, with a code that looks like a death by that signal. The shell
# says "Terminated" and the like on standard error, which is the command's alone.
await_child() {
  while :; do
    code=0
    wait "$child" 2>/dev/null || code=$?
    [ "$code" -gt 128 ] || return 0
    kill -0 "$child" 2>/dev/null || break
  done
  again=0
  wait "$child" 2>/dev/null || again=$?
  [ "$again" = 127 ] || code=$again
}

read_secrets() {
  # shellcheck disable=SC1091 # made with the container
  [ ! -e /.moat-env ] || . /.moat-env || fail "/.moat-env cannot be read"
}

# Nothing but a failure is said of a step; what it says itself is on standard error.
start_steps() {
  for step in "$steps"/*.start; do
    [ -e "$step" ] || return 0
    end_if_signalled
    trap stop_steps EXIT
    name=${step##*/} name=${name%.start}
    env --default-signal=INT,QUIT sh -eu "$step" </dev/null >>"/var/log/moat-$name.log" &
    child=$!
    case $pending in ?*) forward "$pending" ;; esac
    await_child
    child=
    [ "$code" -le 128 ] || exit "$code"
    [ "$code" = 0 ] && continue
    tail -n 20 "/var/log/moat-$name.log" >&2
    fail "$name did not start, the last lines of /var/log/moat-$name.log are above"
  done
}

# Signals come too late to be of use here: what remains is ended with the container.
# shellcheck disable=SC2317 # called by the trap
stop_steps() {
  for step in "$steps"/*.stop; do
    [ ! -e "$step" ] ||
      sh -eu "$step" </dev/null >>"/var/log/moat-init.log" 2>&1 || :
  done
}

run_hook() {
  (umask 022 && printf '%s\n' "$hook" >/.moat-pre-run) || fail "/.moat-pre-run cannot be written"
  supervise /bin/sh -e /.moat-pre-run 3</dev/null >&2
  child=
  [ "$code" = 0 ] && return
  printf 'moat: Hook "pre_run" failed: exit code %s\n' "$code" >&2
  exit "$code"
}

refuse_unless_found() { # program
  case $1 in
    */*)
      [ ! -x "$1" ] || return 0
      [ ! -e "$1" ] || refuse 126 "$1" 'it is not executable'
      ;;
    *) ! command -v "$1" >/dev/null 2>&1 || return 0 ;;
  esac
  refuse 127 "$1" 'it is not in the container'
}

refuse() { # code, program, state
  printf 'moat: Cannot run "%s": %s\n' "$2" "$3" >&2
  exit "$1"
}

catch_signals
require_programs
if [ "$uid" = 0 ]; then prepare_root; else prepare_user; fi
[ -z "$authority" ] || trust_authority ||
  printf 'moat: Cannot make programs trust the certificates of the router: see above\n' >&2
unset MOAT_INIT MOAT_CA MOAT_CA_FILE MOAT_CA_BUNDLE MOAT_GROUPS MOAT_OWN MOAT_PRE_RUN MOAT_WORKDIR
start_steps
enter_workdir
read_secrets
[ -z "$hook" ] || run_hook
refuse_unless_found "$1"
exec 3<&0 </dev/null
supervise "$@"
exit "$code"
