# The commands of this project. `make` alone lists them.

# Without a Docker engine the same stack runs as plain processes.
stack := $(shell docker info >/dev/null 2>&1 && echo docker || echo local)

# Most of the time tests wait, so there are three of them at once for each core.
export RUST_TEST_THREADS ?= $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN))))

.DEFAULT_GOAL := help
.PHONY: help dev rename images up autoscale reload down plan openapi check fmt test prove live soak fuzz screenshots

help: ## this list
	@sed -nE 's/^([a-z]+):.*## /  make \1\t/p' $(MAKEFILE_LIST)

# Not from the environment, where some systems have a NAME.
rename: ## give the service a name of your own, wherever it stands: NAME=thumbs
	@tools/rename $(if $(filter command,$(origin NAME)),"$$NAME")

# SERVICE, LANES, PORT, MODE, CACHE, TLS, API_KEYS, TRACES and MONITORING reach the scripts through the environment, given before or after `make`.
up: ## start LANES=2 lanes behind nginx on PORT=5000, in MODE=blocking; SERVICE=thumbnail is one of examples/services; MONITORING=1 watches, CACHE=256m keeps answers, TLS=1 serves https, API_KEYS=FILE asks for keys. Again: change what is told
	@$(stack)/up

reload: ## have nginx read nginx/*.conf anew; no request is lost, and a mistake in them changes nothing
	@$(stack)/reload

# MIN, MAX and DOWN reach it as LANES and so on do.
autoscale: ## keep as many lanes as the load wants, MIN=2 to MAX=8, fewer after DOWN=300s without need; says why, until Ctrl-C
	@docker/autoscale

# Either may be left over from when Docker was or was not there.
down: ## stop them; running requests finish first
	@docker/down
	@local/down

# Without ARGS it tells what it can be asked.
plan: ## how many lanes? ARGS="--rate 120 --service exp:20ms --wait p99:50ms"
	@cargo run --quiet --release --locked -p onelane-plan -- $(or $(ARGS),--help)

# SERVICE, MODE and PORT reach it as they do `up`.
dev: ## one lane of the sources on PORT=5000, compiled and started anew when they change
	@tools/dev

fmt: ## format the sources
	for workspace in Cargo.toml $(wildcard examples/services/Cargo.toml); do cargo fmt --all --manifest-path $$workspace; done

openapi: ## write openapi.json, what the service can be asked, from the types of its workloads
	document=$$(cargo run --quiet --locked --features openapi -- openapi) && printf '%s\n' "$$document" >openapi.json

# The services to copy from are a workspace of their own, which a clone may delete.
check: ## format, lints, documentation, and the tests that take seconds
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps
	cargo test --locked --workspace --all-features --doc
	$(wildcard examples/services/check)
	cargo test --locked --workspace --all-features --lib --bins --test plan --test service --test build --test docs --test supply_chain --test k8s --test monitoring --example live

# The real stack first; then the modes one after the other, so that each has the machine.
soak: ## all that may happen to lanes and nginx, for SOAK_SECONDS=600; then kills under full load, 30 s for each mode
	SOAK_SECONDS=$(or $(SOAK_SECONDS),600) cargo test --locked --workspace --all-features --test deploy soak -- --nocapture
	SOAK_SECONDS=30 cargo test --locked --workspace --all-features --test integration soak -- --test-threads 1

# A failure tells how to repeat it.
fuzz: ## whatever may come, at random, for FUZZ_SECONDS=3600: requests, inputs, forms, children, settings; through nginx, too
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) cargo test --locked --workspace --all-features --test integration fuzz -- --nocapture --test-threads 4
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) cargo test --locked --workspace --all-features --test deploy fuzz -- --nocapture

# The deploy and browser tests start and stop stacks of their own.
# With the features that `check` has compiled everything with.
test: check images ## check, then tests of one lane, of its document, of the real stacks and of the page
	cargo test --locked --workspace --all-features --test integration --test openapi
	cargo test --locked --workspace --all-features --test deploy -- --skip alone::
	cargo test --locked --workspace --all-features --test deploy alone::
	cargo test --locked --workspace --all-features --test browser

images:
	@[ $(stack) = local ] || COMPOSE_PROFILES=monitoring docker/build

# Every test that is ignored in the first two is one of them: tests/build/ignored.rs.
prove: images ## what takes too long for test: compiles copies of the tree, tries every service in containers; then soak and fuzz, a minute each
	cargo test --locked --workspace --all-features --test build --test deploy -- --ignored
	cargo test --locked --workspace --all-features --test integration prove -- --ignored
	$(MAKE) soak fuzz SOAK_SECONDS=60 FUZZ_SECONDS=60

# Not part of `test`: it needs a cluster, and changes things there.
live: ## try the service on the cluster that kubectl talks to, for a quarter of an hour; docs/kubernetes.md tells what it does there. TRIALS="rollout drain" for some
	@tests/k8s/live/run $(TRIALS)

screenshots: ## draw the pictures in docs/ anew
	cargo test --locked --test browser -- --ignored screenshots

# Measurements. A clone may delete their folder.
-include lab/Makefile
