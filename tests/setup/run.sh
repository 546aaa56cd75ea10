#!/bin/bash
# Everything that CI runs: `make test`. Prints the time of each step, then one table of what was NOT RUN and why; the
# last lines are the test runner's own summary.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
target=${CARGO_TARGET_DIR:-$PWD/target}
mkdir -p "$target"

export SEAL_NOT_RUN=$target/not-run.tsv
summary=$target/test-summary.txt
: >"$SEAL_NOT_RUN"
: >"$summary"
# Settings of the person who runs this must not reach the tests.
for name in $(compgen -e SOPS_; compgen -e AWS_); do unset "$name"; done
# Servers of tests are on the loopback, which no proxy is asked for.
export NO_PROXY=127.0.0.1${NO_PROXY:+,$NO_PROXY} no_proxy=127.0.0.1${no_proxy:+,$no_proxy}
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

failed=0

# step NAME COMMAND…: runs it and prints how long it took.
step() {
    local name=$1 from=$SECONDS status=0
    shift
    printf '\n== %s\n' "$name"
    "$@" || status=$?
    printf '== %s: %d s%s\n' "$name" $((SECONDS - from)) "$([ $status -eq 0 ] || echo ", FAILED ($status)")"
    [ $status -eq 0 ] || failed=1
    return $status
}

oracle() {
    local status=0
    tests/setup/oracle.sh || status=$?
    # 3: it cannot be built here. The tests that need it put that into the table.
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# The real sops, unless one is on PATH already.
sops() {
    local status=0 found
    type -P sops >/dev/null && return
    found=$(tests/setup/sops.sh) || status=$?
    [ "$status" -eq 0 ] && export PATH=$found:$PATH
    # 3: it cannot be had here. The tests that need it put that into the table.
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# age for JavaScript, which has post-quantum recipients.
age_js() {
    local status=0 found
    found=$(tests/setup/age-js.sh) || status=$?
    [ "$status" -eq 0 ] && export SEAL_AGE_JS=$found
    # 3: it cannot be had here. The tests that need it put that into the table.
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# moto, which answers as AWS does, unless somebody names one.
moto() {
    local status=0 found
    [ -z "${SEAL_TEST_MOTO:-}" ] || return 0
    found=$(tests/setup/moto.sh) || status=$?
    [ "$status" -eq 0 ] && export SEAL_TEST_MOTO=$found
    # 3: it cannot be had here. The tests that need it put that into the table.
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# pre-commit, unless one is on PATH already.
pre_commit() {
    local status=0 found
    type -P pre-commit >/dev/null && return
    found=$(tests/setup/pre-commit.sh) || status=$?
    [ "$status" -eq 0 ] && export PATH=$PATH:$found
    # 3: it cannot be had here. The test that needs it puts that into the table.
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# helm, unless one is on PATH already.
helm() {
    local status=0 found
    type -P helm >/dev/null && return
    found=$(tests/setup/helm.sh) || status=$?
    [ "$status" -eq 0 ] && export PATH=$PATH:$found
    # 3: it cannot be had here. The tests that need it put that into the table.
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# What a Kubernetes API is made of, found or built. Without it the controller is not tested at all, which is no line in
# the table: the step fails, and so do the tests. With somebody else's cluster only those fail that restart a server.
kubernetes() {
    local found
    found=$(tests/setup/kubernetes.sh) || { [ -n "${SEAL_TEST_KUBECONFIG:-}" ] && return 0 || return 1; }
    # Found once, used by every start of a cluster.
    export KUBEBUILDER_ASSETS=$found
}

# The cluster that tests find by themselves, started before their time is measured. It ends with this run, unless
# somebody had it already.
cluster() {
    tests/setup/cluster.sh status >/dev/null 2>&1 || trap 'tests/setup/cluster.sh stop' EXIT
    tests/setup/cluster.sh start >/dev/null
}

vectors() {
    python3 tests/vectors/binding/make.py --check
}

build() {
    cargo build --locked --workspace || return
    if [ "$runner" = nextest ]; then
        cargo nextest run --locked --workspace --no-run
    else
        cargo test --locked --workspace --no-run
    fi
}

# Lets output through up to the runner's summary, which goes to a file: it is printed last.
nextest_tests() {
    cargo nextest run --locked --workspace --no-fail-fast 2>&1 </dev/null | awk -v file="$summary" '
        summary { print > file; next }
        /^ *Summary \[/ { summary = 1; print > file; next }
        /^────/ { next }
        { print; fflush() }'
}

cargo_tests() {
    cargo test --locked --workspace --no-fail-fast --lib --bins --tests 2>&1 </dev/null | awk -v file="$summary" '
        /^ *Running / { name = $0 }
        /^test result:/ { print name > file; print > file }
        { print; fflush() }'
}

doc_tests() {
    cargo test --locked --workspace --doc </dev/null
}

not_run_table() {
    printf '\nNOT RUN\n'
    if [ -s "$SEAL_NOT_RUN" ]; then
        sort -u "$SEAL_NOT_RUN" | awk -F '\t' '{ printf "  %-60s %s\n", $1, $2 }'
    else
        printf '  (nothing: every test ran)\n'
    fi
}

if cargo nextest --version >/dev/null 2>&1; then
    runner=nextest
else
    runner=cargo
    echo "cargo-nextest is not installed: running the same tests with cargo test"
fi

step "packages" tests/setup/packages.sh
step "oracle" oracle
step "sops" sops
step "age for JavaScript" age_js
step "moto" moto
step "pre-commit" pre_commit
step "helm" helm
step "kube-apiserver" kubernetes
step "binding vectors" vectors
if step "build" build; then
    step "doc tests" doc_tests
    step "cluster" cluster
    step "tests" "${runner}_tests"
fi
printf '\n== all: %d s\n' $SECONDS

not_run_table
echo
if [ -s "$summary" ]; then
    cat "$summary"
else
    echo "no summary: the build failed or the runner stopped"
fi
exit $failed
