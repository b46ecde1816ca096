# Starts MySQL or MariaDB, on an empty directory or on data of an earlier server: users and
# passwords are set from a file that the server reads before it serves anybody.
data=/var/lib/moat/mysql
password=$(cat /run/moat/password)
database=$(printf %s "${MARIADB_DATABASE:-${MYSQL_DATABASE:-}}" | sed 's/`/``/g')
user=$(printf %s "${MARIADB_USER:-${MYSQL_USER:-}}" | sed "s/[\\\\']/\\\\&/g")
mkdir -p "$data" /var/run/mysqld
if [ ! -e "$data/moat-initialized" ]; then
  find "$data" -mindepth 1 -delete
  chown mysql "$data"
  if command -v mariadb-install-db >/dev/null; then
    mariadb-install-db --user=mysql --datadir="$data" --skip-test-db \
      --auth-root-authentication-method=normal >/dev/null
  else
    mysqld --initialize-insecure --user=mysql --datadir="$data"
  fi
  : >"$data/moat-initialized"
fi
chown mysql /var/run/mysqld
setup=$(mktemp)
{
  for host in localhost %; do
    printf "CREATE USER IF NOT EXISTS 'root'@'%s' IDENTIFIED BY '%s';\n" "$host" "$password"
    printf "ALTER USER 'root'@'%s' IDENTIFIED BY '%s';\n" "$host" "$password"
    printf "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%s' WITH GRANT OPTION;\n" "$host"
  done
  # The installer's, which have no password.
  for host in 127.0.0.1 ::1 "$(cat /etc/hostname)"; do
    printf "DROP USER IF EXISTS 'root'@'%s';\n" "$host"
  done
  if [ -n "$database" ]; then printf 'CREATE DATABASE IF NOT EXISTS `%s`;\n' "$database"; fi
  if [ -n "$user" ]; then
    printf "CREATE USER IF NOT EXISTS '%s'@'%%' IDENTIFIED BY '%s';\n" "$user" "$password"
    printf "ALTER USER '%s'@'%%' IDENTIFIED BY '%s';\n" "$user" "$password"
    if [ -n "$database" ]; then
      printf "GRANT ALL PRIVILEGES ON \`%s\`.* TO '%s'@'%%';\n" "$database" "$user"
    fi
  fi
} >"$setup"
chown mysql "$setup"
case ${1:-} in -* | "") set -- "$(command -v mariadbd || command -v mysqld)" "$@" ;; esac
server=$1
shift
exec "$server" --user=mysql --datadir="$data" --init-file="$setup" --bind-address='*' \
  --skip-name-resolve "$@"
