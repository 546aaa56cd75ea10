#!/bin/bash
# Puts age for JavaScript (npm, `age-encryption`, by the author of age) below the target directory and prints the directory
# for SEAL_AGE_JS. It has post-quantum recipients, which the age of Debian is too old for.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=0.3.1
cache=${CARGO_TARGET_DIR:-$root/target}/age-js/$version

cannot() {
    echo "$1" >&2
    exit 3
}

if [ ! -d "$cache/node_modules/age-encryption" ]; then
    command -v node >/dev/null || cannot "no node (Debian package nodejs)"
    command -v npm >/dev/null || cannot "no npm (Debian package npm)"
    mkdir -p "$cache"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" \
        "age-encryption@$version" >&2 || cannot "npm has no age-encryption $version for this machine"
fi
echo "$cache/node_modules"
