#!/usr/bin/env bash
# Builds the playground and plays it in a browser.
#
#   .ci/playground.sh [SETUP]     SETUP prints the compiler and the linker as variables, where rustup has no target for it
set -euo pipefail
cd "$(dirname "$0")/.."

# In a shell of its own: the tests are built with the compiler of the project.
(
    if [ -n "${1-}" ]; then
        variables=$("$1" wasm32-unknown-unknown)
        eval "$variables"
    fi
    playground/build.sh
)
HEARTBEAT_EXPECT='browser playground' cargo test --test end_to_end browser::playground
