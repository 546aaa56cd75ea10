#!/bin/bash
# Builds kube-apiserver and kube-controller-manager 1.20.2 from Debian's source package and unpacks its etcd: a whole
# Kubernetes API from nothing but Debian's package pool, for machines to which no release binary can be fetched.
# `build.sh DIRECTORY` leaves the three programs in DIRECTORY; it takes about seven minutes of CPU and 2 GB of disk meanwhile.
# Nothing is installed and no apt source is changed: packages are fetched from the pool by hash and unpacked.
# Where it cannot be done: exit code 3, and standard error ends with the reason in one line.
#
# The hash of this file names the result in the cache, so all that decides about the result stands here.
set -euo pipefail

out=$(realpath "$1")
snapshot=https://snapshot.debian.org/archive/debian/20250520T000000Z

cannot() {
    echo "$1" >&2
    exit 3
}

for program in dpkg-deb curl sha256sum tar; do
    command -v "$program" >/dev/null || cannot "no $program, which building kube-apiserver from Debian's sources needs"
done

# SHA-256, path in Debian's pool (bookworm). The Go is the one of that release: newer ones refuse what these sources do.
packages() {
    local pool=pool/main/g/golang-1.19
    case $(uname -m) in
        x86_64) cat <<PACKAGES ;;
545123039b6c79e75cf2d86528781a825424cf33ce9d3f4513d772d7144cd531 $pool/golang-1.19-go_1.19.8-2_amd64.deb
3a9445d4560ad6de1c375756b2a17d97713df44cbd20a658c871fe108af7ef5d pool/main/e/etcd/etcd-server_3.4.23-4+b4_amd64.deb
PACKAGES
        aarch64) cat <<PACKAGES ;;
c087d91b306be6cb69085a1fd5ba5a9c841c6e7a5c8d27705bb5a6928c6d3f74 $pool/golang-1.19-go_1.19.8-2_arm64.deb
821e59be145fa42bd72b3e003d275640947c3d824b4c06b1ed2a01a631d555a1 pool/main/e/etcd/etcd-server_3.4.23-4+b4_arm64.deb
PACKAGES
        *) cannot "no packages are noted for a $(uname -m)" ;;
    esac
    cat <<PACKAGES
2dfa82fe4f08f4e0193c532e561af4c91871f5235608f04f2bb8d57bb288df5a $pool/golang-1.19-src_1.19.8-2_all.deb
af150a5172cf4c19bb321a53e67103e7fb18d07c1baa1e816a235155265d3948 pool/main/g/golang-github-modern-go-reflect2/golang-github-modern-go-reflect2-dev_1.0.2-2_all.deb
b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc pool/main/k/kubernetes/kubernetes_1.20.5+really1.20.2.orig.tar.gz
PACKAGES
}

# The mirrors that this machine gets its packages from, then Debian's own, then the archive that forgets nothing.
mirrors() {
    if command -v apt-get >/dev/null; then
        # shellcheck disable=SC2016 # apt fills this in
        apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
            grep -E '^https?://' | grep -v -e security -e ubuntu | sort -u || true
    fi
    echo http://deb.debian.org/debian
    echo "$snapshot"
}

# fetch SHA256 PATH: into the working directory, from the first mirror that has it.
fetch() {
    local expected=$1 path=$2 file=${2##*/} mirror
    for mirror in $sites; do
        # A `+` in a path is a space to some mirrors.
        curl --fail --silent --location --connect-timeout 20 --max-time 600 --output "$file" "$mirror/${path//+/%2B}" || continue
        echo "$expected  $file" | sha256sum --check --status && return
    done
    cannot "no mirror of Debian has $path as it was when this was written"
}

work=$(mktemp -d "$out/building.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "kube-apiserver: fetching Go, etcd and Kubernetes 1.20.2 from Debian's pool (125 MB)" >&2
sites=$(mirrors)
while read -r sha256 path; do
    fetch "$sha256" "$path"
done < <(packages) || exit
for package in *.deb; do
    dpkg-deb -x "$package" debian
done

sources=$work/gopath/src/k8s.io/kubernetes
mkdir -p "$sources"
tar -xzf kubernetes_*.orig.tar.gz --strip-components=1 -C "$sources"
# With the vendored 1.0.1 and this Go, the server dies of SIGSEGV at the first custom resource.
rm -r "$sources/vendor/github.com/modern-go/reflect2"
cp -r debian/usr/share/gocode/src/github.com/modern-go/reflect2 "$sources/vendor/github.com/modern-go/"

# Only with GOPATH: the vendor directory does not go with go.mod here.
go() {
    env -i PATH="$PATH" HOME="$work" GOROOT="$work/debian/usr/lib/go-1.19" GOPATH="$work/gopath" GO111MODULE=off \
        CGO_ENABLED=0 GOCACHE="$work/cache" GOTMPDIR="$work" "$work/debian/usr/lib/go-1.19/bin/go" "$@" >&2
}
cd "$sources"

# The one generated file that the sources lack.
openapi() {
    local types
    go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    types=$({
        grep -rl --include='*.go' -e '+k8s:openapi-gen=true' pkg staging/src |
            grep -v -E 'sample|code-generator|testing' |
            sed -e 's#/[^/]*$##' -e 's#^staging/src/#vendor/#'
        echo vendor/k8s.io/apimachinery/pkg/version
    } | sort -u | sed 's#^#k8s.io/kubernetes/#' | paste -sd ,)
    # It runs `go` to find its way about.
    env -i PATH="$work/debian/usr/lib/go-1.19/bin:$PATH" HOME="$work" GOROOT="$work/debian/usr/lib/go-1.19" \
        GOPATH="$work/gopath" GO111MODULE=off CGO_ENABLED=0 GOCACHE="$work/cache" \
        "$work/openapi-gen" -i "$types" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
        -h hack/boilerplate/boilerplate.generatego.txt -r "$work/violations" >"$work/openapi.log" 2>&1 ||
        { tail -n 5 "$work/openapi.log" >&2; return 1; }
}

echo "kube-apiserver: building it with kube-controller-manager (4 minutes on two cores, once)" >&2
openapi || cannot "openapi-gen of Kubernetes 1.20.2 does not build or run"
version=
for package in component-base client-go/pkg; do
    for value in gitVersion=v1.20.2 gitMajor=1 gitMinor=20; do
        version="$version -X k8s.io/kubernetes/vendor/k8s.io/$package/version.$value"
    done
done
mkdir "$work/built"
go build -trimpath -ldflags "-s -w$version" -o "$work/built/" ./cmd/kube-apiserver ./cmd/kube-controller-manager ||
    cannot "Kubernetes 1.20.2 does not build"
mv "$work/built/kube-apiserver" "$work/built/kube-controller-manager" "$work/debian/usr/bin/etcd" "$out/"
