#!/usr/bin/env bash
# Runs a temporary PostgreSQL 15 in one folder, on loopback only, without passwords.
#
#   eval "$(scripts/postgres.sh up DIR)"   start it and set DATABASE_URL and SHOPSYNC_TEST_DATABASE_URL
#   scripts/postgres.sh down DIR           stop it; keep the data
#   scripts/postgres.sh wipe DIR           stop it and delete DIR
#
# PostgreSQL does not run as root: if root calls this script, it runs as the package's user `postgres`, who must have
# access to DIR. POSTGRES_PORT sets the port at the first `up`; the default is a free port below 32768, because the kernel
# uses higher ports for outgoing connections. Nothing is synced to disk: for tests only.
set -euo pipefail

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
fail() { printf 'postgres.sh: %s\n' "$*" >&2; exit 1; }

[ $# -eq 2 ] || usage
action=$1
dir=$(mkdir -p "$(dirname "$2")" && cd "$(dirname "$2")" && pwd)/$(basename "$2")
data=$dir/data
programs=/usr/lib/postgresql/15/bin
database=shopsync
user=shopsync

require() {
  local missing=()
  [ -x "$programs/initdb" ] || missing+=(postgresql-15)
  command -v ss >/dev/null || missing+=(iproute2)
  [ ${#missing[@]} -eq 0 ] ||
    fail "missing Debian packages; install them with: apt-get install -y --no-install-recommends ${missing[*]}"
}

# Runs a command as the user who owns the cluster.
as_owner() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$dir" LC_ALL=C.UTF-8 "$@"
  else
    env LC_ALL=C.UTF-8 "$@"
  fi
}

running() { as_owner "$programs/pg_ctl" -D "$data" -s status >/dev/null 2>&1; }

free_port() {
  local port=$((26000 + RANDOM % 2000))
  while ss -Htan "sport = :$port" | grep -q .; do port=$((port + 1)); done
  echo "$port"
}

create_cluster() {
  [ ! -f "$dir/made" ] || return 0
  rm -rf -- "$data"
  [ "$(id -u)" != 0 ] || chown postgres "$dir"
  as_owner test -w "$dir" || fail "the user postgres cannot write to $dir: check the permissions of its parent folders"
  as_owner "$programs/initdb" -D "$data" -U "$user" -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
    fail "initdb failed: $(tail -n 3 "$dir/initdb.log")"
  cat >>"$data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
port = ${POSTGRES_PORT:-$(free_port)}
unix_socket_directories = ''
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
EOF
}

start() {
  ! running || return 0
  as_owner "$programs/pg_ctl" -D "$data" -l "$dir/server.log" -w -t 60 -s start </dev/null >/dev/null ||
    fail "the server did not start: $(tail -n 3 "$dir/server.log")"
}

up() {
  require
  mkdir -p "$dir"
  cd "$dir"
  create_cluster
  start
  local port
  port=$(sed -n 's/^port = //p' "$data/postgresql.conf" | tail -n 1)
  if [ ! -f "$dir/made" ]; then
    as_owner "$programs/createdb" -h 127.0.0.1 -p "$port" -U "$user" "$database"
    touch "$dir/made"
  fi
  local url=postgres://$user@127.0.0.1:$port/$database
  printf 'export %s=%q\n' DATABASE_URL "$url" SHOPSYNC_TEST_DATABASE_URL "$url"
}

down() {
  [ -d "$data" ] || return 0
  cd "$dir"
  ! running || as_owner "$programs/pg_ctl" -D "$data" -m fast -w -t 60 -s stop
}

wipe() {
  [ -d "$dir" ] || return 0
  [ -f "$dir/initdb.log" ] || fail "$dir was not created by this script"
  down
  cd /
  rm -rf -- "$dir"
}

case $action in
  up) up ;;
  down) down ;;
  wipe) wipe ;;
  *) usage ;;
esac
