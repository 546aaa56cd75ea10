#!/bin/bash
# Installs the packages of packages.txt that are missing. Where that is not possible it says so and succeeds: the tests
# that need one of them find out by themselves and land in the table NOT RUN.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system; tests use what they find on PATH"
    exit 0
fi

missing=()
while read -r package _; do
    case $package in '' | '#'*) continue ;; esac
    # Only `installed` counts: a removed package may still be known.
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done <"$here/packages.txt"

if [ ${#missing[@]} -eq 0 ]; then
    echo "all packages are there"
    exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "missing, and neither root nor sudo without a password: ${missing[*]}"
    exit 0
fi

echo "installing ${missing[*]}"
apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null
}
if ! { apt_get update && apt_get install -y --no-install-recommends "${missing[@]}"; }; then
    echo "apt-get could not install all of: ${missing[*]}"
fi
