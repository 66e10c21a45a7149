# The commands of this project. `make` alone lists them.

# Without a Docker engine the same stack runs as plain processes.
stack := $(shell docker info >/dev/null 2>&1 && echo docker || echo local)

# Their modules are declared by a macro, into which cargo fmt does not look.
workloads := $(wildcard src/workload/*.rs)

.DEFAULT_GOAL := help
.PHONY: help up down check fmt test compare

help: ## this list
	@sed -nE 's/^([a-z]+):.*## /  make \1\t/p' $(MAKEFILE_LIST)

# LANES and PORT reach the scripts through the environment, given before or after `make`.
up: ## build and start LANES=2 lanes behind nginx on PORT=5000
	@$(stack)/up

# Either may be left over from when Docker was or was not there.
down: ## stop them; running requests finish first
	@docker/down
	@local/down

fmt: ## format the sources
	cargo fmt
	rustfmt --edition 2024 $(workloads)

check: ## format, lints, unit and integration tests
	cargo fmt --check
	rustfmt --check --edition 2024 $(workloads)
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --lib --bins --test integration

# The deploy tests start and stop stacks of their own.
test: check ## check, then tests of the real stacks and of the manifests
	@[ $(stack) = local ] || docker/build
	cargo test --locked --test k8s --test deploy
	cargo test --locked --bench compare

compare: ## measure onelane beside what people would use instead; FULL=1 for figures to keep
	@benches/compare/install
	cargo bench --locked --bench compare -- $(if $(FULL),--full)
