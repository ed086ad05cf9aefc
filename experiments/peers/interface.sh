# The rows of measure.sh for nodes behind limited interfaces; measure.sh reads this file. Every replica has a
# network namespace with one interface, whose egress `tc` limits by a token bucket (tbf). The load and the
# authority are on a bridge in a namespace of their own, without a limit. The network cannot be seen or reached
# from outside, and it is removed when the script ends.

interface_replicas=5
interface_rate=200mbit
interface_network=rsmbench-$$

# Creates the network, or prints why it cannot and fails.
try_network() {
  if [ "$(id -u)" != 0 ]; then
    say "limited interfaces are not measured: network namespaces need root"
  elif ! command -v ip > /dev/null || ! command -v tc > /dev/null; then
    say "limited interfaces are not measured: ip and tc are missing (Debian: iproute2)"
  elif ! lay_network 2> "$out/interface.log"; then
    remove_network
    say "limited interfaces are not measured: this kernel makes no namespace, bridge or tbf (see $out/interface.log)"
  else
    return 0
  fi
  return 1
}

lay_network() {
  local i node
  ip netns add "$interface_network" || return
  ip -n "$interface_network" link add bridge type bridge || return
  ip -n "$interface_network" addr add 10.77.0.254/24 dev bridge || return
  ip -n "$interface_network" link set bridge up || return
  ip -n "$interface_network" link set lo up || return
  for ((i = 0; i < interface_replicas; i++)); do
    node=$interface_network-$i
    ip netns add "$node" || return
    ip -n "$interface_network" link add "port$i" type veth peer name eth0 netns "$node" || return
    ip -n "$interface_network" link set "port$i" master bridge up || return
    ip -n "$node" addr add "10.77.0.$((i + 1))/24" dev eth0 || return
    ip -n "$node" link set eth0 up || return
    ip -n "$node" link set lo up || return
    tc -n "$node" qdisc add dev eth0 root tbf rate $interface_rate burst 256kb limit 8mb || return
  done
}

# Removes the namespaces, which removes their interfaces and the bridge too.
remove_network() {
  local i
  for ((i = 0; i < interface_replicas; i++)); do ip netns del "$interface_network-$i" 2> /dev/null || true; done
  ip netns del "$interface_network" 2> /dev/null || true
}

# write_hosts PROTOCOL FILE: writes a hosts file for the protocol.
write_hosts() {
  local i nodes=() authority=
  for ((i = 1; i <= interface_replicas; i++)); do nodes+=("'10.77.0.$i:7400',"); done
  case $1 in
    primary-backup | chain-replication)
      authority="authority: ['10.77.0.254:7500', '10.77.0.254:7501', '10.77.0.254:7502'],"
      ;;
  esac
  echo "{ cluster: 'peers-$1', protocol: '$1', nodes: [${nodes[*]}], $authority }" > "$2"
}

# interface_throughput PROTOCOL: measures a protocol and sets $throughput.
interface_throughput() {
  local protocol=$1 hosts=$scratch/$1.json5 data=$scratch/interface i
  write_hosts "$protocol" "$hosts"
  rm -rf "$data" "$scratch/run"
  for ((i = 0; i < interface_replicas; i++)); do
    start "$out/interface-$protocol.log" ip netns exec "$interface_network-$i" \
      "$rsmbench" node --hosts "$hosts" --node "$i" --data "$data/$i"
  done
  case $protocol in
    primary-backup | chain-replication)
      for ((i = interface_replicas; i < interface_replicas + 3; i++)); do
        start "$out/interface-$protocol.log" ip netns exec "$interface_network" \
          "$rsmbench" node --hosts "$hosts" --node "$i" --data "$data/$i"
      done
      ;;
  esac
  if ! timeout --foreground 120 ip netns exec "$interface_network" "$rsmbench" run "$here/interface.json5" \
    --hosts "$hosts" --out "$scratch/run" --quiet >> "$out/interface-$protocol.log" 2>&1; then
    tail -5 "$out/interface-$protocol.log" >&2
    echo "measure.sh: the row for limited interfaces failed; see $out/interface-$protocol.log" >&2
    exit 1
  fi
  throughput=$(column "$scratch/run/latest/trials.csv" "$protocol" throughput)
  end_started
  rm -rf "$data"
}

measure_interface() {
  local protocol of_raft throughput
  try_network || return 0
  interface_throughput raft
  of_raft=$throughput
  for protocol in multi-paxos primary-backup chain-replication; do
    interface_throughput $protocol
    sample interface-$protocol ours "$throughput"
    sample interface-$protocol raft "$of_raft"
  done
  remove_network
}
