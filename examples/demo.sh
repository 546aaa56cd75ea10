#!/bin/bash
# The whole story on a copy of examples/release, in a throw-away directory with a HOME of its own: `make demo`.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seal=$(realpath "${SEAL:-$here/../target/debug/seal}")
[ -x "$seal" ] || { echo "no seal at $seal; run: make demo" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/seal-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Nothing of the person who runs this is read or changed: no keys, no settings, no git configuration.
for name in $(compgen -e SOPS_); do unset "$name"; done
unset XDG_CONFIG_HOME GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export HOME=$work/home GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@example.com GIT_COMMITTER_NAME=demo GIT_COMMITTER_EMAIL=demo@example.com
mkdir "$HOME"
PATH=$(dirname "$seal"):$PATH

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m' colour=always; else bold='' plain='' colour=never; fi
say() { printf '\n%s# %s%s\n' "$bold" "$1" "$plain"; }
# run COMMAND LINE: shows it as it would be typed, and runs it.
run() {
    printf '%s$ %s%s\n' "$bold" "$1" "$plain"
    bash -o pipefail -c "$1"
}

cp -R "$here/release" "$work/umbrella-chart"
cp -R "$here/release/.release" "$work/original"
cd "$work/umbrella-chart"
rm -f README.md

say "A rendered release: Secrets among Deployments, ConfigMaps and Services."
run "ls .release"
run "grep -n -A3 'stringData:' .release/shop-db.yaml"

say "Once per person: an age identity, and a .sops.yaml for the repository."
run "seal init"
run "cat .sops.yaml"

if command -v git >/dev/null; then
    git init -q -b main .
    git add -A
    # Only so that there is something to compare with; plaintext is not to be committed.
    git commit -q -m 'rendered'
    show_diff() {
        run "git diff --stat"
        run "git diff --color=$colour -U1 .release/ingress-tls.yaml | cut -c1-110 | head -40"
    }
else
    show_diff() {
        run "diff -U1 ../original/ingress-tls.yaml .release/ingress-tls.yaml | cut -c1-110 | head -40"
    }
fi

say "What a hook or CI would say now, without any key."
run "seal check -q .release | head -3; echo \"exit code \${PIPESTATUS[0]}\""

say "Encrypt in place. Only the values of Secrets change, and each Secret gets its sops block."
run "seal encrypt -i .release"
show_diff

say "A second run finds nothing to do, and the check is content."
run "seal encrypt -i .release"
run "seal check .release"

say "CI decrypts into a pipe; nothing is printed before every document is verified."
run "cat .release/shop-*.yaml | seal decrypt | grep -A3 'stringData:'"
for file in .release/*.yaml; do
    name=$(basename "$file")
    run "seal decrypt < .release/$name | cmp - ../original/$name && echo '$name: the original, byte for byte'"
done

say "One value."
run "seal get .release/ingress-tls.yaml '[\"stringData\"][\"tls.key\"]' | head -1"

say "A new password, through a pipe. All other ciphertext stays."
cp .release/shop-db.yaml before.yaml
run "echo n3w-passw0rd | seal set .release/shop-db.yaml stringData/password --string --value-stdin"
run "diff before.yaml .release/shop-db.yaml | cut -c1-90 || true"
rm before.yaml

say "Somebody moves the admin password to the user. Refused, with the reason; nothing is printed to the pipe."
sed 's/^  password: /  swapped: /; s/^  admin-password: /  password: /; s/^  swapped: /  admin-password: /' \
    .release/shop-db.yaml >tampered.yaml
printf '%s$ seal decrypt tampered.yaml%s\n' "$bold" "$plain"
code=0
seal decrypt tampered.yaml >out.yaml || code=$?
echo "exit code $code"
[ $code -ne 0 ] || { echo "demo failed: a moved value was accepted" >&2; exit 1; }
[ ! -s out.yaml ] || { echo "demo failed: output before verification" >&2; exit 1; }

say "Done. All of it was in $work, which is gone now."
