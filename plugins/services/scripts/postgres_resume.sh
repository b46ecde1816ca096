# Starts PostgreSQL on data of an earlier server. The password is set by a server of its own kind
# that serves nobody, so that nobody finds the earlier one valid.
as_postgres() {
  if [ "$(id -u)" != 0 ]; then "$@"
  elif command -v gosu >/dev/null; then gosu postgres "$@"
  elif command -v su-exec >/dev/null; then su-exec postgres "$@"
  else setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  fi
}
if [ "$(id -u)" = 0 ]; then
  chown -R postgres "$PGDATA"
  mkdir -p /var/run/postgresql
  chown postgres /var/run/postgresql
fi
chmod 700 "$PGDATA"
user=$(printf %s "$POSTGRES_USER" | sed 's/"/""/g')
printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$user" "$(cat "$POSTGRES_PASSWORD_FILE")" |
  as_postgres postgres --single -D "$PGDATA" -c exit_on_error=on -c log_checkpoints=off \
    -c log_statement=none -c log_min_error_statement=panic -c log_min_duration_statement=-1 \
    postgres >/dev/null
if [ "$(id -u)" != 0 ]; then exec "$@" -c listen_addresses='*'; fi
if command -v gosu >/dev/null; then exec gosu postgres "$@" -c listen_addresses='*'; fi
if command -v su-exec >/dev/null; then exec su-exec postgres "$@" -c listen_addresses='*'; fi
exec setpriv --reuid=postgres --regid=postgres --init-groups "$@" -c listen_addresses='*'
