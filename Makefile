# What to run while working on the project. `make test` and `make check` are what CI runs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo test check crds docs env bench

CARGO ?= cargo
CRD := crds/imageupdaters.yaml

# Tools are built once, outside the checkout.
DENY_VERSION := 0.20.2
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/argocd-image-updater-tools
DENY := $(TOOLS)/cargo-deny-$(DENY_VERSION)/bin/cargo-deny

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

demo: ## the quickstart: the real engine on a registry, a git repository and a folder of manifests
	$(CARGO) run --locked --example quickstart

test: env ## everything that is tested, on real servers
	$(CARGO) test --locked

check: $(DENY) ## style, lints, dependencies, generated files, documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(DENY) --locked --offline check licenses bans sources
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

bench: ## what things cost
	$(CARGO) bench --locked --bench '*'

$(DENY):
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  $(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --root $(TOOLS)/cargo-deny-$(DENY_VERSION) \
	  --target-dir $(TOOLS)/build
	rm -rf $(TOOLS)/build
