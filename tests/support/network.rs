//! A network of its own: one namespace for each host, joined by a bridge in a
//! namespace of its own. Nothing of it can be reached from the machine, and the
//! machine's own addresses, routes and rules are not touched.
//!
//! Faults are made where a real fault would be: a cable at the bridge's end, a
//! packet filter at the receiving host, which is what a lossy wire looks like
//! from both sides (a filter at the sender would tell the sender).

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Namespaces are called `hbt-<process id>-<network>-<host>`, so that those of a killed run can be told and deleted.
const PREFIX: &str = "hbt";

static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Network {
    id: String,
    size: usize,
    filter: &'static str,
}

impl Network {
    /// What is missing here, or `None` when networks can be made.
    pub fn missing() -> Option<&'static str> {
        tools().as_ref().err().map(String::as_str)
    }

    /// `size` hosts, 10.99.0.1 and up, all on one switch.
    pub fn new(size: usize) -> Network {
        let filter = tools().as_ref().unwrap_or_else(|missing| panic!("no networks here: {missing}"));
        let id = format!("{PREFIX}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // From here on the value exists, and dropping it deletes what is there.
        let network = Network { id, size, filter };
        let switch = network.switch();
        let hosts: Vec<String> = (1..=size).map(|number| network.namespace(number)).collect();
        run_all([&switch].into_iter().chain(&hosts).map(|namespace| format!("ip netns add {namespace}")));
        // Without a forward delay: a port that was shut passes packets as soon as it is opened again.
        ip(&format!("-n {switch} link add switch type bridge forward_delay 0"));
        ip(&format!("-n {switch} link set switch up"));
        for (number, host) in (1..).zip(&hosts) {
            ip(&format!("-n {switch} link add port{number} type veth peer name eth0 netns {host}"));
        }
        run_all((1..=size).map(|number| format!("ip -n {switch} link set port{number} master switch up")));
        run_all(
            (1..)
                .zip(&hosts)
                .map(|(number, host)| format!("ip -n {host} addr add {}/24 dev eth0", network.address(number))),
        );
        run_all(hosts.iter().flat_map(|host| ["lo", "eth0"].map(|link| format!("ip -n {host} link set {link} up"))));
        network
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn address(&self, number: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, 0, u8::try_from(number).expect("a handful of hosts"))
    }

    pub fn namespace(&self, number: usize) -> String {
        format!("{}-{number}", self.id)
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.id)
    }

    /// What a host sends on new connections comes from another address from now on, as from behind address translation.
    /// It is reached where it was. Returns that address.
    pub fn translate(&self, number: usize) -> Ipv4Addr {
        let host = self.namespace(number);
        let outside = Ipv4Addr::new(10, 99, 0, 100 + u8::try_from(number).expect("a handful of hosts"));
        ip(&format!("-n {host} addr add {outside}/32 dev eth0"));
        ip(&format!("-n {host} route replace 10.99.0.0/24 dev eth0 src {outside}"));
        outside
    }

    /// Pulls or plugs the cable of a host. The host itself still sees a carrier, as behind any switch:
    /// only the switch's port is shut.
    pub fn plug(&self, number: usize, plugged: bool) {
        let order = if plugged { "master switch" } else { "nomaster" };
        ip(&format!("-n {} link set port{number} {order}", self.switch()));
    }

    /// Takes the host's own network card down: it has no way to any other, and knows it.
    pub fn take_down(&self, number: usize) {
        ip(&format!("-n {} link set eth0 down", self.namespace(number)));
    }

    /// Adds a rule to a host's packet filter: `INPUT -s 10.99.0.2 -j DROP`.
    pub fn filter(&self, number: usize, rule: &str) {
        self.filters(&[(number, rule.to_owned())]);
    }

    /// Adds rules to the packet filters of several hosts, at the same time as far as a machine can.
    pub fn filters(&self, rules: &[(usize, String)]) {
        run_all(rules.iter().map(|(number, rule)| self.order(*number, &format!("-A {rule}"))));
    }

    fn order(&self, number: usize, order: &str) -> String {
        format!("ip netns exec {} {} -w 10 {order}", self.namespace(number), self.filter)
    }

    /// What `to` would receive from `from` is lost.
    pub fn drop_packets(&self, from: usize, to: usize) {
        self.filter(to, &format!("INPUT -s {} -j DROP", self.address(from)));
    }

    /// Nothing passes between two hosts, in either direction.
    pub fn cut(&self, one: usize, other: usize) {
        self.split(&[one], &[other]);
    }

    /// Nothing passes between two groups.
    pub fn split(&self, left: &[usize], right: &[usize]) {
        let deaf = |hosts: &[usize], to: &[usize]| -> Vec<(usize, String)> {
            let from: Vec<String> = to.iter().map(|other| self.address(*other).to_string()).collect();
            hosts.iter().map(|host| (*host, format!("INPUT -s {} -j DROP", from.join(",")))).collect()
        };
        self.filters(&[deaf(left, right), deaf(right, left)].concat());
    }

    /// Takes all rules away and plugs in every cable.
    pub fn heal(&self) {
        let hosts = 1..=self.size;
        let plugs = hosts.clone().map(|number| format!("ip -n {} link set port{number} master switch", self.switch()));
        run_all(hosts.map(|number| self.order(number, "-F")).chain(plugs));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let all = (1..=self.size).map(|number| self.namespace(number)).chain([self.switch()]);
        // Whatever is missing was never made.
        let _ = try_all(all.map(|namespace| format!("ip netns del {namespace}")));
    }
}

/// The packet filter program that works here, or what is missing. Tried once, with the rule that needs most.
fn tools() -> &'static Result<&'static str, String> {
    static TOOLS: OnceLock<Result<&'static str, String>> = OnceLock::new();
    TOOLS.get_or_init(|| {
        delete_left_over();
        let probe = format!("{PREFIX}-{}-probe", std::process::id());
        try_run(&format!("ip netns add {probe}")).map_err(|problem| format!("root and iproute2 ({problem})"))?;
        let rule = "INPUT -m statistic --mode random --probability 0.4 -j DROP";
        let works = |program: &&str| {
            try_run(&format!("ip netns exec {probe} {program} -w 10 -A {rule}")).is_ok()
                && try_run(&format!("ip netns exec {probe} {program} -w 10 -F")).is_ok()
        };
        let found = ["iptables", "iptables-nft", "iptables-legacy"].into_iter().find(works);
        let bridge = try_run(&format!("ip -n {probe} link add switch type bridge"));
        let _ = try_run(&format!("ip netns del {probe}"));
        bridge.map_err(|problem| format!("bridges ({problem})"))?;
        found.ok_or_else(|| "iptables with the statistic match".to_owned())
    })
}

/// Namespaces of runs that were killed before they could tidy up.
fn delete_left_over() {
    for line in try_run("ip netns list").unwrap_or_default().lines() {
        let namespace = line.split(' ').next().unwrap_or_default();
        let mut parts = namespace.split('-');
        if parts.next() == Some(PREFIX)
            && let Some(owner) = parts.next()
            && !std::path::Path::new("/proc").join(owner).exists()
        {
            let _ = try_run(&format!("ip netns del {namespace}"));
        }
    }
}

fn ip(order: &str) {
    run(&format!("ip {order}"));
}

fn run(order: &str) {
    try_run(order).unwrap_or_else(|problem| panic!("{problem}"));
}

fn run_all(orders: impl IntoIterator<Item = String>) {
    try_all(orders).unwrap_or_else(|problem| panic!("{problem}"));
}

/// Runs these at the same time: one after the other they are slow on a busy machine, and a network that is cut link by
/// link is another fault than one that is cut.
fn try_all(orders: impl IntoIterator<Item = String>) -> Result<(), String> {
    let orders: Vec<String> = orders.into_iter().collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = orders.iter().map(|order| scope.spawn(|| try_run(order))).collect();
        let ended: Vec<_> = running.into_iter().map(|order| order.join().expect("it panics nowhere")).collect();
        ended.into_iter().try_for_each(|outcome| outcome.map(drop))
    })
}

fn try_run(order: &str) -> Result<String, String> {
    let mut words = order.split(' ');
    let program = words.next().unwrap_or_default();
    let output = Command::new(program).args(words).output().map_err(|error| format!("{order}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{order}: {said}"))
    }
}
