//! The Dockerfile, read as instructions: what the image promises, and what keeps an engine from building it.

use std::path::Path;

use heartbeat::testing::cli;
use heartbeat::testing::config::{MetricsPort, settings};

use super::files::{path, text};

/// One instruction, its continued lines joined, comments gone.
struct Instruction {
    name: String,
    arguments: String,
}

impl Instruction {
    /// The list of an exec form, `["/heartbeat", "healthcheck"]`; nothing for a shell form.
    fn exec(&self) -> Option<Vec<String>> {
        let list = &self.arguments[self.arguments.find('[')?..];
        serde_json::from_str(list).ok()
    }
}

fn instructions() -> Vec<Instruction> {
    let text = text("Dockerfile");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let parse = |line: &str| {
        let (name, arguments) = line.trim().split_once(' ')?;
        Some(Instruction { name: name.to_owned(), arguments: arguments.trim().to_owned() })
    };
    joined.lines().filter_map(parse).collect()
}

/// The arguments of every instruction of that name in the last stage, which is the image.
fn last_stage(name: &str) -> Vec<Instruction> {
    let mut all = instructions();
    let from = all.iter().rposition(|instruction| instruction.name == "FROM").expect("a FROM");
    all.drain(..from);
    all.retain(|instruction| instruction.name == name);
    all
}

/// The one instruction of that name in the last stage.
fn the(name: &str) -> Instruction {
    let mut found = last_stage(name);
    assert_eq!(found.len(), 1, "the image has {} times {name}, not once", found.len());
    found.remove(0)
}

#[test]
fn one_version_of_rust_everywhere() {
    let toolchain = text("rust-toolchain.toml");
    let channel = quoted(&toolchain, "channel = ");
    let least = text("Cargo.toml");
    let least = quoted(&least, "rust-version = ");
    let builder = instructions();
    let builder = builder.iter().find(|instruction| instruction.name == "FROM").expect("a FROM");
    assert!(
        builder.arguments.contains(&format!(" rust:{channel}-slim-")),
        "FROM {} is not the Rust {channel} of rust-toolchain.toml",
        builder.arguments
    );
    assert!(channel.starts_with(&format!("{least}.")), "rust-version {least} is not that of Rust {channel}");
}

/// What follows `key` in quotes.
fn quoted<'a>(text: &'a str, key: &str) -> &'a str {
    let rest = text.lines().find_map(|line| line.strip_prefix(key));
    rest.unwrap_or_else(|| panic!("no {key:?}")).trim().trim_matches('"')
}

#[test]
fn every_engine_since_20_10_can_build_it() {
    let whole = text("Dockerfile");
    assert!(!whole.lines().any(|line| line.replace(' ', "").starts_with("#syntax=")), "a syntax line is a download");
    for instruction in instructions() {
        let line = format!("{} {}", instruction.name, instruction.arguments);
        for word in ["<<", "--link", "--start-interval", "ADD "] {
            assert!(!line.contains(word), "{word:?} in: {line}");
        }
    }
}

#[test]
fn the_build_is_pinned_static_and_tells_no_paths() {
    let all = instructions();
    let build = all.iter().find(|instruction| instruction.arguments.contains("cargo build")).expect("a cargo build");
    for word in [
        "--locked",
        "--release",
        "--target ",
        "target-feature=+crt-static",
        "symbol-mangling-version=v0",
        "pack-relative-relocs",
        "--remap-path-prefix=/src=",
    ] {
        assert!(build.arguments.contains(word), "{word:?} is not in: RUN {}", build.arguments);
    }
    for cache in ["/usr/local/cargo/registry", "/usr/local/cargo/git/db", "/src/target"] {
        assert!(build.arguments.contains(&format!("--mount=type=cache,target={cache}")), "no cache for {cache}");
    }
    let from = all.iter().filter(|instruction| instruction.name == "FROM").collect::<Vec<_>>();
    assert!(from[0].arguments.starts_with("--platform=$BUILDPLATFORM "), "the compiler would be emulated");
    assert_eq!(from[1].arguments, "${RUNTIME_BASE}");
    assert!(text("Dockerfile").contains("\nARG RUNTIME_BASE=gcr.io/distroless/static-debian13:nonroot\n"));
}

#[test]
fn the_image_is_one_program_of_nobody() {
    assert_eq!(the("USER").arguments, "65532:65532");
    assert_eq!(the("ENTRYPOINT").exec().expect("an exec form: there is no shell"), ["/heartbeat"]);
    assert_eq!(the("STOPSIGNAL").arguments, "SIGTERM");
    assert_eq!(the("COPY").arguments, "--from=build /heartbeat /heartbeat");
    assert!(the("ENV").arguments.contains("MALLOC_ARENA_MAX=1"), "what an idle node may hold is measured with it");
    assert_eq!(the("EXPOSE").arguments, format!("{} {}", settings::PORT, MetricsPort::FIRST));
    assert!(last_stage("RUN").is_empty(), "there is nothing in the image that could run it");
}

#[test]
fn the_health_check_is_a_command_of_the_binary() {
    let check = the("HEALTHCHECK").exec().expect("an exec form: there is no shell");
    let name = Path::new(&check[0]).file_name().expect("a program").to_owned();
    let typed = std::iter::once(name).chain(check[1..].iter().map(Into::into));
    assert!(cli::Cli::parse_from(typed).is_ok(), "{check:?} is no command");
    assert_eq!(check, ["/heartbeat", "healthcheck"]);
}

#[test]
fn labels_say_what_it_is() {
    let labels = the("LABEL").arguments;
    let is = |name: &str, value: &str| {
        let label = format!("org.opencontainers.image.{name}=\"{value}\"");
        assert!(labels.contains(&label), "no {label} in LABEL {labels}");
    };
    is("description", env!("CARGO_PKG_DESCRIPTION"));
    is("licenses", env!("CARGO_PKG_LICENSE"));
    for (name, argument) in [("version", "VERSION"), ("revision", "REVISION"), ("created", "CREATED")] {
        is(name, &format!("${{{argument}}}"));
    }
    let arguments = last_stage("ARG");
    let version = arguments.iter().find_map(|argument| argument.arguments.strip_prefix("VERSION="));
    assert_eq!(version, Some(env!("CARGO_PKG_VERSION")), "the default of ARG VERSION");
}

/// The context is what the build copies and nothing else: a file that is edited must not change the image.
#[test]
fn nothing_reaches_the_build_but_what_it_copies() {
    let ignore = text(".dockerignore");
    let mut rules = ignore.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(rules.next(), Some("*"), ".dockerignore is no allow-list");
    let allowed: Vec<&str> = rules.map(|rule| rule.strip_prefix('!').expect("an exception")).collect();
    let copied = instructions().into_iter().filter(|instruction| instruction.name == "COPY");
    let copied = copied.filter(|copy| !copy.arguments.contains("--from=")).map(|copy| copy.arguments);
    let copied: Vec<String> = copied.collect();
    let sources: Vec<&str> =
        copied.iter().flat_map(|copy| copy.rsplit_once(' ').expect("a source").0.split(' ')).collect();
    assert_eq!(allowed, sources, "left .dockerignore, right what the Dockerfile copies");
    assert!(allowed.iter().all(|name| path(name).exists()), "{allowed:?}");
}

/// Tests and benchmarks are not copied into the build. Of a target with a path of its own cargo wants the file only when
/// it builds it; without one it looks for the file at once and refuses the manifest.
#[test]
fn targets_that_the_build_does_not_see_name_their_paths() {
    let manifest = text("Cargo.toml");
    let targets = manifest.split("\n[[").skip(1).filter(|target| !target.starts_with("bin]]"));
    for target in targets {
        let lines: Vec<&str> = target.lines().take_while(|line| !line.is_empty()).collect();
        assert!(lines.iter().any(|line| line.starts_with("path = \"")), "no path: [[{}", lines.join(" "));
    }
}
