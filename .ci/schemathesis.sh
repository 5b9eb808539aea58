#!/usr/bin/env bash
# Schemathesis against a live node: requests made from the contract, good ones and bad ones, and each answer compared
# with the contract. Two nodes, so that there is a peer; the second one stops, so that there is one that is down.
#
# Without SECONDS the requests are the same in every run, so that a change fails for what it changed; with SECONDS they
# are random for that long, and a failure prints the seed.
#
#   bash .ci/schemathesis.sh SCHEMATHESIS BINARY [SECONDS]
set -euo pipefail

schemathesis=$1 binary=$2
if [ -n "${3:-}" ]; then
    extent=(--max-time="$3" --workers=4)
else
    extent=(--seed=1 --max-examples=100 --workers=1)
fi
work=$(mktemp -d)
nodes=()
cleanup() {
    [ "${#nodes[@]}" = 0 ] || kill "${nodes[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap cleanup EXIT

port=$((20000 + RANDOM % 10000))
export HEARTBEAT_TOKEN=schemathesis-needs-a-token
for at in 0 1; do
    "$binary" run --node="node-$at" --port=$((port + at)) --metrics-port=0 \
        --peers="http://127.0.0.1:$port,http://127.0.0.1:$((port + 1))" >"$work/node-$at" 2>&1 &
    nodes+=($!)
done
for try in $(seq 100); do
    if "$binary" healthcheck --addr="127.0.0.1:$port" >"$work/health" 2>&1; then break; fi
    if [ "$try" = 100 ]; then
        cat "$work/node-0" "$work/health"
        exit 1
    fi
    sleep 0.1
done
kill "${nodes[1]}"

# 503 is an answer of the contract (`?strict=1` where the mesh is not whole), so it is no fault by itself; a 500 is in no
# contract, and the check of status codes finds it.
cd "$work"
# HTTP lets a request carry any header, so one that the contract does not name is no violation.
printf '[generation]\nallow-extra-parameters = false\n' >schemathesis.toml
"$schemathesis" run "http://127.0.0.1:$port/openapi.json" "${extent[@]}" \
    --header="Authorization: Bearer $HEARTBEAT_TOKEN" --checks=all \
    --exclude-checks=not_a_server_error --phases=coverage,fuzzing --request-timeout=5 --warnings=off
