#!/usr/bin/env bash
# Measures rsmbench side by side with etcd, Redis and a floor in C, and prints the table of goals.
#
#   bash experiments/peers/measure.sh [--quick] [--out DIR] [--disk DIR] [--rounds N] [--rows A,B,...] [--gateway]
#                                     [--let-sleep]
#
#   --quick    one round and 5 kills in place of 3 rounds and 20 kills: about 5 minutes, not 15
#   --out      the directory for the table, the samples and the logs (default results/peers)
#   --disk     a directory on the disk to be measured (default: below --out)
#   --rounds   how often each row is measured; the table has the medians
#   --rows     some of: disk memory floor reads failover serve protocols interface; the other rows keep their
#              samples from an earlier run in --out. The row interface limits the nodes' network interfaces,
#              which needs root; without root it is left out with the reason
#   --gateway  loads etcd over its JSON gateway, which is slower, even where its Go client is installed
#   --let-sleep  lets idle processors sleep, as the machine is configured. Otherwise processors are kept awake for
#              all systems under measurement, where /dev/cpu_dma_latency may be opened (root). Latency is
#              usually measured so, because on a virtual machine a processor takes as long to wake as a whole
#              batch takes
#
# The environment variable RSMBENCH may name an rsmbench that is already built.
#
# Needs a Swift toolchain, a C compiler, etcd and Redis; Debian: gcc etcd-server redis-server redis-tools. With
# golang-go and golang-etcd-server-dev etcd is loaded over gRPC, otherwise over its slower JSON gateway.
# All traffic is on loopback. The script ends all processes that it has started, and touches no others.
# Exit codes: 0 measured (the table says which goals are met), 1 a step failed, 2 a program is missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/results/peers
disk=
rounds=3
kills=20
gateway=no
sleeps=yes
keeps_awake=yes
rows=disk,memory,floor,reads,failover,serve,protocols,interface

usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --quick) rounds=1 kills=5 ;;
    --gateway) gateway=yes ;;
    --let-sleep) keeps_awake=no ;;
    --out | --disk | --rounds | --rows)
      [ $# -gt 1 ] || usage
      case $1 in
        --out) out=$2 ;;
        --disk) disk=$2 ;;
        --rounds) rounds=$2 ;;
        --rows) rows=$2 ;;
      esac
      shift
      ;;
    *) usage ;;
  esac
  shift
done
[[ $rounds =~ ^[1-9][0-9]?$ ]] || usage
for row in ${rows//,/ }; do
  case $row in
    disk | memory | floor | reads | failover | serve | protocols | interface) ;;
    *) usage ;;
  esac
done

missing=()
for tool in cc:gcc etcd:etcd-server redis-server:redis-server redis-benchmark:redis-tools \
  redis-cli:redis-tools awk:mawk; do
  command -v "${tool%%:*}" > /dev/null || missing+=("${tool#*:}")
done
[ -d /dev/shm ] || missing+=("a tmpfs at /dev/shm")
if [ ${#missing[@]} -gt 0 ]; then
  echo "measure.sh: missing: ${missing[*]} (on Debian: apt-get install gcc etcd-server redis-server redis-tools)" >&2
  exit 2
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
disk=${disk:-$out/data}
mkdir -p "$disk"
disk=$(cd "$disk" && pwd)
scratch=$(mktemp -d "$disk/peers-XXXXXX")
memory=$(mktemp -d /dev/shm/rsmbench-peers-XXXXXX)
samples=$out/samples.csv
touch "$samples"

# The background processes that were started and have not been ended, so that the script ends exactly these.
started=()

# start LOG COMMAND...: starts a command in the background and sets $process to its process number.
start() {
  local log=$1
  shift
  "$@" >> "$log" 2>&1 &
  process=$!
  # Keeps the shell from reporting how the process ends.
  disown "$process"
  started+=("$process")
}

# ends PROCESS TENTHS: whether the process ends within this many tenths of a second.
ends() {
  local left=$2
  while kill -0 "$1" 2> /dev/null; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    sleep 0.1
  done
}

end_started() {
  local process
  for process in "${started[@]}"; do kill -TERM "$process" 2> /dev/null || true; done
  for process in "${started[@]}"; do
    ends "$process" 50 || kill -KILL "$process" 2> /dev/null || true
    ends "$process" 50 || true
  done
  started=()
}

# Forgets a process that another program ends, because its number may soon belong to another process.
forget_process() {
  local process others=()
  ends "$1" 50
  for process in "${started[@]}"; do
    [ "$process" = "$1" ] || others+=("$process")
  done
  started=("${others[@]}")
}

finish() {
  local code=$?
  trap - EXIT INT TERM
  end_started
  remove_network
  rm -rf "$scratch" "$memory"
  rmdir "$disk" 2> /dev/null || true
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { echo "$(date +%H:%M:%S) $*" >&2; }

# Waits until a command succeeds, for 30 seconds at most.
await() {
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until "$@" > /dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "measure.sh: $what did not answer; see $out" >&2
      exit 1
    fi
    sleep 0.05
  done
}

# sample ROW WHO VALUE
sample() {
  if ! [[ $3 =~ ^[0-9]+(\.[0-9]+)?$ ]]; then
    echo "measure.sh: $1 of $2 gave no number; see $out" >&2
    exit 1
  fi
  say "$1 $2: $3"
  echo "$1,$2,$3" >> "$samples"
}

# Forgets earlier samples of a row.
forget() {
  local row
  for row in "$@"; do
    awk -F, -v row="$row" '$1 != row' "$samples" > "$samples.new"
    mv "$samples.new" "$samples"
  done
}

# field NAME: prints VALUE of NAME=VALUE in the standard input.
field() { tr ' ' '\n' | awk -F= -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }'; }

# column FILE PROTOCOL NAME: values in a CSV file whose first line has the names.
column() {
  awk -F, -v protocol="$2" -v name="$3" '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["protocol"] == protocol { print $at[name]; found = 1 }
    END { exit !found }' "$1"
}

# ours LABEL DATA_DIRECTORY FILE [flags]: runs an experiment and sets $run to the directory of its results.
ours() {
  local label=$1 data=$2 file=$3
  shift 3
  rm -rf "$scratch/run"
  [ $keeps_awake = yes ] || set -- --let-sleep "$@"
  if ! timeout --foreground 240 "$rsmbench" run "$here/$file" --out "$scratch/run" --data "$data" --quiet "$@" \
    > "$out/$label.log" 2>&1; then
    tail -5 "$out/$label.log" >&2
    echo "measure.sh: rsmbench run $file failed; see $out/$label.log" >&2
    exit 1
  fi
  run=$scratch/run/latest
}

# An etcd of three nodes, on ports that were free a moment before.
etcd_processes=()
etcd_directory=
etcd_ports=()
etcd_endpoints=

free_ports() {
  local port found=()
  for port in $(seq 23791 24200); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || found+=("$port")
    [ ${#found[@]} -lt "$1" ] || break
  done
  echo "${found[@]}"
}

# start_etcd_node INDEX new|existing
start_etcd_node() {
  local i=$1 peers="n0=http://127.0.0.1:${etcd_ports[3]},n1=http://127.0.0.1:${etcd_ports[4]}"
  peers+=",n2=http://127.0.0.1:${etcd_ports[5]}"
  start "$out/etcd$i.log" etcd --name "n$i" --data-dir "$etcd_directory/n$i" \
    --listen-client-urls "http://127.0.0.1:${etcd_ports[$i]}" \
    --advertise-client-urls "http://127.0.0.1:${etcd_ports[$i]}" \
    --listen-peer-urls "http://127.0.0.1:${etcd_ports[$((i + 3))]}" \
    --initial-advertise-peer-urls "http://127.0.0.1:${etcd_ports[$((i + 3))]}" \
    --initial-cluster "$peers" --initial-cluster-state "$2" --initial-cluster-token peers \
    --heartbeat-interval 100 --election-timeout 1000 --logger zap --log-level error
  etcd_processes[i]=$process
}

# etcd_ask PORT PATH QUESTION: asks over the JSON gateway, and needs only bash for it.
etcd_ask() (
  exec 3<> "/dev/tcp/127.0.0.1/$1"
  printf 'POST %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' "$2" ${#3} "$3" >&3
  timeout 2 cat <&3
)

# Whether the node on this port answers a linearizable read.
etcd_answers() { etcd_ask "$1" /v3/kv/range '{"key":"cmVhZHk="}' | grep revision; }

# Prints the address of etcd's leader.
etcd_leader() {
  local i
  for i in 0 1 2; do
    if etcd_ask "${etcd_ports[$i]}" /v3/maintenance/status '{}' | tr '{},' '\n' | awk -F'"' '
      $2 == "member_id" { self = $4 }
      $2 == "leader" { leader = $4 }
      END { exit !(self != "" && self == leader) }'; then
      echo "127.0.0.1:${etcd_ports[$i]}"
      return
    fi
  done
}

start_etcd() {
  local i
  etcd_directory=$1/etcd
  rm -rf "$etcd_directory"
  mkdir -p "$etcd_directory"
  read -r -a etcd_ports <<< "$(free_ports 6)"
  etcd_endpoints=127.0.0.1:${etcd_ports[0]},127.0.0.1:${etcd_ports[1]},127.0.0.1:${etcd_ports[2]}
  for i in 0 1 2; do start_etcd_node "$i" new; done
  for i in 0 1 2; do await "etcd node $i" etcd_answers "${etcd_ports[$i]}"; done
}

stop_etcd() {
  end_started
  rm -rf "$etcd_directory"
}

# etcd_load put|get CLIENTS: prints ops_per_s=... p50_us=...
etcd_load() {
  if [ -n "$etcd_client" ]; then
    timeout --foreground 60 "$etcd_client" -endpoints "$etcd_endpoints" -clients "$2" "$1"
    return
  fi
  local mix='{ put: 1 }' kind=write leader
  leader=$(etcd_leader)
  [ "$1" = put ] || { mix='{ get: 0.99, put: 0.01 }' kind=read; }
  ours etcd-gateway "$scratch" writes.json5 --set protocols=[] --set "target={ etcd: \"$leader\" }" \
    --set "workload.mix=$mix" --set "workload.clients=$2" --set workload.keys=1000
  echo "ops_per_s=$(column "$run/trials.csv" etcd throughput) p50_us=$(column "$run/trials.csv" etcd ${kind}_p50_us)"
}

measure_disk() {
  ours writes-disk "$scratch" writes.json5
  sample writes-disk ours "$(column "$run/trials.csv" raft throughput)"
  ours latency "$scratch" latency.json5
  sample latency ours "$(column "$run/trials.csv" raft write_p50_us)"
  sample latency floor "$("$floor" 1 3 "$scratch" | field p50_us)"
  start_etcd "$scratch"
  sample writes-disk etcd "$(etcd_load put 256 | field ops_per_s)"
  sample latency etcd "$(etcd_load put 1 | field p50_us)"
  stop_etcd
}

measure_memory() {
  ours writes-memory "$scratch" writes.json5 --set 'disk="none"'
  sample writes-memory ours "$(column "$run/trials.csv" raft throughput)"
  start_etcd "$memory"
  sample writes-memory etcd "$(etcd_load put 256 | field ops_per_s)"
  stop_etcd
}

measure_floor() {
  ours connections "$scratch" connections.json5
  sample connections ours "$(column "$run/trials.csv" raft throughput)"
  sample connections floor "$("$floor" 64 3 | field ops_per_s)"
}

measure_reads() {
  ours reads "$memory" reads.json5
  sample reads ours "$(column "$run/trials.csv" raft throughput)"
  start_etcd "$memory"
  sample reads etcd "$(etcd_load get 256 | field ops_per_s)"
  stop_etcd
}

measure_failover() {
  local i outage line victim row flags
  for row in failover failover-timeout; do
    if [ $row = failover ]; then flags=(); else flags=(--set options.raft.electOnDisconnect=false); fi
    ours $row "$scratch" failover.json5 --trials $((kills / 5)) "${flags[@]}"
    column "$run/faults.csv" raft write_outage_ms > "$scratch/outages"
    while read -r outage; do sample $row ours "$outage"; done < "$scratch/outages"
  done
  if [ -z "$etcd_client" ]; then
    say "failover etcd: not measured without its Go client"
    return
  fi
  start_etcd "$scratch"
  for ((i = 0; i < kills; i++)); do
    line=$(timeout --foreground 60 "$etcd_client" -endpoints "$etcd_endpoints" -clients 16 -keys 1000 \
      -pids "$(IFS=,; echo "${etcd_processes[*]}")" failover)
    for row in failover failover-timeout; do
      sample $row etcd "$(echo "$line" | field outage_ms)"
    done
    victim=$(echo "$line" | field victim)
    forget_process "${etcd_processes[$victim]}"
    start_etcd_node "$victim" existing
    await "etcd node $victim" etcd_answers "${etcd_ports[$victim]}"
  done
  stop_etcd
}

# redis_benchmark PORT: prints SETs per second, measured after a warm-up.
redis_benchmark() {
  local arguments=(-p "$1" -t set -d 256 -c 50 -P 16 -r 10000 --csv)
  timeout --foreground 60 redis-benchmark "${arguments[@]}" -n 200000 > "$out/redis-benchmark.log" 2>&1
  timeout --foreground 60 redis-benchmark "${arguments[@]}" -n 1500000 \
    2>> "$out/redis-benchmark.log" | awk -F'","' '/^"SET"/ { print $2 }'
}

# serve_sample ROW DIRECTORY [flags]
serve_sample() {
  local row=$1 data=$2/serve port
  shift 2
  port=$(free_ports 1)
  start "$out/serve.log" "$rsmbench" serve --protocol raft --replicas 3 --port "$port" --data "$data" "$@"
  await "rsmbench serve" redis-cli -e -p "$port" set ready yes
  sample "$row" ours "$(redis_benchmark "$port")"
  end_started
  rm -rf "$data"
}

redis_sample() {
  local port
  port=$(free_ports 1)
  start "$out/redis.log" redis-server --port "$port" --bind 127.0.0.1 --dir "$memory" --save '' \
    --appendonly no
  await redis-server redis-cli -e -p "$port" set ready yes
  sample "$1" redis "$(redis_benchmark "$port")"
  end_started
}

# Redis has no replicas here and never syncs its disk, which are its defaults.
measure_serve() {
  serve_sample serve "$scratch" --no-sync
  redis_sample serve
  serve_sample serve-disk "$scratch"
  sample serve-disk redis "$(awk -F, '$1 == "serve" && $2 == "redis" { last = $3 } END { print last }' "$samples")"
}

measure_protocols() {
  local protocol where flags=()
  for where in disk memory; do
    if [ $where = memory ]; then flags=(--set 'disk="none"'); fi
    ours "protocols-$where" "$scratch" writes.json5 "${flags[@]}" \
      --set 'protocols=["raft", "primary-backup", "chain-replication"]'
    for protocol in primary-backup chain-replication; do
      sample $protocol-$where ours "$(column "$run/trials.csv" $protocol throughput)"
      sample $protocol-$where raft "$(column "$run/trials.csv" raft throughput)"
    done
  done
}

# shellcheck source=interface.sh
. "$here/interface.sh"

# Rows of the table: name|goal|unit|statistic of both systems (median or largest)|peer|relation|factor
goals() {
  cat << 'END'
writes-disk|Raft writes, fdatasync, 256 clients over 2 connections|ops/s|median|etcd|>=|20
writes-memory|the same without sync, etcd on tmpfs|ops/s|median|etcd|>=|40
connections|the same, 64 clients with a connection each|ops/s|median|floor|>=|0.8
latency|one client, fdatasync: median latency|us|median|etcd|<=|0.5
latency|one client, fdatasync: median latency|us|median|floor|<=|1.3
reads|linearizable reads, 256 clients|ops/s|median|etcd|>=|20
failover|no service after SIGKILL of the leader, 100 ms / 1000 ms, electOnDisconnect: median|ms|median|etcd|<=|1
failover|no service after SIGKILL of the leader, 100 ms / 1000 ms, electOnDisconnect: worst|ms|largest|etcd|<=|0.5
failover-timeout|the same by timeouts alone: median|ms|median|etcd||
failover-timeout|the same by timeouts alone: worst|ms|largest|etcd||
serve|redis-benchmark -t set -d 256 -c 50 -P 16: three replicas without sync, Redis alone|ops/s|median|redis|>=|0.5
serve-disk|the same with fdatasync, Redis as before|ops/s|median|redis||
primary-backup-disk|primary-backup and Raft, fdatasync, 256 clients|ops/s|median|raft||
primary-backup-memory|primary-backup and Raft, no sync, 256 clients|ops/s|median|raft||
chain-replication-disk|chain replication and Raft, fdatasync, 256 clients|ops/s|median|raft||
chain-replication-memory|chain replication and Raft, no sync, 256 clients|ops/s|median|raft||
interface-multi-paxos|Multi-Paxos and Raft, 5 replicas, 64 KiB, interfaces of 200 Mbit/s|ops/s|median|raft||
interface-primary-backup|primary-backup and Raft, the same|ops/s|median|raft||
interface-chain-replication|chain replication and Raft, the same|ops/s|median|raft|>=|2
END
}

# statistic ROW WHO median|largest: prints the statistic, or an empty string if there are no samples.
statistic() {
  awk -F, -v row="$1" -v who="$2" '$1 == row && $2 == who { print $3 }' "$samples" | sort -g |
    awk -v what="$3" '{ value[NR] = $1 }
      END {
        if (NR == 0) exit
        if (what == "largest") print value[NR]
        else print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2
      }'
}

table() {
  local name text unit what peer relation factor our_value peer_value
  while IFS='|' read -r name text unit what peer relation factor; do
    our_value=$(statistic "$name" ours "$what")
    peer_value=$(statistic "$name" "$peer" "$what")
    awk -v OFS='|' -v text="$text" -v goal="${relation:+$relation $factor x $peer}" -v unit="$unit" \
      -v ours="$our_value" -v peer="$peer_value" -v relation="$relation" -v factor="$factor" '
      function shown(value) {
        if (value == "") return "-"
        return sprintf(value >= 100 ? "%.0f" : "%.1f", value)
      }
      BEGIN {
        ratio = "-"; met = relation == "" ? "reported" : "not measured"
        if (ours != "" && peer != "") {
          ratio = sprintf("%.2f", ours / peer)
          if (relation == ">=") met = ours >= factor * peer ? "yes" : "no"
          if (relation == "<=") met = ours <= factor * peer ? "yes" : "no"
        }
        print text, goal == "" ? "-" : goal, unit, shown(ours), shown(peer), ratio, met
      }'
  done < <(goals)
}

versions() {
  local processor protocol=gRPC
  [ -n "$etcd_client" ] || protocol="its JSON gateway"
  processor=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
  echo "$(date -u +%Y-%m-%d), $(nproc) x $processor, $(uname -sr), disk $(df --output=fstype "$disk" | tail -1)"
  echo "rsmbench $(git -C "$root" rev-parse --short HEAD 2> /dev/null || echo unknown), \
etcd $(etcd --version | awk 'NR == 1 { print $3 }') over $protocol, \
$([ $sleeps = no ] && echo "processors kept awake" || echo "processors sleep when idle"), \
redis $(redis-server --version | tr ' ' '\n' | awk -F= '/^v=/ { print $2 }'), $(cc --version | head -1)"
}

report() {
  local header='row|goal|unit|ours|peer|ratio|met'
  { echo "$header"; table; } > "$scratch/table"
  tr ',' ';' < "$scratch/table" | tr '|' ',' > "$out/peers.csv"
  {
    awk -F'|' '{
      for (i = 1; i <= NF; i++) printf "| %s ", $i
      print "|"
      if (NR == 1) { for (i = 1; i <= NF; i++) printf "| --- "; print "|" }
    }' "$scratch/table"
    echo
    versions
  } > "$out/peers.md"
  awk -F'|' '{
    for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) }
    columns = NF
  }
  END {
    for (r = 1; r <= NR; r++) {
      line = ""
      for (i = 1; i <= columns; i++)
        line = line sprintf("%" (i >= 4 && i <= 6 ? "" : "-") width[i] "s  ", cell[r, i])
      print line
    }
  }' "$scratch/table"
  echo
  versions
  say "also in $out/peers.md and $out/peers.csv, every sample in $samples"
}

# The number written here is the longest wake-up time in microseconds. The kernel respects it while the file is
# open (Documentation/power/pm_qos_interface.rst), that is, until this script has ended, however it ends.
if [ $keeps_awake = yes ] && [ -w /dev/cpu_dma_latency ]; then
  exec {latency}> /dev/cpu_dma_latency
  printf '\0\0\0\0' >&"$latency"
  sleeps=no
fi

say "building"
rsmbench=${RSMBENCH:-}
if [ -z "$rsmbench" ]; then
  swift build -c release --package-path "$root" --product rsmbench >&2
  rsmbench=$(swift build -c release --package-path "$root" --show-bin-path)/rsmbench
fi
floor=$scratch/floor
cc -O2 -o "$floor" "$here/floor.c"
etcd_client=
if [ $gateway = yes ]; then
  say "etcd is loaded over its JSON gateway"
elif command -v go > /dev/null && [ -d /usr/share/gocode/src/go.etcd.io/etcd/clientv3 ]; then
  etcd_client=$scratch/etcd-load
  (cd "$here/etcd-load" && GO111MODULE=off GOPATH=/usr/share/gocode \
    go build -o "$etcd_client" .)
else
  say "no Go client of etcd (Debian: golang-go golang-etcd-server-dev): its JSON gateway is measured"
fi

for row in ${rows//,/ }; do
  case $row in
    disk) forget writes-disk latency ;;
    memory) forget writes-memory ;;
    floor) forget connections ;;
    failover) forget failover failover-timeout ;;
    serve) forget serve serve-disk ;;
    protocols)
      forget primary-backup-disk primary-backup-memory chain-replication-disk chain-replication-memory
      ;;
    interface)
      forget interface-multi-paxos interface-primary-backup interface-chain-replication
      ;;
    *) forget "$row" ;;
  esac
done
for ((round = 1; round <= rounds; round++)); do
  say "round $round of $rounds"
  for row in ${rows//,/ }; do
    [ "$row" = failover ] || "measure_$row"
  done
done
case ,$rows, in *,failover,*) measure_failover ;; esac
report
