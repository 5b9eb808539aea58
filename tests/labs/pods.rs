//! The world of `k8s/overlays/kind`, in a namespace of its own for each lab, in the cluster that `KUBECONFIG` names.
//!
//! `tests/labs/kubernetes` is merged over the overlay: whom Alertmanager would notify, who counts. Faults for which
//! Kubernetes has no
//! command for are done to the processes of the pods, which must therefore run on this machine, as they do in kind and in
//! every cluster of one machine.
//!
//! The kubelet starts a process again at once. So a crash that lasts is one whose next container cannot be made, for its
//! image cannot be pulled: the pod stays, keeps its address, and its kernel refuses connections. The process is frozen
//! while its image is taken away, so that it is killed and never asked to stop.
//!
//! Turned down: deleting the pod by force, which a StatefulSet answers with a new one within a second; and cutting by
//! NetworkPolicy, which plugins apply to open connections or not, each in its own way ("A cut by policy" in
//! `docs/kubernetes.md`), so that no sentence of the lab could be expected.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::filter::{self, Rule};
use super::kubectl::{Forward, Kubectl};
use super::log::{Follow, Log};
use super::plan::LABS;
use super::plan::check::Line;
use super::plan::lab::{Act, Lab, Nodes};
use super::process;
use super::world::World;
use crate::support::http;

/// What is applied, and where that is said again for each namespace.
const OVERLAY: &str = "tests/labs/kubernetes";
const OVERLAYS: &str = "target/labs/kubernetes";

/// The node's image, and one that cannot be pulled: the name is reserved for that.
const IMAGE: &str = "distributed-heartbeat:dev";
const NO_IMAGE: &str = "registry.invalid/distributed-heartbeat:none";

const SET: &str = "statefulset/heartbeat";
const NODES: [&str; 3] = ["heartbeat-0", "heartbeat-1", "heartbeat-2"];
/// Those who watch, all but Grafana: what it would ask is asked of Prometheus directly.
const OTHERS: [&str; 3] = ["deployment/prometheus", "deployment/alertmanager", "deployment/alerts"];

/// Images are there already; programs start, on a machine that may be doing other things. A rolling restart takes half a minute.
const ROLLED_OUT: Duration = Duration::from_secs(240);

/// A lab's text with the names that its nodes have here. A StatefulSet counts from 0.
pub fn names(text: &str) -> String {
    (1..=NODES.len()).fold(text.to_owned(), |text, number| text.replace(&format!("node-{number}"), NODES[number - 1]))
}

/// What a lab needs and this machine does not have.
pub fn missing(lab: &Lab) -> Option<String> {
    let cuts = lab.steps.iter().flat_map(|step| &step.acts).any(|act| matches!(act, Act::Cut(_)));
    if cuts { filter::program().as_ref().err().cloned() } else { None }
}

/// Deletes what the labs made, and what a run that was cut off left behind.
pub fn clean() -> Result<(), String> {
    let all: Vec<String> = LABS.iter().map(|name| namespace(name)).collect();
    let all = all.iter().map(String::as_str);
    let how = ["--ignore-not-found", "--wait=true", "--timeout=120s", "--request-timeout=150s"];
    let arguments: Vec<&str> = ["delete", "namespace"].into_iter().chain(all).chain(how).collect();
    Kubectl::new("default").run(&arguments).map(drop)
}

/// The version of the cluster, as `1.36.3`.
pub fn version() -> Result<String, String> {
    let versions = Kubectl::new("default").json(&["version"])?;
    let version = versions["serverVersion"]["gitVersion"].as_str().ok_or("kubectl names no version of the server")?;
    Ok(version.trim_start_matches('v').to_owned())
}

fn namespace(lab: &str) -> String {
    format!("heartbeat-lab-{lab}")
}

/// The overlay of the labs once more, for another namespace.
fn overlay_in(namespace: &str) -> Result<String, String> {
    let folder = format!("{OVERLAYS}/{namespace}");
    let up = "../".repeat(Path::new(&folder).components().count());
    // kustomize sets it on objects, and not where a binding says whose account it means.
    let of_account = serde_json::json!([{ "op": "replace", "path": "/subjects/0/namespace", "value": namespace }]);
    let kustomization = serde_json::json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [format!("{up}{OVERLAY}")],
        "patches": [{ "target": { "kind": "RoleBinding" }, "patch": of_account.to_string() }],
    });
    let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder);
    let put = fs::create_dir_all(&there)
        .and_then(|()| fs::write(there.join("kustomization.yaml"), format!("{kustomization}\n")));
    put.map(|()| folder).map_err(|error| format!("{}: {error}", there.display()))
}

pub struct Pods {
    kubectl: Kubectl,
    api: Forward,
    log: Log,
    /// Without an image, until they are started.
    killed: BTreeSet<String>,
    /// Packet filter rules that are in force, by the node in whose pod they are.
    rules: Vec<(String, Rule)>,
}

impl Pods {
    /// Applies the overlay and waits for every pod.
    pub fn start(lab: &str) -> Result<Pods, String> {
        let namespace = namespace(lab);
        let kubectl = Kubectl::new(&namespace);
        let api = Forward::to_api_server()?;
        // From here on whatever is made goes with this value.
        let mut pods = Pods { kubectl, api, log: Log::default(), killed: BTreeSet::new(), rules: Vec::new() };
        pods.kubectl.run(&["apply", "-k", &overlay_in(&namespace)?])?;
        // The same file that compose takes. A generator may not reach outside its own folder.
        let webhook =
            ["create", "configmap", "webhook", "--from-file=alertmanager/webhook.yml", "--dry-run=client", "-oyaml"];
        pods.kubectl.run_with(&["apply", "-f", "-"], &pods.kubectl.run(&webhook)?)?;
        OTHERS.into_iter().chain([SET]).try_for_each(|workload| pods.rolled_out(workload))?;
        pods.log = Log::follow(NODES.map(|node| (node.to_owned(), follow(&pods.kubectl, node))));
        Ok(pods)
    }

    fn rolled_out(&self, workload: &str) -> Result<(), String> {
        let seconds = ROLLED_OUT.as_secs();
        let limits = [format!("--timeout={seconds}s"), format!("--request-timeout={}s", seconds + 30)];
        let ready = self.kubectl.run(&["rollout", "status", workload, &limits[0], &limits[1]]);
        ready.map(drop).map_err(|problem| {
            let pods = self.kubectl.run(&["get", "pods", "--output=wide"]);
            format!("{problem}\n{}", pods.unwrap_or_else(|problem| problem))
        })
    }

    fn process(&self, node: &str) -> Result<u32, String> {
        process::of_pod(&self.kubectl.run(&["get", "pod", node, "--output=jsonpath={.metadata.uid}"])?)
    }

    fn signal(&self, nodes: &Nodes, name: &str) -> Result<(), String> {
        let processes = nodes.0.iter().map(|node| self.process(node)).collect::<Result<Vec<u32>, _>>()?;
        processes.iter().for_each(|process| process::signal(*process, name));
        Ok(())
    }

    fn set_image(&self, node: &str, image: &str) -> Result<(), String> {
        self.kubectl.run(&["set", "image", &format!("pod/{node}"), &format!("heartbeat={image}")]).map(drop)
    }

    fn kill(&mut self, nodes: &Nodes) -> Result<(), String> {
        // All of them stand still before the first is gone: it is one instant for those who watch.
        let processes = nodes.0.iter().map(|node| self.process(node)).collect::<Result<Vec<u32>, _>>()?;
        processes.iter().for_each(|process| process::signal(*process, "STOP"));
        for node in &nodes.0 {
            self.set_image(node, NO_IMAGE)?;
            self.killed.insert(node.clone());
        }
        processes.iter().for_each(|process| process::signal(*process, "KILL"));
        Ok(())
    }

    fn start_again(&mut self, nodes: &Nodes) -> Result<(), String> {
        for node in &nodes.0 {
            if self.killed.remove(node) {
                self.set_image(node, IMAGE)?;
            } else {
                self.scale(NODES.len())?;
            }
        }
        Ok(())
    }

    /// A pod that is asked to stop says goodbye first and is gone seconds later. It is not waited for: its peers forget
    /// one that
    /// has left as soon as its address is gone, and that it has left must be seen before.
    fn stop(&self, nodes: &Nodes) -> Result<(), String> {
        // A StatefulSet can spare its last pod and no other.
        let last = NODES[NODES.len() - 1];
        if nodes.0 != [last] {
            return Err(format!("only {last} can be told to stop here, not {}", nodes.0.join(" and ")));
        }
        self.scale(NODES.len() - 1)
    }

    fn scale(&self, count: usize) -> Result<(), String> {
        self.kubectl.run(&["scale", SET, &format!("--replicas={count}")]).map(drop)
    }

    /// One after the other, each when the one before has been ready for a number of seconds.
    fn roll(&self) -> Result<(), String> {
        self.kubectl.run(&["rollout", "restart", SET])?;
        self.rolled_out(SET)
    }

    /// No packet from or to the other nodes. Prometheus and the kubelet's probes get through.
    fn cut(&mut self, node: &str) -> Result<(), String> {
        let process = u64::from(self.process(node)?);
        for other in NODES.into_iter().filter(|other| *other != node) {
            let address = self.kubectl.run(&["get", "pod", other, "--output=jsonpath={.status.podIP}"])?;
            for rule in [["INPUT", "-s", &address, "-j", "DROP"], ["OUTPUT", "-d", &address, "-j", "DROP"]] {
                self.rules.push((node.to_owned(), Rule::add(process, &rule)?));
            }
        }
        Ok(())
    }

    fn heal(&mut self, node: &str) -> Result<(), String> {
        let (here, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.rules).into_iter().partition(|(at, _)| at == node);
        self.rules = others;
        here.iter().try_for_each(|(_, rule)| rule.remove())
    }

    /// What a pod or a service answers, by way of the API server.
    fn ask(&self, what: &str, path: &str) -> Result<Value, String> {
        let path = format!("/api/v1/namespaces/{}/{what}/proxy{path}", self.kubectl.namespace);
        let response = http::get(self.api.address, &path)?;
        match response.status {
            200 => response.json(),
            status => Err(format!("{path} is answered with {status}: {}", response.body)),
        }
    }
}

/// The kubelet's log of a pod's present container.
fn follow(kubectl: &Kubectl, node: &str) -> Follow {
    let (kubectl, node) = (kubectl.clone(), node.to_owned());
    Box::new(move |last| {
        let mut command = kubectl.command(&["logs", "--follow", "--timestamps", "--request-timeout=0", &node]);
        if !last.is_empty() {
            command.arg(format!("--since-time={last}"));
        }
        command
    })
}

impl World for Pods {
    fn act(&mut self, act: &Act) -> Result<(), String> {
        match act {
            Act::Kill(nodes) => self.kill(nodes),
            Act::Stop(nodes) => self.stop(nodes),
            Act::Start(nodes) => self.start_again(nodes),
            // The kubelet is the one that starts it again.
            Act::Restart(nodes) => self.signal(nodes, "KILL"),
            Act::Roll(_) => self.roll(),
            Act::Pause(nodes) => self.signal(nodes, "STOP"),
            Act::Resume(nodes) => self.signal(nodes, "CONT"),
            Act::Cut(nodes) => nodes.0.iter().try_for_each(|node| self.cut(node)),
            Act::Heal(nodes) => nodes.0.iter().try_for_each(|node| self.heal(node)),
            Act::Scale(count) => self.scale(*count),
            Act::OneWay { .. }
            | Act::Reject { .. }
            | Act::Lose { .. }
            | Act::Throttle { .. }
            | Act::Compute { .. }
            | Act::Delay(_) => Err(format!("{act:?} cannot be done on Kubernetes")),
            Act::Hold(_) => Ok(()),
        }
    }

    fn command(&self, act: &Act) -> Option<String> {
        let kubectl = |words: String| format!("kubectl --namespace={} {words}", self.kubectl.namespace);
        let process = |node: &String| format!("PROCESS-OF-{}", node.to_uppercase());
        let signal = |name: &str, nodes: &Nodes| {
            format!("kill -{name} {}", nodes.0.iter().map(process).collect::<Vec<_>>().join(" "))
        };
        let image = |image: &str, nodes: &Nodes| {
            let set = |node: &String| kubectl(format!("set image pod/{node} heartbeat={image}"));
            nodes.0.iter().map(set).collect::<Vec<_>>().join(" && ")
        };
        let scale = |count: usize| kubectl(format!("scale {SET} --replicas={count}"));
        Some(match act {
            Act::Kill(nodes) => [signal("STOP", nodes), image(NO_IMAGE, nodes), signal("KILL", nodes)].join(" && "),
            Act::Start(nodes) if nodes.0.iter().all(|node| self.killed.contains(node)) => image(IMAGE, nodes),
            Act::Start(_) => scale(NODES.len()),
            Act::Stop(nodes) => scale(NODES.len() - nodes.0.len()),
            Act::Scale(count) => scale(*count),
            Act::Restart(nodes) => signal("KILL", nodes),
            Act::Roll(_) => kubectl(format!("rollout restart {SET}")),
            Act::Pause(nodes) => signal("STOP", nodes),
            Act::Resume(nodes) => signal("CONT", nodes),
            Act::Cut(nodes) => {
                let cut = |node: &String| {
                    let inside = format!("nsenter -t {} -n iptables -A", process(node));
                    format!(
                        "for a in ADDRESSES-OF-THE-OTHERS; do {inside} INPUT -s $a -j DROP; {inside} OUTPUT -d $a -j DROP; done"
                    )
                };
                nodes.0.iter().map(cut).collect::<Vec<_>>().join(" && ")
            }
            Act::Heal(nodes) => {
                let heal = |node: &String| format!("nsenter -t {} -n iptables -F", process(node));
                nodes.0.iter().map(heal).collect::<Vec<_>>().join(" && ")
            }
            Act::Hold(span) => format!("sleep {}", span.0.as_secs_f64()),
            Act::OneWay { .. }
            | Act::Reject { .. }
            | Act::Lose { .. }
            | Act::Throttle { .. }
            | Act::Compute { .. }
            | Act::Delay(_) => {
                return None;
            }
        })
    }

    fn log(&self) -> Vec<Line> {
        self.log.lines()
    }

    fn node(&self, name: &str, path: &str) -> Result<Value, String> {
        self.ask(&format!("pods/{name}:8001"), path)
    }

    fn prometheus(&self, path: &str) -> Result<Value, String> {
        self.ask("services/prometheus:9090", path)
    }

    fn alertmanager(&self, path: &str) -> Result<Value, String> {
        self.ask("services/alertmanager:9093", path)
    }

    fn calls(&self) -> Result<Value, String> {
        self.ask("services/alerts:9094", "/notifications")
    }

    fn nodes(&self) -> Vec<String> {
        NODES.map(str::to_owned).to_vec()
    }
}

impl Drop for Pods {
    /// Pods go with their namespace, and packet filters with the pods. [`clean`] waits for the end of it.
    fn drop(&mut self) {
        self.log.end();
        if let Err(problem) =
            self.kubectl.run(&["delete", "namespace", &self.kubectl.namespace, "--ignore-not-found", "--wait=false"])
        {
            eprintln!("the namespace of a lab is left: {problem}");
        }
    }
}
