# Two commands matter: `make run` and `make test`. Each sets up what it needs and may be run again.

.DEFAULT_GOAL := help
.PHONY: help run page reference fleet chaos test check fuzz simulate bench audit clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: page ## build and start everything in one process; prints an address and tokens
	cargo run --release --quiet -- dev

page: ## build the page to chat on, which the server embeds
	@scripts/setup.sh
	@scripts/client.sh build

reference: ## build the API reference of the client's packages, into client/docs/api
	@scripts/setup.sh
	@scripts/client.sh docs
	@echo 'client/docs/api/index.html'

fleet: page ## build and start two APIs and three gateways behind haproxy; Ctrl-C ends all of it
	@scripts/setup.sh services
	cargo build --release --quiet -p callboard -p callboard-testbed --bins
	@exec target/release/fleet $(FLEET)

chaos: ## the loss checker under one fault after the other; CHAOS="--seed 7 --only api-kill" and so on
	@scripts/setup.sh services
	cargo build --release --quiet -p callboard -p callboard-loadtest --bins
	@target/release/chaos $(CHAOS)

test: ## everything that must hold
	@scripts/setup.sh services tests
	scripts/test.sh

check: ## format and lints alone
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

fuzz: ## fuzz the decoders and the sessions, FUZZ_SECONDS each (default 300)
	@scripts/setup.sh
	scripts/fuzz.sh

simulate: ## fleets in virtual time, one seed after the other, for SIMULATE_SECONDS (default an hour)
	@scripts/setup.sh
	cargo run --quiet -p callboard-simulation -- --from $${SIMULATE_FROM:-1000000} --seconds $${SIMULATE_SECONDS:-3600}

bench: ## memory per connection and CPU per delivery
	@scripts/setup.sh
	scripts/bench.sh

audit: ## licences and sources of dependencies (needs cargo-deny)
	cargo deny check bans licenses sources

clean: ## remove what was built and installed here
	rm -rf target data interop/node_modules interop/.venv interop/results examples/node_modules \
		client/node_modules client/*/dist client/docs
