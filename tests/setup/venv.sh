# shellcheck shell=bash
# Sourced by those who need a program written in Python: a virtual environment below the target directory.

cannot() {
    echo "$1" >&2
    exit 3
}

# venv NAME VERSION REQUIREMENT: sets `cache` to the environment in which REQUIREMENT of VERSION is installed.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
venv() {
    local name=$1 version=$2 requirement=$3 root
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    cache=${CARGO_TARGET_DIR:-$root/target}/$name/$version
    [ ! -e "$cache/complete" ] || return 0
    command -v python3 >/dev/null || cannot "no python3"
    # It holds its own path, so it is made where it stays; `complete` says that all of it is there.
    rm -rf "$cache"
    mkdir -p "$cache"
    python3 -m venv "$cache" >&2 || cannot "no virtual environment (Debian package python3-venv)"
    "$cache/bin/python3" -m pip install --quiet --disable-pip-version-check "$requirement==$version" >&2 ||
        cannot "PyPI has no $name $version for this machine"
    touch "$cache/complete"
}
