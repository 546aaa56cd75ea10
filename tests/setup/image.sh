#!/bin/bash
# Builds the image of seal-controller from the static binary: `make image`. Needs docker or podman.
#
#   image.sh ARCH [NAME:TAG]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
arch=$1
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=${2:-ghcr.io/seal-dev/seal-controller:$version}
engine=$(type -P docker || type -P podman) || { echo "neither docker nor podman is installed" >&2; exit 1; }
exec "$engine" build --platform "linux/$arch" --build-arg "VERSION=$version" \
    --build-arg "REVISION=$(git rev-parse HEAD)" --tag "$name" .
