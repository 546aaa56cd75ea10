#!/bin/bash
# Puts moto, which answers as AWS does, below the target directory and prints the path of its `moto_server`.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

# shellcheck source=tests/setup/venv.sh
. "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
venv moto 5.2.5 'moto[server]'
echo "$cache/bin/moto_server"
