# `make` lists the targets. The rules live in tests/setup/; CI runs the same.

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# Seconds that each fuzz target runs.
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo test lint deny bench fuzz doc man cluster static image

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build, then encrypt and decrypt the example release in a throw-away directory
	$(CARGO) build --locked --workspace
	@SEAL=$(TARGET_DIR)/debug/seal examples/demo.sh

test: ## install what tests need, build, run everything that CI runs
	@tests/setup/run.sh

lint: ## formatting, clippy, licences and bans, shell scripts, file names, links in the docs
	@tests/setup/lint.sh

deny: ## dependencies against RUSTSEC advisories too (needs the network)
	$(CARGO) deny check

bench: ## release build; the table of README.md, beside sops where it can be had
	@PATH="$$PATH:$$(tests/setup/sops.sh)" SEAL_BENCH_DATE=$$(date -u +%F) $(CARGO) bench --locked -p seal-cli --bench seal
	@$(CARGO) bench --locked -p seal-controller --bench controller

fuzz: ## each fuzz target for a minute (nightly, cargo-fuzz); FUZZ_SECONDS=n
	@tests/setup/fuzz.sh $(FUZZ_SECONDS)

doc: ## rustdoc of all crates, warnings are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

man: ## the manual pages, in target/man (`man -l target/man/seal.1`)
	$(CARGO) build --locked -p seal-cli
	@$(TARGET_DIR)/debug/seal man $(TARGET_DIR)/man

cluster: ## a Kubernetes API without nodes, for eight hours; prints `export KUBECONFIG=…` (ends with tests/setup/cluster.sh stop)
	@kubeconfig=$$(tests/setup/cluster.sh start --idle 28800) && echo "export KUBECONFIG=$$kubeconfig"

static: ## seal-controller as one static binary, in target/image/amd64 (ARCH=arm64 for the other)
	@tests/setup/static.sh $(or $(ARCH),amd64)

image: static ## the container image of it, with docker or podman; IMAGE=name:tag
	@tests/setup/image.sh $(or $(ARCH),amd64) $(IMAGE)
