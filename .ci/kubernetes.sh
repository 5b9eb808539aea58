# Stages that need a cluster. Read by .ci/run with `.`.
# shellcheck shell=bash disable=SC2154

# A test bed that starts a real one where no node image can be pulled, else the cluster that KUBECONFIG names.
kube=../shared/kube
kube_bin=${KUBE_WORK:-/var/tmp/kube}/bin

# A cluster that this script has started and not stopped yet.
cluster=
at_exit+=(cluster_down)

# Builds manifests without a cluster: of the test bed, of this machine, or from the module proxy of Go.
kustomize_path() {
    if [ -x "$kube_bin/kubectl" ]; then
        printf '%s\n' "$kube_bin/kubectl"
        return
    fi
    command -v kubectl || go_tool kustomize sigs.k8s.io/kustomize/kustomize/v5 v5.8.1
}
manifests() {
    HEARTBEAT_KUSTOMIZE="$1" cargo test --test contract kubernetes
}

# A bridge without a hardware address of its own takes the lowest of its ports, so it changes when pods start and end. The pods
# that stay then send to an address that no pod has, for the 5 s and more until they ask again, and the name server is
# behind that bridge: once in a while every node reported that names could not be looked up. Setting the address keeps it.
keep_bridge_address() {
    local bridge=${KUBE_BRIDGE:-kube0}
    ip link set dev "$bridge" address "$(cat "/sys/class/net/$bridge/address")"
}

cluster_up() {
    # One that runs is not ours to stop; of one that was cut off only the remains are there.
    if [ -e "$kube_bin/../run" ]; then
        if "$kube_bin/kubectl" --kubeconfig "$kube_bin/../run/admin.kubeconfig" --request-timeout=5s get --raw /readyz >"$work/other" 2>&1; then
            echo "a cluster is up already in $(dirname "$kube_bin"); $kube/down.sh ends it"
            return 1
        fi
        "$kube/down.sh" || return 1
    fi
    cluster=ours
    KUBECONFIG=$("$kube/up.sh") || return 1
    export KUBECONFIG
    keep_bridge_address
    PATH="$kube_bin:$PATH"
    kubectl version
}
cluster_down() {
    [ -n "$cluster" ] || return 0
    cluster=
    "$kube/down.sh"
}
# Every image that the overlay names, and that of the labs' receiver, out of the container engine; ours are built first.
cluster_images() {
    local image
    recipe image distributed-heartbeat:dev '' || return 1
    docker build --quiet --tag distributed-heartbeat-labkit:dev labs/kit || return 1
    kubectl kustomize tests/labs/kubernetes | sed -n 's/^ *image: //p' | sort -u >"$work/images" || return 1
    while read -r image; do "$kube/load.sh" "$image" || return 1; done <"$work/images"
}
cluster_tests() {
    HEARTBEAT_E2E=1 cargo test --test cluster
}
# Both in the same cluster: every lab that makes sense there has a namespace of its own, and all of them mostly wait.
cluster_tests_and_labs() {
    begin env HEARTBEAT_E2E=1 cargo test --test labs -- --kubernetes
    stage 'the manifests on a real cluster' cluster_tests
    await 'the labs on a real cluster, begun with the manifests'
}

# The test bed's build, begun and awaited by the stages of containers, without whose engine it is of no use.
begin_kubernetes() {
    if [ -x "$kube/build.sh" ] && engine_answers; then begin "$kube/build.sh"; fi
}
await_kubernetes() {
    await 'building Kubernetes, begun with the image'
}

kubernetes() {
    if [ -x "$kube/build.sh" ]; then
        if ! engine_answers; then
            skip 'the manifests and labs on a real cluster' 'no container engine answers here, which would hold the images'
            return
        fi
        stage 'a cluster' cluster_up
        if [ -n "$cluster" ]; then
            stage 'images for the cluster' cluster_images
            cluster_tests_and_labs
            stage 'the cluster is taken down' cluster_down
        fi
    elif [ -n "${KUBECONFIG:-}" ]; then
        cluster_tests_and_labs
    else
        skip 'the manifests and labs on a real cluster' 'no test bed, and KUBECONFIG names no cluster: nothing about running on Kubernetes was tested'
    fi
}
