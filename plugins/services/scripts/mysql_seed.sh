# Loads one file of SQL from standard input.
MYSQL_PWD=$(cat /run/moat/password)
export MYSQL_PWD
client=$(command -v mariadb || command -v mysql)
exec "$client" --no-defaults --protocol=tcp --host=127.0.0.1 --user=root \
  "${MARIADB_DATABASE:-${MYSQL_DATABASE:-}}"
