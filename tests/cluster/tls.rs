//! Mutual TLS with a Secret, as `docs/kubernetes.md` makes it, in a namespace of its own: a port speaks TLS or does not, so
//! the mesh of the other cases would have to be restarted twice.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kubectl::Kubectl;
use super::support::{Report, check, seconds};

/// The nodes alone, with the component `tls`.
const OVERLAY: &str = "tests/cluster/with-tls";
/// As that overlay names it.
const NAMESPACE: &str = "heartbeat-tls";
const NODES: [&str; 3] = ["heartbeat-0", "heartbeat-1", "heartbeat-2"];

/// A start, and on a busy machine a slow one.
const UP: Duration = seconds(60);
/// The kubelet renews the files of a Secret with its next look at the pod, the node reads them every 10 s, and new
/// content twice.
const RENEWED: Duration = seconds(120);

/// Three nodes agree, their probes and health checks succeed, and a new authority and its certificates are taken from the
/// Secret in three steps without a restart.
pub fn mutual_tls_from_a_secret(report: &Report) {
    clean();
    let space = Space(Kubectl::new(NAMESPACE));
    let kubectl = &space.0;
    let (old, new) = (Files::make("old"), Files::make("new"));
    let began = Instant::now();
    kubectl.run(&["create", "namespace", NAMESPACE]).expect("created");
    secret(kubectl, &old, &old.read("ca.crt"));
    kubectl.run(&["apply", "-k", OVERLAY]).expect("applied");
    check("three nodes agree, and are ready by probes of the metrics port", UP, || {
        let pods = pods(kubectl)?;
        if pods.len() != NODES.len() || pods.iter().any(|pod| pod["status"]["containerStatuses"][0]["ready"] != true) {
            return Err(format!("{} pods, not all ready", pods.len()));
        }
        NODES.iter().try_for_each(|pod| verify(kubectl, pod).map(drop))
    });
    report.measured("from nothing to a whole mesh", began.elapsed(), seconds(15));
    for pod in NODES {
        let said = inside(kubectl, pod, &["healthcheck"]).expect("healthy");
        assert_eq!(said.trim(), "ready", "{pod}");
    }
    let (before, both) = (identities(kubectl), format!("{}{}", old.read("ca.crt"), new.read("ca.crt")));
    for (step, (files, ca)) in [(&old, &both), (&new, &both), (&new, &new.read("ca.crt"))].into_iter().enumerate() {
        let stepped = Instant::now();
        secret(kubectl, files, ca);
        // A changed pod is looked at now, and not within a minute.
        let mark = format!("heartbeat.example/step={step}");
        kubectl.run(&["annotate", "pods", "--all", "--overwrite", &mark]).expect("marked");
        check("every node has read it", RENEWED, || {
            for pod in NODES {
                let log = kubectl.run(&["logs", pod])?;
                let read = log.matches("\"event\":\"tls_files_changed\"").count();
                if read != step + 1 {
                    return Err(format!("{pod}: {read} lines"));
                }
            }
            Ok(())
        });
        report.measured(&format!("step {}", step + 1), stepped.elapsed(), seconds(30));
    }
    let said = verify(kubectl, NODES[2]).expect("whole, with certificates of the new authority");
    report.say(said.lines().next().unwrap_or_default());
    assert_eq!(identities(kubectl), before, "a pod was replaced, or its liveness probe failed");
    for pod in NODES {
        let log = kubectl.run(&["logs", pod]).expect("a log");
        for event in ["peer_down", "peer_unreachable", "self_cut_off", "tls_files_unusable", "tls_handshakes_failed"] {
            assert!(!log.contains(&format!("\"event\":\"{event}\"")), "{pod}: {log}");
        }
    }
    // Last, because the node tells of it.
    let plain =
        inside(kubectl, NODES[0], &["verify", "--addr=http://localhost:8001"]).expect_err("the port speaks TLS");
    assert!(plain.contains("ask with https://"), "{plain}");
}

fn inside(kubectl: &Kubectl, pod: &str, arguments: &[&str]) -> Result<String, String> {
    kubectl.run(&[&["exec", pod, "--", "/heartbeat"], arguments].concat())
}

/// It fails unless all three agree that all is well.
fn verify(kubectl: &Kubectl, pod: &str) -> Result<String, String> {
    inside(kubectl, pod, &["verify", "--expect=3", "--addr=https://localhost:8001"])
}

fn pods(kubectl: &Kubectl) -> Result<Vec<Value>, String> {
    let list = kubectl.json(&["get", "pods", "--selector=app.kubernetes.io/name=heartbeat"])?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// Which pods there are, and how often each has restarted.
fn identities(kubectl: &Kubectl) -> Vec<(Value, Value)> {
    let of =
        |pod: &Value| (pod["metadata"]["uid"].clone(), pod["status"]["containerStatuses"][0]["restartCount"].clone());
    pods(kubectl).expect("pods").iter().map(of).collect()
}

/// Makes the Secret, or changes it.
fn secret(kubectl: &Kubectl, files: &Files, ca: &str) {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "heartbeat-tls" },
        "stringData": { "tls.crt": files.read("tls.crt"), "tls.key": files.read("tls.key"), "ca.crt": ca },
    });
    kubectl.run_with(&["apply", "-f", "-"], &secret.to_string()).expect("a secret");
}

/// An authority and a certificate, made by the commands of the documentation.
struct Files(PathBuf);

impl Files {
    fn make(name: &str) -> Files {
        let folder = std::env::temp_dir().join(format!("heartbeat-cluster-tls-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kubernetes.md");
        let page = std::fs::read_to_string(page).expect("the page of Kubernetes");
        let (_, section) = page.split_once("### With TLS\n").expect("its section");
        let lines = section
            .lines()
            .map(str::trim)
            .filter(|line| ["openssl ", "printf "].iter().any(|word| line.starts_with(word)));
        let script = lines.collect::<Vec<_>>().join("\n");
        assert!(script.lines().count() >= 4, "{script}");
        let output = Command::new("sh").args(["-euc", &script]).current_dir(&folder).output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Files(folder)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("the commands have made it")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The namespace, which goes when the case ends.
struct Space(Kubectl);

impl Drop for Space {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for pod in NODES {
                eprintln!("---- {pod}\n{}", self.0.run(&["logs", pod]).unwrap_or_else(|problem| problem));
            }
        }
        let _ = self.0.run(&["delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false"]);
    }
}

/// Deletes what a run that was cut off left behind.
pub fn clean() {
    let gone = ["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s", "--request-timeout=70s"];
    Kubectl::new(NAMESPACE).run(&gone).unwrap_or_else(|problem| panic!("{problem}"));
}
