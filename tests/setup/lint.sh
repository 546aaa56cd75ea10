#!/bin/bash
# All that is checked without running the program: `make lint`. Goes through everything, then fails if anything failed.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
failed=()

check() {
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}

# In CI every tool is there; elsewhere a missing one is named.
missing() {
    echo "NOT CHECKED: $1 is not installed ($2)"
    [ "${CI:-}" != true ]
}

formatting() {
    cargo fmt --all --check &&
        rustfmt --check --edition 2024 --config max_width=100 fuzz/entries.rs
}

licences() {
    cargo deny --version >/dev/null 2>&1 ||
        { missing cargo-deny "cargo install cargo-deny --locked"; return; }
    cargo deny --all-features check --hide-inclusion-graph licenses bans sources
}

scripts() {
    command -v shellcheck >/dev/null || { missing shellcheck "apt-get install shellcheck"; return; }
    git ls-files -z -- '*.sh' .ci/run | xargs -0 shellcheck --severity=warning
}

go_sources() {
    command -v gofmt >/dev/null || { missing gofmt "apt-get install golang-go"; return; }
    local unformatted
    unformatted=$(git ls-files -z -- "*.go" | xargs -0 gofmt -l) || return
    [ -z "$unformatted" ] || { echo "gofmt: $unformatted"; return 1; }
}

# As `helm lint` sees the chart; that it gives what it should is tested in tests/chart.
chart() {
    local found status=0
    found=$(type -P helm) || found=$(tests/setup/helm.sh 2>/dev/null)/helm || status=$?
    [ $status -eq 0 ] || { missing helm "tests/setup/helm.sh says why"; return; }
    "$found" lint --strict --quiet charts/seal-controller
}

dockerfile() {
    local found status=0
    found=$(type -P hadolint) || found=$(tests/setup/hadolint.sh 2>/dev/null) || status=$?
    [ $status -eq 0 ] || { missing hadolint "tests/setup/hadolint.sh says why"; return; }
    "$found" Dockerfile
}

# A drawer without a label collects everything; a reader should guess the file from its name.
file_names() {
    ! git ls-files | grep -E '(^|/)(utils?|commons?|helpers?|misc)(\.[a-z]+|/|$)'
}

# An ignored test would be a silent skip; one that cannot run says so through tests/harness/not_run.rs.
ignored_tests() {
    ! git grep -nE '#\[ignore' -- '*.rs'
}

# Said, not refused: about 400 lines is the aim, and a reader decides.
file_lengths() {
    git ls-files -z -- '*.rs' | xargs -0 wc -l | awk '$2 != "total" && $1 > 450 { print "long: " $2 ", " $1 " lines" }'
}

check "formatting" formatting
check "clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
check "licences, bans, sources" licences
check "shell scripts" scripts
check "Go sources" go_sources
check "chart" chart
check "Dockerfile" dockerfile
check "file names" file_names
check "file lengths" file_lengths
check "ignored tests" ignored_tests
check "links in the docs" tests/setup/links.sh

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nfailed: %s\n' "$(IFS=,; echo "${failed[*]}")"
    exit 1
fi
printf '\nall checks passed\n'
