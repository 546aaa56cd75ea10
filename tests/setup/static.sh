#!/bin/bash
# Builds seal-controller as a static binary for musl: `make static`. The C compiler for aws-lc is zig, which comes from PyPI
# like cargo-zigbuild, so nothing has to be installed.
#
#   static.sh [ARCH [PROFILE]]    ARCH: amd64 (default) or arm64, as in TARGETARCH; PROFILE: release (default) or dev
#
# Prints the path of the binary. Where it cannot be built: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

# shellcheck source=tests/setup/venv.sh
. "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

arch=${1:-amd64}
profile=${2:-release}
case $arch in
    amd64) target=x86_64-unknown-linux-musl ;;
    arm64) target=aarch64-unknown-linux-musl ;;
    *) echo "no such architecture: $arch (amd64, arm64)" >&2; exit 2 ;;
esac

rustup target add "$target" >&2 || cannot "the standard library for $target cannot be had"
venv zigbuild 0.24.0 cargo-zigbuild
[ -e "$cache/zig-complete" ] || {
    "$cache/bin/python3" -m pip install --quiet --disable-pip-version-check ziglang==0.17.0 >&2 ||
        cannot "PyPI has no ziglang for this machine"
    touch "$cache/zig-complete"
}
export CARGO_ZIGBUILD_PYTHON_PATH=$cache/bin/python3 PATH=$cache/bin:$PATH
target_directory=${CARGO_TARGET_DIR:-$root/target}
cargo zigbuild --locked -p seal-controller --profile "$profile" --target "$target" >&2

built=$target_directory/$target/$([ "$profile" = dev ] && echo debug || echo "$profile")/seal-controller
place=$target_directory/image/$arch
mkdir -p "$place"
install -m 755 "$built" "$place/seal-controller"
echo "$place/seal-controller"
