//! Packet filters in the network namespace of a process of this machine: a cut that hits open connections too.

use std::process::Command;
use std::sync::OnceLock;

/// The program that filters packets in the namespace of a process, or why there is none.
pub fn program() -> &'static Result<&'static str, String> {
    static FOUND: OnceLock<Result<&'static str, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let own = std::process::id().to_string();
        let works = |program: &&str| run("nsenter", &["-t", &own, "-n", program, "-w", "10", "-S", "INPUT"]).is_ok();
        let found = ["iptables", "iptables-nft", "iptables-legacy"].into_iter().find(works);
        found.ok_or_else(|| "it needs Linux, root, nsenter and iptables".to_owned())
    })
}

/// A rule that is in force until it is taken away, or until its namespace is gone.
pub struct Rule {
    process: u64,
    /// As they are written after `-A`.
    words: Vec<String>,
}

impl Rule {
    pub fn add(process: u64, words: &[&str]) -> Result<Rule, String> {
        let rule = Rule { process, words: words.iter().map(|word| (*word).to_owned()).collect() };
        rule.change("-A").map(|()| rule)
    }

    pub fn remove(&self) -> Result<(), String> {
        self.change("-D")
    }

    fn change(&self, how: &str) -> Result<(), String> {
        let program = program().clone()?;
        let process = self.process.to_string();
        let mut arguments = vec!["-t", &process, "-n", program, "-w", "10", how];
        arguments.extend(self.words.iter().map(String::as_str));
        run("nsenter", &arguments)
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let line = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{}: {error}", line()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{}: {}", line(), String::from_utf8_lossy(&output.stderr).trim()))
    }
}
