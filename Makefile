# What to run while working on the project. `make test` and `make check` are what CI runs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo test check crds docs env bench fuzz fuzz-run fuzz-lock

CARGO ?= cargo
CRD := crds/imageupdaters.yaml

# Tools are built once, outside the checkout.
DENY_VERSION := 0.20.2
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/argocd-image-updater-tools
DENY := $(TOOLS)/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
FUZZ_VERSION := 0.13.1
FUZZ := $(TOOLS)/cargo-fuzz-$(FUZZ_VERSION)/bin/cargo-fuzz

# The fuzz targets are a workspace of their own; its checks share what is built for the crate.
FUZZ_CHECK := --locked --manifest-path fuzz/Cargo.toml --no-default-features
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
FUZZ_DIR := --target-dir $(or $(CARGO_TARGET_DIR),target)/fuzz
TIME ?= 60

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

demo: ## the quickstart: the real engine on a registry, a git repository and a folder of manifests
	$(CARGO) run --locked --example quickstart

test: env ## everything that is tested, on real servers
	$(CARGO) test --locked

check: $(DENY) ## style, lints, dependencies, generated files, documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) fetch --locked --quiet
	$(DENY) --locked --offline check --allow license-exception-not-encountered licenses bans sources
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy $(FUZZ_CHECK) --target-dir $(or $(CARGO_TARGET_DIR),target) -- -D warnings
	$(CARGO) fetch --locked --quiet --manifest-path fuzz/Cargo.toml
	$(DENY) --locked --offline --manifest-path fuzz/Cargo.toml --config deny.toml check licenses bans sources
	$(CARGO) run --locked --quiet -- crd | diff -u $(CRD) - || { echo '$(CRD) is stale: run `make crds`' >&2; exit 1; }
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

crds: ## the CustomResourceDefinition, from the types
	mkdir -p $(dir $(CRD))
	$(CARGO) run --locked --quiet -- crd > $(CRD).new
	mv $(CRD).new $(CRD)

docs: ## the generated pages of docs/
	UPDATE_DOCS=1 $(CARGO) test --locked --test it -- docs

env: ## the servers that the tests need, built once into the cache
	tests/env/build

fuzz: $(FUZZ) ## builds the fuzz targets; needs a C++ compiler
	RUSTC_BOOTSTRAP=1 $(FUZZ) build $(FUZZ_DIR)

fuzz-run: fuzz ## runs each fuzz target for TIME seconds, 60 unless told
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p fuzz/corpus/$$target; \
	  dictionary=fuzz/dictionaries/$$target.dict; \
	  RUSTC_BOOTSTRAP=1 $(FUZZ) run $(FUZZ_DIR) $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(TIME) -timeout=5 -max_len=4096 -print_final_stats=1 \
	    $$([[ -f $$dictionary ]] && echo -dict=$$dictionary); \
	done

fuzz-lock: ## fuzz/Cargo.lock with the versions of Cargo.lock
	cp Cargo.lock fuzz/Cargo.lock
	$(CARGO) update --workspace --manifest-path fuzz/Cargo.toml

bench: ## what things cost
	$(CARGO) bench --locked --bench '*'

$(DENY):
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  $(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --root $(TOOLS)/cargo-deny-$(DENY_VERSION) \
	  --target-dir $(TOOLS)/build
	rm -rf $(TOOLS)/build

$(FUZZ):
	CARGO_PROFILE_RELEASE_OPT_LEVEL=1 $(CARGO) install cargo-fuzz --version $(FUZZ_VERSION) --locked \
	  --root $(TOOLS)/cargo-fuzz-$(FUZZ_VERSION) --target-dir $(TOOLS)/build
	rm -rf $(TOOLS)/build
