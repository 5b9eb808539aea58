# Stages that need a container engine. Read by .ci/run with `.`.
# shellcheck shell=bash disable=SC2154

# A test bed that sets one up where no registry can be reached, else an engine that runs.
engine_setup=../shared/standins/up.sh

engine_answers() { docker info >"$work/engine" 2>&1; }
engine_is_possible() {
    [ -x "$engine_setup" ] || engine_answers
}
engine() {
    if [ -x "$engine_setup" ]; then "$engine_setup" || return 1; fi
    docker version --format 'engine {{.Server.Version}}' && docker compose version
}

# Every combination of profiles and variables is a file that compose understands.
compose_config() {
    docker compose config --quiet && docker compose --profile '*' config --quiet
}

# The image that a service of the compose file uses.
image_of() {
    docker compose config --images "$1" | grep "$2"
}

# The tools come from the same images that compose starts, so that the versions agree.
in_prometheus() {
    docker run --rm --network=none --volume "$PWD/prometheus:/etc/prometheus:ro" --workdir /etc/prometheus \
        --entrypoint promtool "$(image_of prometheus prometheus)" "$@"
}
prometheus_files() {
    local rules=(prometheus/rules/*.yml)
    in_prometheus check config prometheus.yml && in_prometheus check rules "${rules[@]#prometheus/}"
}
prometheus_tests() {
    local files=(prometheus/tests/*.yml)
    in_prometheus test rules "${files[@]#prometheus/}"
}
alertmanager_files() {
    docker run --rm --network=none --volume "$PWD/alertmanager:/etc/alertmanager:ro" \
        --entrypoint amtool "$(image_of alertmanager alertmanager)" check-config \
        /etc/alertmanager/alertmanager.yml /etc/alertmanager/webhook.yml
}

end_to_end() {
    HEARTBEAT_E2E=1 cargo test --test bundle
}
# Every lab, each in a project of its own that is removed again.
labs() {
    HEARTBEAT_E2E=1 cargo test --test labs
}

containers() {
    if ! engine_is_possible; then
        skip 'image, compose, promtool, amtool, end to end' 'no container engine answers here: nothing about the running bundle was tested'
        return
    fi
    stage 'container engine' engine
    # That build keeps all cores busy for minutes; the longest step of the image uses one. No node runs at this time, so none
    # is late.
    begin_kubernetes
    # Without a revision, as compose builds it, so that the suites find its layers.
    stage 'image' recipe image distributed-heartbeat:dev ''
    await_kubernetes
    stage 'compose file' compose_config
    stage 'promtool reads configuration and rules' prometheus_files
    stage 'promtool tests the rules' prometheus_tests
    stage 'amtool reads the configuration of Alertmanager' alertmanager_files
    stage 'end to end: image and compose' end_to_end
    stage 'end to end: labs' labs
}
