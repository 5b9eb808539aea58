# Stages and what became of them. Read by .ci/run with `.`.
# shellcheck shell=bash

work=$(mktemp -d)
passed=()
failed=()
skipped=()
# Commands that end what a stage has started, however the script ends.
at_exit=()

cleanup() {
    local command
    for command in "${at_exit[@]+"${at_exit[@]}"}"; do $command || true; done
    rm -rf "$work"
}
trap cleanup EXIT

# stage NAME COMMAND...: runs it, notes how it went, and continues.
stage() {
    local name=$1 began=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    if "$@"; then
        passed+=("$name ($((SECONDS - began)) s)")
    else
        failed+=("$name")
        printf '!!! %s failed\n' "$name"
    fi
}

# skip NAME REASON
skip() {
    printf '\n=== %s\n!!! SKIPPED: %s\n' "$1" "$2"
    skipped+=("$1: $2")
}

# The last lines; fails if a stage has failed.
summary() {
    local name
    printf '\n=== summary\n'
    for name in "${passed[@]+"${passed[@]}"}"; do printf 'passed   %s\n' "$name"; done
    for name in "${skipped[@]+"${skipped[@]}"}"; do printf 'skipped  %s\n' "$name"; done
    for name in "${failed[@]+"${failed[@]}"}"; do printf 'FAILED   %s\n' "$name"; done
    printf '%d passed, %d failed, %d skipped\n' "${#passed[@]}" "${#failed[@]}" "${#skipped[@]}"
    [ "${#failed[@]}" = 0 ]
}
