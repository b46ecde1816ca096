# Starts Redis or Valkey with the password of its configuration file, behind the image's own entry
# point where there is one.
if entry=$(command -v docker-entrypoint.sh); then set -- "$entry" "$@"; fi
exec "$@" --include /run/moat/server.conf
