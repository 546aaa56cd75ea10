#!/bin/bash
# Builds the oracle of templates (Go's text/template with sprig) from Debian's packages, unless it is there already, and
# prints its path. Where it cannot be built: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
library=/usr/share/gocode
cache=${CARGO_TARGET_DIR:-$root/target}/oracle

cannot() {
    echo "$1" >&2
    exit 3
}

command -v go >/dev/null || cannot "no Go toolchain (Debian package golang-go)"
[ -d "$library/src/github.com/Masterminds/sprig" ] ||
    cannot "no sources of sprig (Debian package golang-github-masterminds-sprig-dev)"

# Named by all that it is built from: a new compiler, library or source gives a new oracle.
key=$({ go version; cat "$here/template-oracle/main.go" "$library"/src/github.com/Masterminds/sprig/*.go; } | sha256sum | cut -c1-16)
oracle=$cache/go-template-$key

if [ ! -x "$oracle" ]; then
    mkdir -p "$cache"
    building=$(mktemp "$cache/building.XXXXXX")
    trap 'rm -f "$building"' EXIT
    (cd "$here/template-oracle" && GO111MODULE=off GOFLAGS='' GOPATH=$library GOCACHE=$cache/go-build CGO_ENABLED=0 \
        go build -o "$building" .) >&2 || cannot "the Go oracle of templates does not build"
    chmod 755 "$building"
    # Renamed when whole: several test processes may build at the same time.
    mv "$building" "$oracle"
fi
echo "$oracle"
