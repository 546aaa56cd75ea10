#!/bin/bash
# Finds or builds what a Kubernetes API is made of and prints the directory with kube-apiserver, etcd and, where there is
# one, kube-controller-manager (without it nothing collects garbage and no namespace goes away).
# Looked for in this order: $KUBEBUILDER_ASSETS; $TEST_ASSET_KUBE_APISERVER and $TEST_ASSET_ETCD; PATH; else built from
# Debian's sources (kubernetes/build.sh), once a machine, into $XDG_CACHE_HOME/seal-tests.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

cannot() {
    echo "$1; name envtest's binaries in KUBEBUILDER_ASSETS (setup-envtest use -p path) or a cluster in SEAL_TEST_KUBECONFIG" >&2
    exit 3
}

# gathered APISERVER ETCD [CONTROLLER_MANAGER]: prints a directory that links to them under their own names.
gathered() {
    local directory name
    directory=${CARGO_TARGET_DIR:-$root/target}/kubernetes/$(printf '%s\n' "$@" | sha256sum | cut -c1-16)
    mkdir -p "$directory"
    for name in kube-apiserver etcd kube-controller-manager; do
        [ -z "${1:-}" ] || ln -sfn "$(realpath "$1")" "$directory/$name"
        shift || true
    done
    echo "$directory"
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    for program in kube-apiserver etcd; do
        [ -x "$KUBEBUILDER_ASSETS/$program" ] || cannot "KUBEBUILDER_ASSETS names $KUBEBUILDER_ASSETS, which has no $program"
    done
    realpath "$KUBEBUILDER_ASSETS"
    exit
fi
apiserver=${TEST_ASSET_KUBE_APISERVER:-$(type -P kube-apiserver || true)}
etcd=${TEST_ASSET_ETCD:-$(type -P etcd || true)}
if [ -n "$apiserver" ] && [ -n "$etcd" ]; then
    for program in "$apiserver" "$etcd"; do
        [ -x "$program" ] || cannot "$program is no program"
    done
    gathered "$apiserver" "$etcd" "$(type -P kube-controller-manager || true)"
    exit
fi

command -v flock >/dev/null || cannot "no kube-apiserver here, and no flock to build one under a lock"
recipe=$(sha256sum <"$here/kubernetes/build.sh" | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/seal-tests/kubernetes
built=$cache/$recipe-$(uname -m)
if [ ! -d "$built" ]; then
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    # Whoever comes second waits for the first and finds its result.
    flock 9
fi
if [ ! -d "$built" ]; then
    # What a build that was killed left behind.
    rm -rf "$cache"/building.*
    building=$(mktemp -d "$cache/building.XXXXXX")
    trap 'rm -rf "$building"' EXIT
    status=0
    reason=$("$here/kubernetes/build.sh" "$building" 2> >(tee /dev/stderr | tail -n 1)) || status=$?
    [ "$status" -eq 0 ] || cannot "no kube-apiserver here, and it cannot be built: ${reason:-exit code $status}"
    chmod 755 "$building"
    # Renamed when whole, so that nobody finds half of it.
    mv -T "$building" "$built"
fi
echo "$built"
