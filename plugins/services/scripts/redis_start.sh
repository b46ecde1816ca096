# Starts Redis or Valkey with the password of its configuration file, behind the image's own entry
# point where there is one.
case ${1:-} in -* | "") set -- "$(command -v redis-server || command -v valkey-server)" "$@" ;; esac
if entry=$(command -v docker-entrypoint.sh); then set -- "$entry" "$@"; fi
exec "$@" --include /run/moat/server.conf
