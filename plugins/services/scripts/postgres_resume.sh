# Starts PostgreSQL on data of an earlier server. The password is set by a server of its own kind
# that serves nobody, so that nobody finds the earlier one valid. Each program that is started costs
# time under gVisor.
if [ "$(id -u)" = 0 ]; then
  if [ "$(stat -c %U "$PGDATA")" != postgres ]; then chown -R postgres "$PGDATA"; fi
  if [ ! -d /var/run/postgresql ]; then install -d -o postgres /var/run/postgresql; fi
  if command -v gosu >/dev/null; then run_as='gosu postgres'
  elif command -v su-exec >/dev/null; then run_as='su-exec postgres'
  else run_as='setpriv --reuid=postgres --regid=postgres --init-groups'
  fi
else run_as=
fi
user=$POSTGRES_USER
case $user in *\"*) user=$(printf %s "$user" | sed 's/"/""/g') ;; esac
# The last line has no end, which is no failure.
read -r password <"$POSTGRES_PASSWORD_FILE" || :
# shellcheck disable=SC2086
printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$user" "$password" |
  $run_as postgres --single -D "$PGDATA" -c exit_on_error=on -c log_checkpoints=off \
    -c log_statement=none -c log_min_error_statement=panic -c log_min_duration_statement=-1 \
    postgres >/dev/null
unset password
case ${1:-} in -* | "") set -- postgres "$@" ;; esac
# shellcheck disable=SC2086
exec $run_as "$@" -c listen_addresses='*'
