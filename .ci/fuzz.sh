#!/usr/bin/env bash
# fuzz.sh CARGO-FUZZ SECONDS [TARGET...]: feeds each target, or those named, with generated inputs for so many seconds.
# Inputs worth keeping are found again in fuzz/target/corpus; a finding is written to fuzz/artifacts, fails the script,
# and belongs into fuzz/corpus once it is mended. Without a sanitizer, because the code that reads inputs is safe
# Rust and the stable compiler then does.
set -euo pipefail
cd "$(dirname "$0")/.."

fuzzer=$1
seconds=$2
shift 2
targets=("$@")
if [ $# = 0 ]; then
    for source in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$source" .rs)"); done
fi

# A lock file that lacks something is an error here: cargo-fuzz would change it without a word.
cargo fetch --locked --quiet --manifest-path fuzz/Cargo.toml --target "$(rustc --print host-tuple)"
"$fuzzer" build --sanitizer=none
failed=0
for target in "${targets[@]}"; do
    found=fuzz/target/corpus/$target
    log=fuzz/target/$target.log
    mkdir -p "$found"
    if "$fuzzer" run --sanitizer=none "$target" "$found" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        >"$log" 2>&1; then
        printf '%s: %s inputs, no finding\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    else
        failed=1
        printf '%s: a finding\n' "$target"
        tail -40 "$log"
    fi
done
exit "$failed"
