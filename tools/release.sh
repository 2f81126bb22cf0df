#!/usr/bin/env bash
# Builds all packages of a release into target/release-packages, from dist/ and dist/npm.
# Usage: tools/release.sh [binary|tarball|deb|image|npm_package|crates|sbom|sums]...   (all without arguments)
set -euo pipefail
cd "$(dirname "$0")/.."

OUT=target/release-packages
STAGE=target/release-stage
TARGET=x86_64-unknown-linux-musl
NAME=zulip-presence-gateway
BINARY=target/$TARGET/gateway/$NAME
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

# The same commit gives the same archives: their times are the commit's.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

say() { printf 'release: %s\n' "$*" >&2; }

archive() { # folder archive
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$(dirname "$1")" -cf - "$(basename "$1")" |
    gzip -9n >"$2"
}

# Statically linked with musl: runs on any Linux of this architecture. dist/ is embedded.
binary() {
  touch gateway/build.rs
  ZULIP_PRESENCE_EMBED=$PWD/$STAGE/dist cargo build --locked --profile gateway --target "$TARGET" -p "$NAME"
}

tarball() {
  local folder=$STAGE/$NAME-$VERSION-x86_64-linux
  rm -rf "$folder"
  mkdir -p "$folder"
  install -m 755 "$BINARY" "$folder/"
  install -m 644 LICENSE-APACHE LICENSE-MIT CHANGELOG.md docs/gateway.md "$folder/"
  cp -r deploy "$folder/deploy"
  rm -rf "$folder/deploy/debian"
  manual "$folder"
  archive "$folder" "$OUT/$NAME-$VERSION-x86_64-linux.tar.gz"
}

# The manual page and the completions, as the program writes them.
manual() { # folder
  "$BINARY" man >"$1/$NAME.1"
  local shell
  for shell in bash zsh fish; do
    "$BINARY" completions "$shell" >"$1/completions.$shell"
  done
}

# The files that `[package.metadata.deb]` of gateway/Cargo.toml names besides the binary.
deb() {
  local folder=$STAGE/debian unit
  rm -rf "$folder"
  mkdir -p "$folder"
  sed "s|/usr/local/bin/|/usr/bin/|; /^#   /d" deploy/$NAME.service >"$folder/$NAME.service"
  for unit in path service; do
    cp "deploy/$NAME-key.$unit" "$folder/$NAME.$NAME-key.$unit"
  done
  manual "$folder"
  gzip -9n "$folder/$NAME.1"
  cat >"$folder/changelog" <<END
$NAME ($VERSION-1) unstable; urgency=medium

  * Release $VERSION; CHANGELOG.md says what is new.

 -- $(sed -n 's/^maintainer = "\(.*\)"$/\1/p' gateway/Cargo.toml)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
  cargo deb --quiet --locked --no-build --no-strip --profile gateway --target "$TARGET" -p "$NAME" -o "$OUT/"
}

# From scratch: the binary, the certificates that TLS needs, and a user without privileges.
image() {
  local layout=$STAGE/oci bundle=$STAGE/bundle tag=$VERSION created
  created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  rm -rf "$layout" "$bundle"
  umoci init --layout "$layout"
  umoci new --image "$layout:$tag"
  umoci unpack --rootless --image "$layout:$tag" "$bundle"
  install -D -m 755 "$BINARY" "$bundle/rootfs/$NAME"
  install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$bundle/rootfs/etc/ssl/certs/ca-certificates.crt"
  printf 'gateway:x:65534:65534::/:/%s\n' "$NAME" >"$bundle/rootfs/etc/passwd"
  printf 'gateway:x:65534:\n' >"$bundle/rootfs/etc/group"
  chmod 644 "$bundle/rootfs/etc/passwd" "$bundle/rootfs/etc/group"
  find "$bundle/rootfs" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  umoci repack --history.created "$created" --history.created_by tools/release.sh --image "$layout:$tag" "$bundle"
  umoci config --no-history --image "$layout:$tag" --created "$created" --architecture amd64 --os linux \
    --config.user 65534:65534 --config.entrypoint "/$NAME" --config.exposedports 8640/tcp \
    --config.env ZULIP_PRESENCE_LISTEN=0.0.0.0:8640 --config.stopsignal SIGTERM \
    --config.label "org.opencontainers.image.title=$NAME" \
    --config.label "org.opencontainers.image.version=$VERSION" \
    --config.label "org.opencontainers.image.licenses=MIT OR Apache-2.0"
  umoci gc --layout "$layout"
  # The name by which it is loaded.
  node tools/name-image.mjs "$layout" "localhost/$NAME:$VERSION" "localhost/$NAME:latest"
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$layout" \
    -cf "$OUT/$NAME-$VERSION-x86_64.oci.tar" oci-layout index.json manifest.json blobs
}

npm_package() {
  npm pack --silent --pack-destination "$OUT" ./dist/npm >/dev/null
}

# Each is built from what is packed by tests/packages/.
crates() {
  cargo package --quiet --locked --allow-dirty --no-verify --workspace
  cp target/package/zulip-{presence-core,presence-gateway,presence-widget,simulator}-"$VERSION".crate "$OUT/"
}

# The crates in the gateway and in the widget.
sbom() {
  local crate manifest target
  for crate in gateway:gateway/Cargo.toml:$TARGET widget:Cargo.toml:wasm32-unknown-unknown; do
    IFS=: read -r crate manifest target <<<"$crate"
    cargo cyclonedx --quiet --format json --manifest-path "$manifest" --target "$target" --no-build-deps \
      --override-filename "sbom-$crate"
    mv "$(dirname "$manifest")/sbom-$crate.json" "$OUT/zulip-presence-$crate-$VERSION.cdx.json"
    # It writes one beside each crate of the workspace.
    find . -path ./target -prune -o -path ./node_modules -prune -o -name "sbom-$crate.json" -exec rm {} +
  done
}

sums() {
  (cd "$OUT" && rm -f SHA256SUMS && sha256sum -- * >SHA256SUMS)
}

main() {
  [ -f dist/zulip-presence.js ] || { say "dist/ is missing: make dist builds it"; exit 1; }
  mkdir -p "$OUT" "$STAGE"
  # Pages need the widget, not the npm package that make puts beside it.
  rm -rf "$STAGE/dist"
  cp -r dist "$STAGE/dist"
  rm -rf "$STAGE/dist/npm"
  if [ $# = 0 ]; then
    rm -rf "$OUT"
    mkdir -p "$OUT"
    set -- binary tarball deb image npm_package crates sbom sums
  fi
  for step in "$@"; do
    say "$step"
    "$step"
  done
  (cd "$OUT" && stat -c 'release: %10s bytes  %n' -- *) >&2
}

main "$@"
