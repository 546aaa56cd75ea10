#!/bin/bash
# Puts pre-commit below the target directory and prints the directory of its program.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=4.7.0
cache=${CARGO_TARGET_DIR:-$root/target}/pre-commit/$version

cannot() {
    echo "$1" >&2
    exit 3
}

if [ ! -e "$cache/complete" ]; then
    command -v python3 >/dev/null || cannot "no python3"
    # A virtual environment holds its own path, so it is made where it stays; `complete` says that all of it is there.
    rm -rf "$cache"
    mkdir -p "$cache"
    python3 -m venv "$cache" >&2 || cannot "no virtual environment (Debian package python3-venv)"
    "$cache/bin/python3" -m pip install --quiet --disable-pip-version-check "pre-commit==$version" >&2 ||
        cannot "PyPI has no pre-commit $version for this machine"
    mkdir "$cache/only"
    ln -s ../bin/pre-commit "$cache/only/pre-commit"
    touch "$cache/complete"
fi
# Not `bin`, which would put another python3 on PATH.
echo "$cache/only"
