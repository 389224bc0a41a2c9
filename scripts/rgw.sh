#!/usr/bin/env bash
# Runs a temporary Ceph object gateway (RGW) in one folder: HTTP and HTTPS, on loopback only.
#
#   eval "$(scripts/rgw.sh up DIR)"   start it and set SHOPSYNC_TEST_S3_*
#   scripts/rgw.sh down DIR           stop it; keep the objects
#   scripts/rgw.sh wipe DIR           stop it and delete DIR
#
# One monitor, one in-memory object daemon, no manager: about 120 MiB of memory, two seconds to start.
# RGW_HTTP_PORT and RGW_HTTPS_PORT set the ports at the first `up`; the defaults are free ports below 32768, because the
# kernel uses higher ports for outgoing connections.
set -euo pipefail

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
fail() { printf 'rgw.sh: %s\n' "$*" >&2; exit 1; }

[ $# -eq 2 ] || usage
action=$1
dir=$(mkdir -p "$(dirname "$2")" && cd "$(dirname "$2")" && pwd)/$(basename "$2")
conf=$dir/ceph.conf

region=us-east-1
bucket=shopsync-test
access_key=shopsync-test-key
secret_key=shopsync-test-secret

require() {
  local missing=()
  local program package
  while read -r program package; do
    command -v "$program" >/dev/null || missing+=("$package")
  done <<'EOF'
ceph-mon ceph-mon
ceph-osd ceph-osd
radosgw radosgw
radosgw-admin radosgw
curl curl
openssl openssl
uuidgen uuid-runtime
ss iproute2
EOF
  [ ${#missing[@]} -eq 0 ] ||
    fail "missing Debian packages; install them with: apt-get install -y --no-install-recommends $(printf '%s\n' "${missing[@]}" | sort -u | tr '\n' ' ')"
}

# Prints the process id of a daemon, if it runs and belongs to this cluster.
daemon_pid() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 0
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "-c $conf "; then echo "$pid"; fi
}

start_daemon() { # NAME COMMAND...
  local name=$1
  shift
  [ -z "$(daemon_pid "$name")" ] || return 0
  setsid "$@" </dev/null >>"$dir/log/$name.out" 2>&1 &
  echo $! >"$dir/$name.pid"
}

stop_daemon() { # NAME
  local pid waited
  pid=$(daemon_pid "$1")
  if [ -n "$pid" ]; then
    kill -TERM "$pid" 2>/dev/null || true
    for ((waited = 0; waited < 150; waited++)); do
      [ -n "$(daemon_pid "$1")" ] || break
      sleep 0.1
    done
    [ -z "$(daemon_pid "$1")" ] || kill -KILL "$pid" 2>/dev/null || true
  fi
  rm -f "$dir/$1.pid"
}

free_port() { # FIRST
  local port=$(($1 + RANDOM % 2000))
  while ss -Htan "sport = :$port" | grep -q .; do port=$((port + 1)); done
  echo "$port"
}

choose_ports() {
  [ -f "$dir/choice" ] || printf 'fsid=%s\nmon_port=%s\nhttp_port=%s\nhttps_port=%s\n' "$(uuidgen)" \
    "$(free_port 14000)" "${RGW_HTTP_PORT:-$(free_port 18000)}" "${RGW_HTTPS_PORT:-$(free_port 22000)}" >"$dir/choice"
  # shellcheck source=/dev/null
  . "$dir/choice"
}

create_certificate() {
  [ ! -f "$dir/tls/server.crt" ] || return 0
  mkdir -p "$dir/tls"
  (
    cd "$dir/tls"
    local curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
    openssl req -x509 "${curve[@]}" -keyout ca.key -out ca.crt -days 365 -subj '/CN=Shopsync test authority'
    openssl req "${curve[@]}" -keyout server.key -out server.csr -subj '/CN=localhost'
    printf 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >names
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile names -out server.crt
  ) >"$dir/log/openssl.out" 2>&1 || fail "openssl failed: $(tail -n 3 "$dir/log/openssl.out")"
}

# Writes a configuration for a small, fast cluster without cephx:
# - crc connections: radosgw otherwise requires secure ones, which need keys;
# - tcp_nodelay: without it each GET waits 40 ms for a delayed acknowledgement;
# - one replica, few placement groups, one shard for each internal log.
write_configuration() {
  cat >"$conf" <<EOF
[global]
fsid = $fsid
mon_host = v2:127.0.0.1:$mon_port
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
ms_bind_msgr1 = false
ms_client_mode = crc
ms_cluster_mode = crc
ms_service_mode = crc
ms_mon_client_mode = crc
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
keyring = /dev/null
admin_socket =
run_dir = $dir
crash_dir = $dir/log
log_file = $dir/log/\$name.log
err_to_stderr = false
log_to_stderr = false
mon_cluster_log_to_file = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
[mon]
mon_data = $dir/mon
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
mon_data_avail_crit = 1
mon_data_avail_warn = 1
auth_allow_insecure_global_id_reclaim = true
[osd]
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_fast_shutdown = false
osd_class_load_list = *
osd_class_default_list = *
[client]
rgw_data = $dir/rgw
objecter_tick_interval = 0.25
rgw_frontends = beast tcp_nodelay=1 endpoint=127.0.0.1:$http_port ssl_endpoint=127.0.0.1:$https_port ssl_certificate=$dir/tls/server.crt ssl_private_key=$dir/tls/server.key
rgw_dns_name = localhost
rgw_thread_pool_size = 32
rgw_num_control_oids = 1
rgw_data_log_num_shards = 1
rgw_md_log_max_shards = 1
rgw_gc_max_objs = 4
rgw_lc_max_objs = 4
rgw_objexp_hints_num_shards = 1
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
rgw_run_sync_thread = false
rgw_enable_ops_log = false
rgw_rados_pool_pg_num_min = 4
EOF
}

run_logged() { # NAME COMMAND...
  local name=$1
  shift
  "$@" >>"$dir/log/$name.out" 2>&1 || fail "$1 failed: $(tail -n 3 "$dir/log/$name.out")"
}

create_cluster() {
  [ ! -f "$dir/made" ] || return 0
  down # an earlier attempt may have failed half-way
  rm -rf -- "$dir/mon" "$dir/osd" "$dir/rgw"
  mkdir -p "$dir/mon" "$dir/osd" "$dir/rgw"
  # Without its address in the map, a monitor never finds itself.
  run_logged make monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$dir/monmap"
  run_logged make ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap"
  start_daemon mon ceph-mon -c "$conf" -i a -f
  local osd
  osd=$(uuidgen)
  run_logged make ceph-osd -c "$conf" -i 0 --no-mon-config --mkfs --monmap "$dir/monmap" --osd-uuid "$osd"
  run_logged make timeout 60 ceph -c "$conf" osd new "$osd" 0
  start_daemon osd ceph-osd -c "$conf" -i 0 -f
  # The first command also creates the default zone, whose region must be set before the gateway starts.
  run_logged make timeout 60 radosgw-admin -c "$conf" -n client.rgw user create --uid=shopsync --display-name=shopsync \
    --access-key="$access_key" --secret="$secret_key"
  run_logged make timeout 60 radosgw-admin -c "$conf" -n client.rgw zonegroup modify --rgw-zonegroup=default --api-name="$region"
  touch "$dir/made"
}

wait_for_gateway() {
  local waited
  for ((waited = 0; waited < 600; waited++)); do
    ! curl -s -o /dev/null --max-time 5 "http://127.0.0.1:$http_port/" || return 0
    [ -n "$(daemon_pid rgw)" ] || fail "radosgw stopped: $(tail -n 5 "$dir/log/rgw.out" "$dir/log/client.rgw.log" 2>/dev/null)"
    sleep 0.1
  done
  fail 'radosgw did not respond within a minute'
}

create_bucket() {
  local empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 status
  # curl needs the payload's hash to sign for S3.
  status=$(curl -s -o "$dir/log/bucket.xml" -w '%{http_code}' --max-time 30 -X PUT --aws-sigv4 "aws:amz:$region:s3" \
    --user "$access_key:$secret_key" -H "x-amz-content-sha256: $empty" "http://127.0.0.1:$http_port/$bucket")
  case $status in 200 | 409) ;; *) fail "cannot create the bucket: HTTP $status $(head -c 200 "$dir/log/bucket.xml")" ;; esac
}

up() {
  require
  mkdir -p "$dir/log"
  choose_ports
  create_certificate
  write_configuration
  create_cluster
  start_daemon mon ceph-mon -c "$conf" -i a -f
  start_daemon osd ceph-osd -c "$conf" -i 0 -f
  start_daemon rgw radosgw -c "$conf" -n client.rgw -f
  wait_for_gateway
  create_bucket
  printf 'export %s=%q\n' \
    SHOPSYNC_TEST_S3_ENDPOINT "http://127.0.0.1:$http_port" \
    SHOPSYNC_TEST_S3_ENDPOINT_TLS "https://127.0.0.1:$https_port" \
    SHOPSYNC_TEST_S3_CA_FILE "$dir/tls/ca.crt" \
    SHOPSYNC_TEST_S3_REGION "$region" \
    SHOPSYNC_TEST_S3_BUCKET "$bucket" \
    SHOPSYNC_TEST_S3_ACCESS_KEY "$access_key" \
    SHOPSYNC_TEST_S3_SECRET_KEY "$secret_key"
}

down() {
  stop_daemon rgw
  stop_daemon osd
  stop_daemon mon
}

wipe() {
  [ -d "$dir" ] || return 0
  [ -f "$dir/choice" ] || fail "$dir was not created by this script"
  down
  rm -rf -- "$dir"
}

case $action in
  up) up ;;
  down) down ;;
  wipe) wipe ;;
  *) usage ;;
esac
