#!/usr/bin/env bash
# Builds the playground: a folder of static files that any web server can serve. `just playground-build` runs it.
#
#   playground/build.sh [FOLDER]     target/playground/site if none is named; its files are replaced
#
# The compiler is the one of rustup, or the one that RUSTC names.
set -euo pipefail
cd "$(dirname "$0")/.."

triple=wasm32-unknown-unknown
site=${1:-target/playground/site}

if [ ! -d "$("${RUSTC:-rustc}" --print target-libdir --target "$triple")" ]; then
    if [ -n "${RUSTC-}" ] || ! rustup target add "$triple"; then
        echo "no standard library for $triple: 'rustup target add $triple' gets it; RUSTC may name a compiler that has it" >&2
        exit 1
    fi
fi
# A folder of its own: the compiler may be another one.
export CARGO_TARGET_DIR=$PWD/target/playground
(cd playground && cargo build --locked --release --target "$triple")

mkdir -p "$site"
cp playground/site/* "$site/"
cp "$CARGO_TARGET_DIR/$triple/release/heartbeat_playground.wasm" "$site/engine.wasm"
printf '%s: %d kB of WebAssembly, at most 1000; %d kB of page\n' "$site" \
    $(($(wc -c <"$site/engine.wasm") / 1000)) $(($(cat playground/site/* | wc -c) / 1000))
