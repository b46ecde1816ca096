# Starts PostgreSQL on an empty directory: the image's own entry point initialises it. The password
# is read here, as not every image made from the official one reads POSTGRES_PASSWORD_FILE itself.
if ! entry=$(command -v docker-entrypoint.sh); then
  echo "moat: this image has no docker-entrypoint.sh; use one that is made from the image postgres" >&2
  exit 1
fi
POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export POSTGRES_PASSWORD
unset POSTGRES_PASSWORD_FILE
case ${1:-} in -* | "") set -- postgres "$@" ;; esac
exec "$entry" "$@"
