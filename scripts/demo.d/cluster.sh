# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # root and colours come from scripts/demo
# The scene "cluster" of scripts/demo, which sources this file: three machines in two subnets, each with plumbd.

declare -A subnet=([n1]=1 [n2]=1 [n3]=2) daemon=() disk=() # the last two: processes by machine
others=()

number() { echo "${1#n}"; }
pod_of() { echo "pod$(number "$1")"; }

# on NODE COMMAND...: in the machine's network namespace, with its own /run/plumb, /var/lib/plumb and CNI state
on() {
  local node=$1
  shift
  nsenter --net="/run/netns/$node" --mount="/proc/${disk[$node]}/ns/mnt" "$@"
}

plumbd_on() { on "$1" "$CNI_PATH/plumbd" "${@:2}" --config "/run/demo/$1/plumbd.yaml"; }

# stop PID...
stop() {
  local pid
  for pid in "$@"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}

# Two switches and the router between them.
make_switches() {
  local each
  ip netns add router
  ip netns exec router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
  for each in 1 2; do
    ip -n router link add "switch$each" address "02:00:00:00:fe:0$each" type bridge
    ip -n router link set "switch$each" up
    ip -n router addr add "10.0.$each.254/24" dev "switch$each"
    ip -n router addr add "fd00:0:0:$each::fe/64" dev "switch$each"
  done
}

# The folders are the machine's disk: they stay when its namespaces are removed.
power_on() {
  local node=$1 net=${subnet[$1]}
  ip netns add "$node"
  ip netns exec "$node" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
  mkdir -p "/run/demo/$node/"{run-plumb,lib-plumb,lib-cni}
  mkdir -p /run/plumb /var/lib/plumb /var/lib/cni
  # shellcheck disable=SC2016 # expanded inside
  exec 6< <(folder=/run/demo/$node exec unshare --mount --propagation unchanged bash -ec '
    mount --bind "$folder/run-plumb" /run/plumb
    mount --bind "$folder/lib-plumb" /var/lib/plumb
    mount --bind "$folder/lib-cni" /var/lib/cni
    echo ready
    exec sleep infinity')
  disk[$node]=$!
  read -r -t 10 _ <&6 || die "$node: no mount namespace of its own"
  ip -n router link add "to-$node" type veth peer name eth0 netns "$node"
  ip -n router link set "to-$node" master "switch$net" up
  ip -n "$node" link set lo up
  ip -n "$node" link set eth0 up
  ip -n "$node" addr add "10.0.$net.$(number "$node")/24" dev eth0
  ip -n "$node" addr add "fd00:0:0:$net::$(number "$node")/64" dev eth0
  ip -n "$node" route add default via "10.0.$net.254"
  ip -n "$node" route add default via "fd00:0:0:$net::fe"
}

power_off() {
  local node=$1
  kill -KILL "${daemon[$node]}"
  wait "${daemon[$node]}" 2>/dev/null || true
  unset "daemon[$node]"
  ip netns delete "$(pod_of "$node")"
  ip -n router link delete "to-$node"
  kill "${disk[$node]}"
  ip netns delete "$node"
  find "/run/demo/$node/run-plumb" -mindepth 1 -delete
}

# write_nodes NODE...: the list that all of them read, replaced as a whole
write_nodes() {
  local node
  for node in "$@"; do
    printf '%s addresses=10.0.%d.%d,fd00:0:0:%d::%d ranges=10.244.%d.0/24,fd00:244:%d::/64\n' "$node" "${subnet[$node]}" "$(number "$node")" \
      "${subnet[$node]}" "$(number "$node")" "$(number "$node")" "$(number "$node")"
  done >/run/demo/nodes.new
  mv /run/demo/nodes.new /run/demo/nodes
}

# write_config NODE BACKEND
write_config() {
  cat >"/run/demo/$1/plumbd.yaml" <<END
node: $1
source: file
file: { path: /run/demo/nodes }
backend: $2
network: { ranges: [10.244.0.0/16, "fd00:244::/32"] }
cniConf: /run/plumb/net.d/10-plumb.conflist
END
}

start_plumbd() {
  local node=$1 start=$EPOCHREALTIME
  on "$node" mkdir -p /run/plumb/net.d
  # Not by on(): its process would be a shell that waits for plumbd.
  nsenter --net="/run/netns/$node" --mount="/proc/${disk[$node]}/ns/mnt" "$CNI_PATH/plumbd" run --config "/run/demo/$node/plumbd.yaml" \
    >>"/run/demo/$node/plumbd.log" 2>&1 7>&- 8>&- & # no other process may hold the probe's input open
  daemon[$node]=$!
  until on "$node" curl -fs -o /dev/null http://127.0.0.1:9474/readyz; do
    kill -0 "${daemon[$node]}" 2>/dev/null || { cat "/run/demo/$node/plumbd.log" >&2; die "$node: plumbd ended"; }
    [[ $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print (b - a > 15) }') == 0 ]] ||
      { cat "/run/demo/$node/plumbd.log" >&2; die "$node: plumbd is not ready after 15 s"; }
    sleep 0.01
  done
  good "$node: ready after $(elapsed "$start") s"
}

add_cluster_pod() {
  local node=$1 pod start=$EPOCHREALTIME
  pod=$(pod_of "$node")
  ip netns add "$pod"
  NETCONFPATH=/run/plumb/net.d on "$node" "$CNI_PATH/cnitool" add plumb "/run/netns/$pod" >/dev/null
  good "$(printf '%s on %s  %-12s %-18s MTU %s' "$pod" "$node" "$(address "$pod" 4)" "$(address "$pod" 6)" "$(ip netns exec "$pod" cat /sys/class/net/eth0/mtu)") ${dim}[$(elapsed "$start") s]$plain"
}

# run_shown NODE WORDS...: a sub-command of plumbd and what it prints
run_shown() {
  local node=$1
  shift
  printf '  %s%s$ plumbd %s%s\n' "$dim" "$node" "$*" "$plain"
  # 3: healthy but for a condition that the output names, such as pods that were made before a change of the backend.
  { plumbd_on "$node" "$@" || [[ $? == 3 ]]; } | sed 's/^/    /'
}

show_tables() {
  local node=$1
  printf '  %s%s: routes of plumbd%s\n' "$dim" "$node" "$plain"
  { ip -n "$node" -4 route show && ip -n "$node" -6 route show; } | grep -E 'proto (86|87)' | sed -E 's/ (proto|metric|pref) [^ ]+//g; s/^/    /'
  printf '  %s%s: neighbours in the tunnel%s\n' "$dim" "$node" "$plain"
  { ip -n "$node" -4 neigh show dev plumb-vxlan && ip -n "$node" -6 neigh show dev plumb-vxlan nud permanent; } | sed 's/^/    /'
  printf '  %s%s: forwarding table of the tunnel%s\n' "$dim" "$node" "$plain"
  bridge -n "$node" fdb show dev plumb-vxlan | sed 's/^/    /'
}

stream() {
  local from=$1 to=$2 how=$3 rate
  rate=$(ip netns exec "$from" iperf3 -c "$(address "$to" 4)" -t 2 -f g | awk '/receiver/ { print $7, $8 }')
  [[ -n $rate ]] || die "iperf3 from $from to $to failed"
  good "$(printf '%s -> %s  %-16s %s' "$from" "$to" "$rate" "$how")"
}

stream_all() {
  local pid
  for pod in pod2 pod3; do
    ip netns exec "$pod" iperf3 -s >/dev/null 2>&1 &
    others+=($!)
    for _ in {1..200}; do
      ! ip netns exec "$pod" ss -Hltn | grep -q ':5201' || break
      sleep 0.02
    done
  done
  stream pod1 pod2 "same subnet: direct route"
  stream pod1 pod3 "across the router: tunnel"
}

ping_all() {
  local from to family
  for from in pod1 pod2 pod3; do
    for to in pod1 pod2 pod3; do
      [[ $from != "$to" ]] || continue
      for family in 4 6; do ping_once "$from" "$(address "$to" "$family")"; done
    done
  done
}

# With a packet per millisecond each way between pod1 and pod3.
kill_plumbd() {
  local answer sent lost outage _
  mkfifo /run/demo/probe-in /run/demo/probe-out
  python3 "$root/tests/lab/cluster_probe.py" /run/netns/pod1 "$(address pod1 4)" /run/netns/pod3 "$(address pod3 4)" 200 \
    </run/demo/probe-in >/run/demo/probe-out &
  others+=($!)
  exec 7>/run/demo/probe-in 8</run/demo/probe-out
  read -r -t 15 answer <&8 || true
  [[ ${answer:-} == "both ways" ]] || die "no packet passes between pod1 and pod3: ${answer:-}"
  for _ in 1 2 3; do
    kill -KILL "${daemon[n1]}"
    wait "${daemon[n1]}" 2>/dev/null || true
    start_plumbd n1
  done
  exec 7>&-
  read -r -t 15 sent lost outage _ <&8 || die "the probe says nothing"
  [[ $lost == 0 ]] || die "$lost of $sent packets were lost"
  good "$sent packets, one per ms each way: none lost, longest silence $(awk -v s="$outage" 'BEGIN { printf "%.0f", s * 1000 }') ms"
}

# within SECONDS WHAT COMMAND...: until the command succeeds; WHAT names the condition for the error message
within() {
  local seconds=$1 what=$2 start=$EPOCHREALTIME
  shift 2
  until "$@"; do
    [[ $(awk -v a="$start" -v b="$EPOCHREALTIME" -v most="$seconds" 'BEGIN { print (b - a > most) }') == 0 ]] || die "$what after $seconds s"
    sleep 0.01
  done
}

has_routes() { [[ $({ ip -n "$1" -4 route show && ip -n "$1" -6 route show; } | grep -cE '^(10\.244\.3\.|fd00:244:3:)') == "$2" ]]; }

# wait_routes NODE WANTED: until the number of routes to n3's ranges is as wanted
wait_routes() {
  local start=$EPOCHREALTIME
  within 10 "$1: not $2 routes to n3" has_routes "$1" "$2"
  good "$1: $2 routes to n3 after $(elapsed "$start") s"
}

lose_a_node() {
  power_off n3
  good "n3 is off"
  write_nodes n1 n2
  wait_routes n1 0
  ping_once pod1 "$(address pod2 4)"
  power_on n3
  write_nodes n1 n2 n3
  wait_routes n1 2
  start_plumbd n3
  NETCONFPATH=/run/plumb/net.d on n3 "$CNI_PATH/cnitool" del plumb /run/netns/pod3
  good "n3: DEL of the pod that was there, as a runtime does when it starts"
  add_cluster_pod n3
  ping_once pod1 "$(address pod3 4)"
  ping_once pod3 "$(address pod2 6)"
}

# As under a service manager: BIRD keeps running without plumbd, which writes its configuration.
start_bird() {
  local node=$1
  nsenter --net="/run/netns/$node" --mount="/proc/${disk[$node]}/ns/mnt" bird -f -c /run/plumb/bird.conf -s /run/plumb/bird.ctl \
    >"/run/demo/$node/bird.log" 2>&1 &
  others+=($!)
}

has_bird_route() { [[ -n $(ip -n "$1" "-$2" route show "$3" proto bird) ]]; }

# wait_bgp NODE FAMILY RANGE: until BIRD has the route in the kernel
wait_bgp() {
  local start=$EPOCHREALTIME
  within 15 "$1: no route of BIRD to $3" has_bird_route "$@"
  good "$1: BIRD has a route to $3 after $(elapsed "$start") s"
}

# One for IPv4 and one for IPv6.
has_all_sessions() { { plumbd_on "$1" status 2>/dev/null || [[ $? == 3 ]]; } | grep '^BIRD: 2 of 2 sessions up' >/dev/null; }

# n1 and n2 share a subnet, so routers between them need not know of pods.
change_to_bgp() {
  local node
  remove_from n3
  good "n3 is given up"
  write_nodes n1 n2
  for node in n1 n2; do
    write_config "$node" bgp
    start_plumbd "$node"
    start_bird "$node"
  done
  for node in n1 n2; do
    wait_bgp "$node" 4 "10.244.$((3 - $(number "$node"))).0/24"
    wait_bgp "$node" 6 "fd00:244:$((3 - $(number "$node")))::/64"
  done
  within 15 "n1: a session is down" has_all_sessions n1
  run_shown n1 status
  printf '  %sn1$ birdc -s /run/plumb/bird.ctl show protocols%s\n' "$dim" "$plain"
  on n1 birdc -r -s /run/plumb/bird.ctl show protocols | sed 1,2d | indent | indent
  printf '  %sn1: routes of BIRD%s\n' "$dim" "$plain"
  { ip -n n1 -4 route show proto bird && ip -n n1 -6 route show proto bird; } | sed 's/^/    /'
  ping_once pod1 "$(address pod2 4)"
  ping_once pod2 "$(address pod1 6)"
}

stop_plumbds() {
  stop "${daemon[@]}"
  daemon=()
  ping_once pod1 "$(address pod3 4)"
}

# remove_from NODE...: the pods, and all that plumbd made
remove_from() {
  local node
  for node in "$@"; do
    # cnitool warns that the pods were made before the change to BGP.
    NETCONFPATH=/run/plumb/net.d on "$node" "$CNI_PATH/cnitool" del plumb "/run/netns/$(pod_of "$node")" 2> >(grep -v 'has changed since' >&2)
    plumbd_on "$node" cleanup >/dev/null
  done
}

remove_all() {
  local node
  stop "${others[@]}" "${daemon[@]}"
  others=() daemon=()
  remove_from n1 n2
  for node in n1 n2 n3; do
    nothing_left "route of plumbd on $node" "$({ ip -n "$node" -4 route show table all && ip -n "$node" -6 route show table all; } | grep -E 'proto 8[5-9]' || true)"
    nothing_left "tunnel on $node" "$(ip -n "$node" -br link show type vxlan)"
    nothing_left "nft table on $node" "$(ip netns exec "$node" nft list tables | grep -w plumb || true)"
  done
}

demo_cluster() {
  local node
  unset PLUMB_DEMO_BEGUN # plumbd takes every PLUMB_... for a key of its configuration
  make_world "$1"
  trap 'stop "${others[@]}" "${daemon[@]}" "${disk[@]}"' EXIT
  title "Three machines in two subnets (namespaces that end with this script)"
  make_switches
  for node in n1 n2 n3; do power_on "$node"; done
  cat <<'END'
    n1 10.0.1.1 --+
                  +-- switch1 -- router -- switch2 --+-- n3 10.0.2.3
    n2 10.0.1.2 --+
END
  write_nodes n1 n2 n3
  title "The list of nodes, the same file for all"
  sed 's/^/  /' /run/demo/nodes
  for node in n1 n2 n3; do write_config "$node" auto; done
  title "plumbd on each, with backend \"auto\": direct routes inside a subnet, VXLAN across the router"
  for node in n1 n2 n3; do start_plumbd "$node"; done
  title "A pod on each, by cnitool and the list that plumbd wrote"
  for node in n1 n2 n3; do add_cluster_pod "$node"; done

  title "What n1 knows"
  run_shown n1 status
  run_shown n1 nodes
  show_tables n1
  title "Pod to pod"
  ping_all
  title "The way from n1 to a pod, explained"
  run_shown n1 explain "$(address pod2 4)"
  run_shown n1 explain "$(address pod3 4)"
  title "One TCP stream"
  stream_all

  title "plumbd on n1 is killed three times (SIGKILL), and pods talk on"
  kill_plumbd
  title "n3 loses its power, leaves the list, and comes back with its disk"
  lose_a_node
  title "plumbd is stopped everywhere: the network works on"
  stop_plumbds
  title "n1 and n2 change to BGP: plumbd configures BIRD, the pods stay"
  change_to_bgp
  title "Everything is removed"
  remove_all
}
