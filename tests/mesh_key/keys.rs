//! Key files, made as people make them, and meshes that use them.

use std::path::PathBuf;
use std::process::Command;

use super::support::{Cluster, Plan};

/// A folder that is gone when the case ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("heartbeat-mesh-key-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    /// A file with these keys, one on each line.
    pub fn write(&self, name: &str, keys: &[&str]) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        std::fs::write(&path, keys.join("\n") + "\n").expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
        path.to_str().expect("UTF-8").to_owned()
    }
}

/// A folder as Kubernetes mounts a Secret: `keys` leads to `..data/keys`, and `..data` to the folder of the newest content.
impl Folder {
    /// Puts these keys in the place of those that are there, by swapping one link. The file is an hour old, as one that
    /// was rolled back: what counts is what it holds. Returns the path that a node is given.
    pub fn publish(&self, version: &str, keys: &[&str]) -> String {
        std::fs::create_dir_all(self.0.join(version)).expect("a folder can be made");
        let path = self.write(&format!("{version}/keys"), keys);
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        let file = std::fs::File::options().write(true).open(path).expect("just written");
        file.set_modified(hour_ago).expect("ours");
        self.lead_to(version)
    }

    /// The same with a pipe in the place of the keys, which hangs whoever opens it and waits.
    pub fn publish_pipe(&self, version: &str) -> String {
        std::fs::create_dir_all(self.0.join(version)).expect("a folder can be made");
        let made = Command::new("mkfifo").arg(self.0.join(version).join("keys")).status().expect("it runs");
        assert!(made.success());
        self.lead_to(version)
    }

    /// Takes the file away.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(path).expect("it was there");
    }

    /// Has the file hold what was published as this version.
    pub fn lead_to(&self, version: &str) -> String {
        use std::os::unix::fs::symlink;
        let (new, data, file) = (self.0.join("..data_tmp"), self.0.join("..data"), self.0.join("keys"));
        symlink(version, &new).expect("a link");
        std::fs::rename(&new, &data).expect("swapped");
        if !file.is_symlink() {
            symlink("..data/keys", &file).expect("a link");
        }
        file.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The implementation in another language sends one ping: whether the answer is one for a node with the key.
pub fn python_ping(address: std::net::SocketAddr, key_file: &str) -> bool {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mesh_key/mesh_key.py");
    let status = Command::new("python3").args([program, "ping", &address.to_string(), key_file]).output();
    status.expect("python3 can be started").status.success()
}

/// `size` nodes that require the keys in this file.
pub fn mesh(size: usize, key_file: &str) -> Plan {
    Plan::loopback(size).with(&["--mesh-key-file", key_file])
}

/// Series of pings that failed for a reason that begins with `reason`, at all nodes.
pub fn failed_pings(cluster: &Cluster, reason: &str) -> Vec<String> {
    let wanted = format!("reason=\"{reason}");
    let at = |number: usize| -> Vec<String> {
        let body = cluster.node(number).get("/metrics").expect("it answers").body;
        let failures = body.lines().filter(|line| line.starts_with("heartbeat_ping_failures_total{"));
        let some = failures.filter(|line| line.contains(&wanted) && !line.ends_with(" 0"));
        some.map(|line| format!("node-{number}: {line}")).collect()
    };
    cluster.numbers().into_iter().flat_map(at).collect()
}
