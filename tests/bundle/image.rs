//! What the image is: small, labelled, without a shell, and one hardened binary.

use std::fs;
use std::path::PathBuf;

use super::elf;
use super::support::compose::{self, docker};
use super::support::{Report, seconds};
use serde_json::Value;

/// In bytes, as people say megabytes of downloads.
const IMAGE_MAX: u64 = 12_000_000;
const BINARY_MAX: u64 = 10_500_000;

/// The labels that the image must carry; those without a value must not be empty.
const LABELS: &[(&str, &str)] = &[
    ("title", "distributed-heartbeat"),
    ("description", env!("CARGO_PKG_DESCRIPTION")),
    ("licenses", env!("CARGO_PKG_LICENSE")),
    ("version", env!("CARGO_PKG_VERSION")),
    ("base.name", ""),
];

pub fn small_labelled_and_without_a_shell(report: &Report) {
    report.measured("docker compose build", compose::build(), seconds(420));
    let text = docker(&["image", "inspect", &compose::image()]).expect("the image was built");
    let image: Value = serde_json::from_str(&text).expect("docker prints JSON");
    let (image, config) = (&image[0], &image[0]["Config"]);

    let size = image["Size"].as_u64().expect("a size");
    report.say(format!("image: {:.2} MB (at most {:.1})", size as f64 / 1e6, IMAGE_MAX as f64 / 1e6));
    assert!(size <= IMAGE_MAX, "the image has {size} bytes, more than {IMAGE_MAX}");
    for (name, value) in LABELS {
        let label = config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap_or("");
        assert!(!label.is_empty() && (value.is_empty() || label == *value), "label {name} is {label:?}, not {value:?}");
    }
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/heartbeat"]));
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["Healthcheck"]["Test"], serde_json::json!(["CMD", "/heartbeat", "healthcheck"]));

    for shell in ["/bin/sh", "/bin/bash", "/busybox/sh"] {
        let started =
            docker(&["run", "--rm", "--network=none", "--entrypoint", shell, &compose::image(), "-c", "true"]);
        let problem = started.expect_err("a shell was started in the image");
        assert!(problem.contains("no such file"), "{shell} is kept away by something else: {problem}");
    }
    let version = docker(&["run", "--rm", "--network=none", &compose::image(), "--version"]);
    assert_eq!(version.expect("the binary runs").trim(), concat!("heartbeat ", env!("CARGO_PKG_VERSION")));
}

pub fn binary_is_static_and_hardened(report: &Report) {
    compose::build();
    let (entry, binary) = take_out("/heartbeat");
    report.say(format!("binary: {:.2} MB (at most {:.1})", binary.len() as f64 / 1e6, BINARY_MAX as f64 / 1e6));
    assert!(binary.len() as u64 <= BINARY_MAX, "the binary has {} bytes, more than {BINARY_MAX}", binary.len());
    assert_eq!(entry, "mode 555, owner 0:0", "who may do what with /heartbeat");
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/bundle/hardening.txt");
    let golden = fs::read_to_string(golden).expect("tests/bundle/hardening.txt");
    assert_eq!(elf::describe(&binary), golden, "left the binary, right tests/bundle/hardening.txt");
    for path in ["/src/src", "/usr/local/cargo"] {
        let found = binary.windows(path.len()).any(|window| window == path.as_bytes());
        assert!(!found, "the binary names {path}, a path of the machine that built it");
    }
}

/// A file of the image: its mode and owner in words, and its bytes.
fn take_out(path: &str) -> (String, Vec<u8>) {
    let folder = std::env::temp_dir().join(format!("heartbeat-image-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the binary");
    let container = docker(&["create", &compose::image()]).expect("a container of the image");
    let container = container.trim();
    let archive = folder.join("rootfs.tar");
    let exported = docker(&["export", "--output", &archive.display().to_string(), container]);
    let removed = docker(&["rm", container]);
    let archived = fs::read(&archive);
    fs::remove_dir_all(&folder).expect("the folder can be removed");
    exported.expect("docker export");
    removed.expect("docker rm");
    let archived = archived.expect("the exported files");
    entry(&archived, path.trim_start_matches('/')).unwrap_or_else(|| panic!("{path} is not in the image"))
}

/// Looks a file up in a tar archive: a header of 512 bytes, then the file, padded to 512 bytes again.
fn entry(archive: &[u8], wanted: &str) -> Option<(String, Vec<u8>)> {
    let text = |from: usize, size: usize| {
        let field = archive.get(from..from + size)?;
        Some(String::from_utf8_lossy(field).trim_matches(['\0', ' ']).to_owned())
    };
    let mut at = 0;
    loop {
        let name = text(at, 100)?;
        let size = usize::from_str_radix(&text(at + 124, 12)?, 8).ok()?;
        let body = at + 512;
        if name == wanted {
            let octal = |from| text(from, 8).map(|field| field.trim_start_matches('0').to_owned());
            let or_zero = |field: String| if field.is_empty() { "0".to_owned() } else { field };
            let (mode, user, group) = (octal(at + 100)?, or_zero(octal(at + 108)?), or_zero(octal(at + 116)?));
            return Some((format!("mode {mode}, owner {user}:{group}"), archive.get(body..body + size)?.to_vec()));
        }
        at = body + size.div_ceil(512) * 512;
    }
}
