# Starts the host's own PostgreSQL on $DATA.
if [ "$(id -u)" = 0 ]; then
  echo "moat: PostgreSQL does not run as root; use an ordinary user's project, or an engine" >&2
  exit 1
fi
export PGDATA="$DATA/postgres" LC_ALL=C
user=$(printf %s "$POSTGRES_USER" | sed 's/"/""/g')
database=$(printf %s "$POSTGRES_DB" | sed 's/"/""/g')
# A server that serves nobody: it reads statements, and stops at the first that fails.
alone() {
  postgres --single -D "$PGDATA" -c exit_on_error=on -c log_checkpoints=off -c log_statement=none \
    -c log_min_error_statement=panic -c log_min_duration_statement=-1 postgres >/dev/null
}
if [ -s "$PGDATA/PG_VERSION" ]; then
  printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$user" "$(cat "$PASSWORD_FILE")" | alone
else
  # shellcheck disable=SC2086 # several options
  initdb --username="$POSTGRES_USER" --pwfile="$PASSWORD_FILE" --auth-local=trust \
    --auth-host=scram-sha-256 --encoding=UTF8 --no-locale --no-sync \
    ${POSTGRES_INITDB_ARGS-} >/dev/null
  if [ "$POSTGRES_DB" != postgres ]; then printf 'CREATE DATABASE "%s"\n' "$database" | alone; fi
fi
exec postgres -p "$PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$DATA"
