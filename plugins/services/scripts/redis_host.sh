# Starts the host's own Redis on $DATA.
umask 077
password=$(cat "$PASSWORD_FILE")
{
  printf 'requirepass %s\n' "$password"
  printf 'user "" on >%s allkeys allchannels allcommands\n' "$password"
} >"$DATA/server.conf"
exec redis-server "$DATA/server.conf" --port "$PORT" --bind 127.0.0.1 --dir "$DATA"
