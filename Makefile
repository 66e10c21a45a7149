# The commands of this project. `make` alone lists them.

# Without a Docker engine the same stack runs as plain processes.
stack := $(shell docker info >/dev/null 2>&1 && echo docker || echo local)

.DEFAULT_GOAL := help
.PHONY: help up reload down plan check fmt test live soak fuzz screenshots

help: ## this list
	@sed -nE 's/^([a-z]+):.*## /  make \1\t/p' $(MAKEFILE_LIST)

# SERVICE, LANES, PORT, MODE, CACHE and MONITORING reach the scripts through the environment, given before or after `make`.
up: ## start LANES=2 lanes behind nginx on PORT=5000, in MODE=blocking; SERVICE=thumbnail is one of examples/services; MONITORING=1 watches, CACHE=256m keeps answers. Again: change what is told
	@$(stack)/up

reload: ## have nginx read nginx/*.conf anew; no request is lost, and a mistake in them changes nothing
	@$(stack)/reload

# Either may be left over from when Docker was or was not there.
down: ## stop them; running requests finish first
	@docker/down
	@local/down

# Without ARGS it tells what it can be asked.
plan: ## how many lanes? ARGS="--rate 120 --service exp:20ms --wait p99:50ms"
	@cargo run --quiet --release --locked -p onelane-plan -- $(or $(ARGS),--help)

fmt: ## format the sources
	for workspace in Cargo.toml $(wildcard examples/services/Cargo.toml); do cargo fmt --all --manifest-path $$workspace; done

# The services to copy from are a workspace of their own, which a clone may delete.
check: ## format, lints, documentation, unit and integration tests
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps
	cargo test --locked --workspace --all-features --doc
	$(wildcard examples/services/check)
	cargo test --locked --workspace --all-features --lib --bins --test integration --test plan --test service --test build --example live

# The real stack first; then the modes one after the other, so that each has the machine.
soak: ## all that may happen to lanes and nginx, for SOAK_SECONDS=600; then kills under full load, 30 s for each mode
	SOAK_SECONDS=$(or $(SOAK_SECONDS),600) cargo test --locked --test deploy soak -- --nocapture
	SOAK_SECONDS=30 cargo test --locked --package onelane --test integration soak -- --test-threads 1

# A failure tells how to repeat it.
fuzz: ## whatever may come, at random, for FUZZ_SECONDS=3600: requests, inputs, forms, children, settings; through nginx, too
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) cargo test --locked --package onelane --all-features --test integration fuzz -- --nocapture --test-threads 4
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) cargo test --locked --test deploy fuzz -- --nocapture

# The deploy and browser tests start and stop stacks of their own.
test: check ## check, then tests of the real stacks, of the manifests, of the rules and of the page
	@[ $(stack) = local ] || COMPOSE_PROFILES=monitoring docker/build
	cargo test --locked --test k8s --test monitoring --test deploy --test browser

# Not part of `test`: it needs a cluster, and changes things there.
live: ## try the service on the cluster that kubectl talks to, for a quarter of an hour; docs/kubernetes.md tells what it does there. TRIALS="rollout drain" for some
	@tests/k8s/live/run $(TRIALS)

screenshots: ## draw the pictures in docs/ anew
	cargo test --locked --test browser -- --ignored screenshots

# Measurements. A clone may delete their folder.
-include lab/Makefile
