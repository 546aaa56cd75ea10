#!/bin/bash
# Puts pre-commit below the target directory and prints the directory of its program.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

# shellcheck source=tests/setup/venv.sh
. "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
venv pre-commit 4.7.0 pre-commit
# Not `bin`, which would put another python3 on PATH.
mkdir -p "$cache/only"
ln -sf ../bin/pre-commit "$cache/only/pre-commit"
echo "$cache/only"
