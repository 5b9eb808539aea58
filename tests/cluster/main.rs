//! The manifests on a real cluster: applied as they stand, then broken in every way that a cluster breaks things.
//!
//! `HEARTBEAT_E2E=1 KUBECONFIG=... cargo test --test cluster`, or one case:
//! `HEARTBEAT_E2E=1 KUBECONFIG=... cargo test --test cluster scale`.
//!
//! The cluster must hold the images that `k8s/overlays/kind` names, and must not hold a namespace of our name: this
//! suite makes it and deletes it. Cases run one after the other against the same mesh. Each first waits until the mesh
//! is whole, so each can be run alone, and a case that fails does not make the next one fail.
//!
//! What one machine with one node of Kubernetes cannot show is listed in `docs/kubernetes.md`.
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod crashes;
mod keys;
mod kubectl;
mod mesh;
mod moves;
mod partition;
mod pods;
mod process;
mod prometheus;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod watch;

use std::process::ExitCode;

use support::{Case, case, suite};

/// They share one mesh.
const AT_ONCE: usize = 1;

const CASES: &[Case] = &[
    case!(watch::every_node_sees_every_other),
    case!(watch::prometheus_has_every_target_rule_and_query),
    case!(watch::nodes_do_not_notice_that_the_monitoring_is_gone),
    case!(pods::refused_by_admission_with_a_clear_message),
    case!(pods::hostile_environment_is_refused_by_the_node_itself),
    case!(pods::the_rendered_file_is_what_is_there),
    case!(moves::rolling_restart_takes_one_at_a_time_and_alerts_nobody),
    case!(moves::scaled_to_five_and_back),
    case!(moves::the_second_eviction_is_refused),
    case!(keys::the_mesh_key_is_exchanged_without_a_restart),
    case!(tls::mutual_tls_from_a_secret),
    case!(crashes::a_deleted_pod_says_goodbye_and_comes_back),
    case!(crashes::a_killed_process_is_started_again),
    case!(crashes::a_frozen_process_is_reported_before_the_kubelet_restarts_it),
    case!(partition::one_pod_is_cut_off_and_healed),
    case!(crashes::all_at_once),
];

fn clean() {
    mesh::clean();
    tls::clean();
}

fn main() -> ExitCode {
    suite::end_to_end(kubectl::skipped(), clean, AT_ONCE, CASES)
}
