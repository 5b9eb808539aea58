#!/usr/bin/env bash
# Builds the node for arm64, runs three under emulation, kills one, and waits until both others report it dead.
#
#   .ci/arm64.sh SETUP     SETUP prints the compiler, the linker and the runner as variables
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
nodes=()
cleanup() {
    kill -KILL "${nodes[@]+"${nodes[@]}"}" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap cleanup EXIT

triple=aarch64-unknown-linux-gnu
variables=$("$1" "$triple")
eval "$variables"
runner=CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER

# Linked as in the image, and otherwise as cheap to build as can be. A folder of its own: the compiler is another one.
export RUSTFLAGS='-C target-feature=+crt-static' CARGO_TARGET_DIR=target/arm64 CARGO_PROFILE_DEV_DEBUG=false
# The linker warns that static programs look names up with the libraries of the machine; those of the image do, too.
if ! cargo build --quiet --locked --bin heartbeat --target "$triple" --config 'profile.dev.package."*".opt-level=0' 2>"$work/build"; then
    cat "$work/build"
    exit 1
fi
heartbeat() {
    # The runner is a command with its arguments.
    # shellcheck disable=SC2086
    exec ${!runner-} "$CARGO_TARGET_DIR/$triple/debug/heartbeat" "$@"
}

# in_time SECONDS COMMAND...: until it succeeds.
in_time() {
    local limit=$((SECONDS + $1))
    shift
    until "$@" >"$work/said" 2>&1; do
        if [ "$SECONDS" -ge "$limit" ]; then
            printf 'not in time: %s\n' "$*"
            cat "$work/said" "$work"/node-*
            return 1
        fi
        sleep 0.1
    done
}

first=$((20000 + RANDOM % 10000))
for number in 0 1 2; do
    peers=
    for other in 0 1 2; do
        [ "$other" = "$number" ] || peers=$peers${peers:+,}http://127.0.0.1:$((first + other))
    done
    (heartbeat --port=$((first + number)) --peers="$peers") >"$work/node-$number" 2>&1 &
    nodes+=($!)
done

sees_all() { (heartbeat wait --all --expect=3 --timeout=5s --addr=":$1"); }
reports_one_dead() {
    # It exits with 1 as long as a peer is not up.
    { (heartbeat members --json --addr=":$1") || true; } | tr -d ' \n' | grep -qE '"state":"(dead|down)"'
}

# Ten seconds after it is ready a node gives pages back; an emulator has its own way with that.
up_for_25_seconds() {
    (heartbeat info --json --addr=":$1") | grep -qE '"up_ms":(2[5-9]|[3-9][0-9]|[1-9][0-9]{2,})[0-9]{3}[^0-9]'
}

for number in 0 1 2; do in_time 60 sees_all $((first + number)); done
echo 'three nodes see each other'
for number in 0 1 2; do in_time 60 up_for_25_seconds $((first + number)); done
for number in 0 1 2; do in_time 10 sees_all $((first + number)); done
echo 'and still do 25 s after their start'
kill -KILL "${nodes[2]}"
killed=$(date +%s%N)
for number in 0 1; do in_time 30 reports_one_dead $((first + number)); done
printf 'both others report it dead %d ms after its SIGKILL, emulated and as asked every 0.1 s\n' $((($(date +%s%N) - killed) / 1000000))
