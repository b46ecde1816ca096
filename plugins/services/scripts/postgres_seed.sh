# Loads one file of SQL from standard input.
PGPASSWORD=$(cat "${PASSWORD_FILE:-/run/moat/password}")
export PGPASSWORD
exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host=127.0.0.1 --port="${PORT:-5432}" \
  --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --output=/dev/null --file=-
