#!/usr/bin/env bash
# Installs missing tools, in the versions that this project is built with, and reports each one.
# Usage: tools/install-tools.sh wasm-target|trunk|wasm-bindgen|cargo-deny|cargo-fuzz|nightly|nightly-name|msrv|node|npm-packages|bench-packages|vite-packages|host-packages|browser|firefox|geckodriver|nginx|openssl|wrk|python-client|proxies|musl|cargo-deb|cargo-cyclonedx|packaging|manifest-schemas...
set -euo pipefail
cd "$(dirname "$0")/.."

TRUNK_VERSION=0.21.14 # 0.22 wants a newer rustc than Cargo.toml's rust-version
CARGO_DENY_VERSION=0.20.2
CARGO_FUZZ_VERSION=0.13.2
GECKODRIVER_VERSION=0.37.1
NODE_VERSION=20.19
NIGHTLY=nightly-2026-05-20 # only for make dist-smallest
PYTHON_CLIENT_VERSION=0.9.1
CARGO_DEB_VERSION=3.8.0
CARGO_CYCLONEDX_VERSION=0.5.9
CHECK_JSONSCHEMA_VERSION=0.39.0   # carries the Compose specification's schema
KUBERNETES_VALIDATE_VERSION=1.37.0 # carries Kubernetes' schemas

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null; }

wasm_target() {
  have rustup || die "rustup is missing: install Rust from https://rustup.rs"
  rustup target list --installed | grep -qx wasm32-unknown-unknown && return
  say "adding the wasm32-unknown-unknown target to $(rustup show active-toolchain | head -n 1)"
  rustup target add wasm32-unknown-unknown
}

nightly() {
  have rustup || die "rustup is missing: install Rust from https://rustup.rs"
  rustup component list --toolchain "$NIGHTLY" --installed 2>/dev/null | grep -qx rust-src && return
  say "installing $NIGHTLY with the source of the standard library"
  rustup toolchain install "$NIGHTLY" --profile minimal --component rust-src --target wasm32-unknown-unknown
}

# The compiler that Cargo.toml promises as the oldest one.
msrv() {
  local version
  have rustup || die "rustup is missing: install Rust from https://rustup.rs"
  version=$(sed -n 's/^rust-version = "\(.*\)"/\1.0/p' Cargo.toml)
  rustup target list --toolchain "$version" --installed 2>/dev/null | grep -qx wasm32-unknown-unknown && return
  say "installing Rust $version"
  rustup toolchain install "$version" --profile minimal --target wasm32-unknown-unknown
}

# If the machine has another version, that one stays: ours is installed into .tools/, which make puts first on PATH. They are compiled
# without optimisation: none of them runs long, and an optimised build of Trunk alone takes minutes.
cargo_tool() { # crate version command [option of cargo install...]
  local crate=$1 version=$2 command=$3 found where=()
  shift 3
  found=$("$command" --version 2>/dev/null | awk '{ print $2 }') || found=
  [ "$found" = "$version" ] && return
  if [ -n "$found" ]; then
    say "$command is $found here; installing $crate $version into .tools/ (one to three minutes)"
    where=(--root .tools)
  else
    say "installing $crate $version (one to three minutes)"
  fi
  if have cargo-binstall && cargo binstall --no-confirm --disable-strategies compile "${where[@]+"${where[@]}"}" "$crate@$version"; then
    return
  fi
  CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_DEBUG=0 cargo install --locked "${where[@]+"${where[@]}"}" "$@" "$crate@$version"
}

# The wasm-bindgen command must have exactly the version of the crate.
wasm_bindgen_version() {
  awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

# libFuzzer is C++; `-s none` needs no nightly toolchain.
cargo_fuzz() {
  have c++ || die "a C++ compiler is missing: install Debian's g++"
  cargo_tool cargo-fuzz "$CARGO_FUZZ_VERSION" cargo-fuzz
}

node_js() {
  have node || die "Node.js is missing: install version $NODE_VERSION or later"
  printf '%s\n' "$NODE_VERSION" "$(node -p process.versions.node)" | sort --check=quiet --version-sort ||
    die "Node.js $(node --version) is too old: install version $NODE_VERSION or later"
}

npm_packages() { # folder
  node_js
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed-lock" && return
  say "installing the npm packages of $1/package-lock.json"
  (cd "$1" && npm ci --no-audit --no-fund)
  cp "$1/package-lock.json" "$1/node_modules/.installed-lock"
}

# RUNLEVEL=1 does not start the installed servers: the tests start their own.
debian() { # what-to-say-where-there-is-no-apt package...
  local hint=$1 sudo=()
  shift
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  have apt-get && { [ "$(id -u)" = 0 ] || have sudo; } || die "$hint"
  say "installing Debian's $*"
  "${sudo[@]+"${sudo[@]}"}" apt-get update -q
  "${sudo[@]+"${sudo[@]}"}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends "$@"
}

browser() {
  if { [ -n "${CHROMIUM:-}" ] || have chromium; } && { [ -n "${CHROMEDRIVER:-}" ] || have chromedriver; }; then
    return
  fi
  debian "install Chromium and ChromeDriver of one version, and set CHROMIUM and CHROMEDRIVER to their paths" chromium chromium-driver
}

# The host software on which badges are tested (tests/hosts). Of MariaDB and PHP only the parts that run as plain processes.
HOST_SOFTWARE=(mediawiki dokuwiki wordpress wordpress-theme-twentytwentythree hugo jekyll
  php-cli php-intl php-mbstring php-mysql php-sqlite3 php-xml mariadb-server-core mariadb-client-core)
host_packages() {
  npm_packages tests/hosts
  local package missing=()
  for package in "${HOST_SOFTWARE[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
  done
  [ "${#missing[@]}" = 0 ] || debian "the tests on real host software need Debian's ${missing[*]}" "${missing[@]}"
}

firefox_esr() {
  [ -n "${FIREFOX:-}" ] || have firefox || have firefox-esr || debian "install Firefox, and set FIREFOX to its path" firefox-esr
}

reverse_proxy() {
  have nginx || [ -x /usr/sbin/nginx ] || debian "install nginx" nginx-light
}

load_generator() {
  have wrk || debian "install wrk" wrk
}

# Zulip's own Python client, with which the gateway is tested.
python_client() {
  .tools/python/bin/python -c "import importlib.metadata as m; assert m.version('zulip') == '$PYTHON_CLIENT_VERSION'" 2>/dev/null && return
  say "installing zulip $PYTHON_CLIENT_VERSION for Python into .tools/python"
  python3 -c "import venv, ensurepip" 2>/dev/null || debian "install Python 3 with venv" python3 python3-venv
  python3 -m venv .tools/python
  .tools/python/bin/python -m pip install -q --disable-pip-version-check "zulip==$PYTHON_CLIENT_VERSION"
}

proxies() {
  local missing=()
  [ -x /usr/sbin/apache2 ] || missing+=(apache2-bin)
  have caddy || missing+=(caddy)
  [ -x /usr/sbin/haproxy ] || missing+=(haproxy)
  [ -x /usr/sbin/squid ] || missing+=(squid)
  [ ${#missing[@]} = 0 ] || debian "install Apache, Caddy, HAProxy and Squid" "${missing[@]}"
}

# A C compiler for musl: ring has parts in C.
musl() {
  have rustup || die "rustup is missing: install Rust from https://rustup.rs"
  have musl-gcc || debian "install musl's C compiler, musl-gcc" musl-tools
  rustup target list --installed | grep -qx x86_64-unknown-linux-musl && return
  say "adding the x86_64-unknown-linux-musl target"
  rustup target add x86_64-unknown-linux-musl
}

packaging() {
  local missing=() tool
  for tool in lintian umoci runc mmdebstrap; do
    have "$tool" || missing+=("$tool")
  done
  [ ${#missing[@]} = 0 ] || debian "install lintian, umoci, runc and mmdebstrap" "${missing[@]}"
}

# Schemas that check deploy/compose.yaml and deploy/kubernetes.yaml without a network.
manifest_schemas() {
  local wanted=("check-jsonschema==$CHECK_JSONSCHEMA_VERSION" "kubernetes-validate==$KUBERNETES_VALIDATE_VERSION")
  [ "$(cat .tools/manifests/.installed 2>/dev/null)" = "${wanted[*]}" ] && return
  say "installing ${wanted[*]} for Python into .tools/manifests"
  python3 -c "import venv, ensurepip" 2>/dev/null || debian "install Python 3 with venv" python3 python3-venv
  python3 -m venv .tools/manifests
  .tools/manifests/bin/python -m pip install -q --disable-pip-version-check "${wanted[@]}"
  echo "${wanted[*]}" >.tools/manifests/.installed
}

for need in "$@"; do
  case $need in
    wasm-target) wasm_target ;;
    # Without the features that download: all tools that Trunk calls are already installed.
    trunk) cargo_tool trunk "$TRUNK_VERSION" trunk --no-default-features ;;
    wasm-bindgen)
      cargo_tool wasm-bindgen-cli "$(wasm_bindgen_version)" wasm-bindgen --no-default-features \
        --bin wasm-bindgen --bin wasm-bindgen-test-runner
      ;;
    cargo-deny) cargo_tool cargo-deny "$CARGO_DENY_VERSION" cargo-deny ;;
    cargo-fuzz) cargo_fuzz ;;
    nightly) nightly ;;
    nightly-name) echo "$NIGHTLY" ;;
    msrv) msrv ;;
    node) node_js ;;
    npm-packages) npm_packages . ;;
    bench-packages) npm_packages bench ;;
    vite-packages) npm_packages tests/vite ;;
    host-packages) host_packages ;;
    browser) browser ;;
    firefox) firefox_esr ;;
    geckodriver) cargo_tool geckodriver "$GECKODRIVER_VERSION" geckodriver ;;
    nginx) reverse_proxy ;;
    openssl) have openssl || debian "install openssl" openssl ;;
    wrk) load_generator ;;
    python-client) python_client ;;
    proxies) proxies ;;
    musl) musl ;;
    cargo-deb) cargo_tool cargo-deb "$CARGO_DEB_VERSION" cargo-deb ;;
    cargo-cyclonedx) cargo_tool cargo-cyclonedx "$CARGO_CYCLONEDX_VERSION" cargo-cyclonedx ;;
    packaging) packaging ;;
    manifest-schemas) manifest_schemas ;;
    *) die "nobody knows how to install '$need'" ;;
  esac
done
