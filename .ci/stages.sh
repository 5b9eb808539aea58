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

# stage NAME COMMAND...: runs it, notes how it went, and continues. In this shell, because some stages set variables.
stage() {
    local name=$1 began=$SECONDS copy copier output
    shift
    printf '\n=== %s\n' "$name"
    output=$work/output-${#passed[@]}-${#failed[@]}
    exec {copy}> >(tee "$output")
    copier=$!
    if "$@" >&"$copy" 2>&1; then
        exec {copy}>&-
        passed+=("$name ($((SECONDS - began)) s)")
    else
        exec {copy}>&-
        # All of it is there when the copier ends, which something left running in the background may delay.
        timeout 5 tail --pid="$copier" -f /dev/null || true
        tail -n 60 "$output" >"$work/failed-${#failed[@]}"
        printf '!!! %s failed\n' "$name"
        failed+=("$name")
    fi
}

# begin COMMAND...: runs it beside the stages that follow, in a group of its own so that what it starts ends with it. The next
# one begins after `await NAME`, which shows what this one wrote, as a stage.
beside=
at_exit+=(end_beside)
begin() {
    setsid "$@" >"$work/beside" 2>&1 &
    beside=$!
}
beside_ended() {
    local code=0
    wait "$beside" || code=$?
    beside=
    cat "$work/beside"
    return "$code"
}
await() {
    if [ -n "$beside" ]; then stage "$1" beside_ended; fi
}
end_beside() {
    [ -n "$beside" ] || return 0
    kill -- "-$beside" 2>/dev/null || true
    wait "$beside" || true
    beside=
}

# skip NAME REASON
skip() {
    printf '\n=== %s\n!!! SKIPPED: %s\n' "$1" "$2"
    skipped+=("$1: $2")
}

# The last lines; fails if a stage has failed.
summary() {
    local name index
    # Where a long output is shortened, its end is kept.
    for index in "${!failed[@]}"; do
        printf '\n=== the last lines of what failed: %s\n' "${failed[index]}"
        cat "$work/failed-$index"
    done
    printf '\n=== summary\n'
    for name in "${passed[@]+"${passed[@]}"}"; do printf 'passed   %s\n' "$name"; done
    for name in "${skipped[@]+"${skipped[@]}"}"; do printf 'skipped  %s\n' "$name"; done
    for name in "${failed[@]+"${failed[@]}"}"; do printf 'FAILED   %s\n' "$name"; done
    printf '%d passed, %d failed, %d skipped\n' "${#passed[@]}" "${#failed[@]}" "${#skipped[@]}"
    [ "${#failed[@]}" = 0 ]
}
