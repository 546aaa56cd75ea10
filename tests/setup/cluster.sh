#!/bin/bash
# A Kubernetes API of our own for tests: etcd, kube-apiserver and, where there is one, kube-controller-manager (garbage
# collection, namespaces, service accounts). No nodes, no pods.
#
#   cluster.sh start [--directory DIR] [--idle SECONDS]   starts what does not run yet, prints the path of the administrator's kubeconfig
#   cluster.sh stop [--directory DIR]                     ends it and removes all that it wrote
#   cluster.sh status [--directory DIR]                   says what runs; exit code 1 when it is not all of it
#
# One cluster per directory (default: target/cluster). It ends by itself when nobody has called `start` or touched
# DIR/used for SECONDS (default 900). Where SEAL_TEST_KUBECONFIG names a cluster, `start` prints that and starts nothing.
# DIR has NAME.pid and NAME.log of each program, audit.log (what service accounts asked for), and the kubeconfig.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
components=(etcd kube-apiserver kube-controller-manager)

usage() {
    sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

fail() {
    echo "$1" >&2
    exit "${2:-1}"
}

verb=${1:-}
[ $# -eq 0 ] || shift
directory=${CARGO_TARGET_DIR:-$root/target}/cluster
# A cluster that is wanted by name is not replaced by another one.
named=no
idle=900
while [ $# -gt 0 ]; do
    case $1 in
        --directory) directory=${2:?--directory needs a value} named=yes; shift 2 ;;
        --idle) idle=${2:?--idle needs a value}; shift 2 ;;
        *) usage ;;
    esac
done

# Whether a program of this cluster runs. A number from before a restart of the machine may be another program's by now,
# so the directory has to be on its command line.
running() {
    local pid
    pid=$(cat "$directory/$1.pid" 2>/dev/null) && [ -n "$pid" ] &&
        ps -ww -o args= -p "$pid" 2>/dev/null | grep -qF -- "$directory"
}

# launch NAME COMMAND…: in a session of its own, so that no Ctrl-C of a test reaches it, and without settings of ours,
# some of which etcd would read.
launch() {
    local name=$1
    shift
    setsid env -i PATH="$PATH" HOME="$directory" ETCD_UNSUPPORTED_ARCH=arm64 "$@" >>"$directory/$name.log" 2>&1 </dev/null 9>&- &
    echo $! >"$directory/$name.pid"
}

# A port that nobody listens on, below those that the system gives to outgoing connections.
free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# until_ready NAME COMMAND…: waits for COMMAND to succeed while NAME runs; returns 1 when NAME ended, 2 after two minutes.
until_ready() {
    local name=$1 deadline=$((SECONDS + 120))
    shift
    until "$@"; do
        running "$name" || return 1
        [ $SECONDS -lt $deadline ] || return 2
        sleep 0.1
    done
}

ask() {
    curl --noproxy '*' --silent --fail --insecure --max-time 5 --output /dev/null \
        --header @"$directory/authorization" "https://127.0.0.1:$api_port$1"
}

random() {
    od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}

# All that a cluster keeps for its life; made once per directory.
prepare() {
    [ ! -e "$directory/settings" ] || return 0
    stop_programs
    local token memory=$directory/data
    token=$(random 16)
    echo "$token,administrator,administrator,system:masters" >"$directory/tokens.csv"
    echo "Authorization: Bearer $token" >"$directory/authorization"
    openssl genrsa -out "$directory/service-account.key" 2048 2>/dev/null
    cat >"$directory/audit.yaml" <<YAML
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: ["system:serviceaccounts"]
  - level: None
YAML
    # Data goes to memory where there is any: nobody needs it after the cluster.
    [ ! -w /dev/shm ] || memory=$(mktemp -d /dev/shm/seal-cluster.XXXXXX)
    cat >"$directory/settings" <<SETTINGS
data=$memory
token=$token
etcd_port=$(free_port)
peer_port=$(free_port)
api_port=$(free_port)
SETTINGS
}

write_kubeconfig() {
    cat >"$directory/kubeconfig.new" <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: tests
    cluster:
      server: https://127.0.0.1:$api_port
      certificate-authority-data: $(base64 <"$directory/certificates/apiserver.crt" | tr -d '\n')
users:
  - name: administrator
    user:
      token: $token
contexts:
  - name: tests
    context: {cluster: tests, user: administrator}
current-context: tests
YAML
    mv "$directory/kubeconfig.new" "$directory/kubeconfig"
}

start_etcd() {
    launch etcd "$binaries/etcd" --data-dir "$data/etcd" --name "$directory" --unsafe-no-fsync \
        --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
        --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
        --initial-cluster "$directory=http://127.0.0.1:$peer_port" --log-level warn
    until_ready etcd curl --noproxy '*' --silent --fail --max-time 5 --output /dev/null "http://127.0.0.1:$etcd_port/health"
}

start_api_server() {
    local admission=()
    # Without the controller manager nobody makes the service accounts that this plugin wants to see.
    [ -x "$binaries/kube-controller-manager" ] || admission=(--disable-admission-plugins ServiceAccount)
    launch kube-apiserver "$binaries/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" \
        --bind-address 127.0.0.1 --secure-port "$api_port" --cert-dir "$directory/certificates" \
        --token-auth-file "$directory/tokens.csv" --authorization-mode RBAC "${admission[@]}" \
        --service-account-issuer https://kubernetes.default.svc --service-cluster-ip-range 10.0.0.0/24 \
        --service-account-signing-key-file "$directory/service-account.key" \
        --service-account-key-file "$directory/service-account.key" --profiling=false \
        --audit-policy-file "$directory/audit.yaml" --audit-log-path "$directory/audit.log" \
        --audit-log-maxsize 100 --audit-log-maxbackup 1
    until_ready kube-apiserver ask /readyz || return
    write_kubeconfig
}

start_controller_manager() {
    local old=()
    # Until 1.23 there is a second port, without TLS, that is the same for everybody.
    [[ $("$binaries/kube-controller-manager" --help) != *' --port '* ]] || old=(--port 0)
    launch kube-controller-manager "$binaries/kube-controller-manager" --kubeconfig "$directory/kubeconfig" \
        --controllers garbagecollector,namespace,serviceaccount,serviceaccount-token --secure-port 0 "${old[@]}" \
        --service-account-private-key-file "$directory/service-account.key" --leader-elect=false \
        --root-ca-file "$directory/certificates/apiserver.crt" --kube-api-qps 200 --kube-api-burst 400
    until_ready kube-controller-manager ask /api/v1/namespaces/default/serviceaccounts/default
}

# component NAME START: starts what does not run; says how its log ends when it does not get ready.
component() {
    ! running "$1" || return 0
    "$2" && return 0
    { echo "$1 does not get ready; its log ends with:"; tail -n 15 "$directory/$1.log"; } >&2
    return 1
}

# Holds the directory until this process ends. `stop` removes the file that others wait for, so it has to be the one
# that is there when the lock is had.
lock() {
    while :; do
        mkdir -p "$directory"
        directory=$(realpath "$directory")
        exec 9>"$directory/lock"
        flock 9
        [ ! /dev/fd/9 -ef "$directory/lock" ] || return 0
    done
}

in_use() {
    local used
    used=$(stat -c %Y "$directory/used") && [ $(($(date +%s) - used)) -lt "$(cat "$directory/idle")" ]
}

# Ends the cluster when nobody uses it.
watch_over() {
    # shellcheck source=/dev/null
    . "$directory/settings"
    while :; do
        while in_use 2>/dev/null; do sleep 5; done
        lock
        # Somebody may have come before the lock.
        in_use 2>/dev/null || break
        exec 9>&-
    done
    end
}

start() {
    if [ -n "${SEAL_TEST_KUBECONFIG:-}" ] && [ $named = no ]; then
        echo "$SEAL_TEST_KUBECONFIG"
        return
    fi
    local binaries data token etcd_port peer_port api_port attempt program
    for program in flock curl openssl setsid ps; do
        command -v "$program" >/dev/null || fail "no $program, which a cluster of our own needs" 3
    done
    binaries=$("$here/kubernetes.sh")
    lock
    chmod 700 "$directory"
    touch "$directory/used"
    # Whoever wants it longest decides.
    [ "$idle" -le "$(cat "$directory/idle" 2>/dev/null || echo 0)" ] || echo "$idle" >"$directory/idle"
    for attempt in 1 2 3; do
        prepare
        # shellcheck source=/dev/null
        . "$directory/settings"
        if component etcd start_etcd && component kube-apiserver start_api_server &&
            { [ ! -x "$binaries/kube-controller-manager" ] || component kube-controller-manager start_controller_manager; }; then
            running watchdog || launch watchdog "$here/cluster.sh" watch-over --directory "$directory"
            touch "$directory/used"
            echo "$directory/kubeconfig"
            return
        fi
        # Somebody may have taken a port in between. What has data already keeps its ports.
        [ ! -e "$directory/kubeconfig" ] && [ "$attempt" -lt 3 ] || break
        stop_programs
        rm -rf "$data" "$directory/settings" "$directory/certificates"
    done
    stop_programs
    fail "the cluster in $directory does not start"
}

# The processes of a component that know this directory, also when somebody removed it with their numbers (cargo clean).
processes() {
    ps -ww -eo pid=,args= | awk -v program="/$1" -v directory="$directory" '
        substr($2, length($2) - length(program) + 1) == program && index($0, directory) { print $1 }'
}

stop_programs() {
    local name pids
    for name in kube-controller-manager kube-apiserver etcd; do
        while pids=$(processes "$name") && [ -n "$pids" ]; do
            # There is nothing to save.
            # shellcheck disable=SC2086
            kill -KILL $pids 2>/dev/null || true
            sleep 0.05
        done
    done
}

# With the lock: ends all and removes the directory.
end() {
    stop_programs
    # It may be this very process.
    ! running watchdog || [ "$(cat "$directory/watchdog.pid")" = $$ ] || kill -KILL "$(cat "$directory/watchdog.pid")" || true
    # shellcheck source=/dev/null
    [ ! -e "$directory/settings" ] || . "$directory/settings"
    rm -rf "${data:-}" "$directory"
}

stop() {
    [ -d "$directory" ] || return 0
    lock
    end
}

status() {
    local name all=0
    for name in "${components[@]}" watchdog; do
        if running "$name"; then
            echo "$name runs (process $(cat "$directory/$name.pid"))"
        else
            echo "$name does not run"
            all=1
        fi
    done
    return $all
}

case $verb in
    start) start ;;
    stop) stop ;;
    status) status ;;
    watch-over) watch_over ;;
    *) usage ;;
esac
