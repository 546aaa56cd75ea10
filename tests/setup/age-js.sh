#!/bin/bash
# Puts age for JavaScript (npm, `age-encryption`, by the author of age) below the target directory and prints the directory
# for SEAL_AGE_JS. It has post-quantum recipients, which the age of Debian is too old for. It is fetched without npm, whose
# Debian package does not go with every nodejs.
# Where it cannot be had: exit code 3, and standard error ends with the reason in one line.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${CARGO_TARGET_DIR:-$root/target}/age-js/0.3.1

cannot() {
    echo "$1" >&2
    exit 3
}

# Where it goes below node_modules (its name stands behind the last one), version, SHA-512.
packages() {
    cat <<'END'
@noble/ciphers 2.4.0 0278c59f426ff7695a024bccae0865159ab8a9008837fe03c4557f7a8a2ab42d984e307b90178b312d93f4a257e039fe6555cb3b02b495282a0edc7d82fc6d8b
@noble/curves 2.4.0 3f8ffadb3ae07c7df70a7784dc39f85a1255036d98514d1e479d702886a7e0d551bf0b00d189cf4f0586a4d6e9b9a712ba399214bbf2ce9cae477d3e7dbab613
@noble/hashes 2.4.0 5f95da5566480424fb1c76469b923b6505c3c0b1be6c65ee4ab310016fbb66f97cee1d6499cd5907555244972951fa14ac6429e05928c66e6467e32cf9a5be78
@noble/post-quantum 0.5.4 95ec30d33cc88abaefc1a60c3c8f5f8fa69122503f73a634fe589f410d5838ec8712bd0c347df26298d77a2546fad59d3e9b385f119c945597d8834f3b7628e7
@noble/post-quantum/node_modules/@noble/curves 2.0.1 becd40cf638e4c188fe2ad29c235b9685d31a7d9f833156b9a4141c5ce8429973a75d631e60699880b19a2ad2e4515d66e2dc04ffb01aa7d397913ed9f52423f
@noble/post-quantum/node_modules/@noble/hashes 2.0.1 5e53a511b41c13d7e6b97c6b5535c24e51b69e54576bd463debaf951effeb57fa79a481b5fbdb4607874551de1045f710efc276fc0f6b215463b0371fae940af
@scure/base 2.4.0 b616754ee27017005b94e860b230cabef1a2ac1c4da7ec12bd8fc347ab490493930e174001c1c9f156ebd9e167a9ac5e71ae3eb748bd2817feb876065b064e46
age-encryption 0.3.1 6d881dee5c4ceed1003666fd6d77fbc53141dd0a6af8918a8a7552745879315fadd9f2496524dd2a15a4bd74c52501b2b1977e2bd0eddc5fa7fb80ca6b35e59d
END
}

if [ ! -d "$cache/node_modules" ]; then
    command -v node >/dev/null || cannot "no node (Debian package nodejs)"
    command -v curl >/dev/null || cannot "no curl (Debian package curl)"
    mkdir -p "$cache"
    unpacked=$(mktemp -d "$cache/unpacked.XXXXXX")
    trap 'rm -rf "$unpacked"' EXIT
    archive=$unpacked/archive.tgz
    while read -r place version expected; do
        package=${place##*node_modules/}
        curl --fail --silent --show-error --location --max-time 60 --output "$archive" \
            "https://registry.npmjs.org/$package/-/${package##*/}-$version.tgz" ||
            cannot "the npm registry has no $package $version for us"
        echo "$expected  $archive" | sha512sum --check --quiet >&2 ||
            cannot "$package $version is not what it was when this was written"
        mkdir -p "$unpacked/node_modules/$place"
        tar -xzf "$archive" --strip-components=1 -C "$unpacked/node_modules/$place"
    done < <(packages)
    mv "$unpacked/node_modules" "$cache/node_modules"
fi
echo "$cache/node_modules"
