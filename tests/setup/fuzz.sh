#!/bin/bash
# Runs every fuzz target for the given number of seconds: `make fuzz`.
# New inputs go to fuzz/corpus-run (ignored by git); what crashes goes to fuzz/artifacts. An input worth keeping is copied
# to fuzz/corpus/<target>, which `make test` replays.
set -euo pipefail

seconds=${1:-60}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cannot() {
    echo "make fuzz: $1" >&2
    exit 1
}

cargo +nightly --version >/dev/null 2>&1 ||
    cannot "needs a nightly toolchain: sanitizers are not in stable Rust. Install one with: rustup toolchain install nightly"
cargo +nightly fuzz --version >/dev/null 2>&1 ||
    cannot "needs cargo-fuzz. Install it with: cargo install cargo-fuzz --locked"

failed=()
for directory in fuzz/corpus/*/; do
    target=$(basename "$directory")
    mkdir -p "fuzz/corpus-run/$target"
    echo "== $target, $seconds s"
    # The first directory takes new inputs, the second only gives.
    cargo +nightly fuzz run "$target" "fuzz/corpus-run/$target" "$directory" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=0 ||
        failed+=("$target")
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]} (inputs in fuzz/artifacts)"
    exit 1
fi
echo "all targets passed"
