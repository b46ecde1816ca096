# Starts the host's own Valkey on $DATA.
umask 077
password=$(cat "$PASSWORD_FILE")
{
  printf 'requirepass %s\n' "$password"
  printf 'user "" on >%s allkeys allchannels allcommands\n' "$password"
} >"$DATA/server.conf"
exec valkey-server "$DATA/server.conf" --port "$PORT" --bind 127.0.0.1 --dir "$DATA"
