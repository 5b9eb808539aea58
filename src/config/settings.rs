//! Every setting, as data. Help texts, the table in docs/reference/settings.md, `config show`
//! and the messages about bad values are all made from this one list, so that
//! none of them can tell a different story.

use super::group::Group;
use crate::closed_set::closed_set;
use crate::detector::config::Timing;

closed_set! {
    /// Where a setting came from.
    pub enum Source {
        Flag = "flag",
        Environment = "environment",
        Default = "default",
    }
}

/// One setting and what a person needs to choose it.
#[derive(Clone, Copy, Debug)]
pub struct SettingSpec {
    /// The flag without its dashes; the variable is `HEARTBEAT_` and the same word in capitals.
    pub name: &'static str,
    pub variable: &'static str,
    /// What stands for the value in help texts.
    pub value_name: &'static str,
    /// The default as a person would say it.
    pub default: &'static str,
    /// Completes "accepted: ".
    pub accepted: &'static str,
    /// What it does, and what is given up for what when it is changed.
    pub trades: &'static str,
    pub group: Group,
    /// Its value is never shown.
    pub secret: bool,
}

/// The prefix of every variable.
pub const PREFIX: &str = "HEARTBEAT_";

/// The port a node listens on when none was set, and that a peer's URL means when it names none.
pub const PORT: u16 = 8001;

const A_PORT: &str = "a port number from 1 to 65535, or 0 for any free port";
const A_DURATION: &str = "a number with its unit, such as 250ms, 1s or 1.5s";
const A_TOKEN: &str = "16 to 256 visible ASCII characters without blanks, such as the output of `openssl rand -hex 16`";
const A_CERTIFICATE: &str = "a file with the certificate and its chain in PEM; --tls-key-file too";
const AUTHORITIES: &str = "a file with one or more certificates of authorities in PEM";
const A_SWITCH: &str = "on or off";

macro_rules! setting {
    ($group:ident, $name:literal, $variable:literal, $value_name:literal, $default:expr, $accepted:expr, $trades:expr) => {
        SettingSpec {
            name: $name,
            variable: concat!("HEARTBEAT_", $variable),
            value_name: $value_name,
            default: $default,
            accepted: $accepted,
            trades: $trades,
            group: Group::$group,
            secret: false,
        }
    };
}

/// All settings, in the order in which a reader meets them.
pub const SETTINGS: &[SettingSpec] = &[
    setting!(Node, "port", "PORT", "PORT", "8001", A_PORT, "Where the node answers: pings, API, health, metrics."),
    setting!(
        Node,
        "peers",
        "PEERS",
        "URLS",
        "none",
        "http://host:port, name=http://host:port or dns+http://host:port, separated by commas; port 8001 where none is written; \
         https:// and dns+https:// with TLS",
        "The nodes to watch. A name before the URL is pinned: a peer with another name does not count as answering. \
         dns+http:// stands for every address of the name, looked up again and again. \
         With https:// the certificate must be for the host that is written here (--tls-ca-file). \
         The node itself may be in the list and is skipped."
    ),
    setting!(
        Node,
        "node",
        "NODE",
        "NAME",
        "the host name, with :port where the port is not 8001",
        "1 to 253 visible ASCII characters without blanks, quotes, commas, slashes or angle brackets",
        "The name of this node. Two nodes must not share a name."
    ),
    setting!(
        Node,
        "address",
        "ADDRESS",
        "IP",
        "all interfaces, IPv4 and IPv6",
        "an IP address of this machine, such as 127.0.0.1 or ::1",
        "The one address to listen on. Anyone who reaches it can read everything this node reports, unless there is a read token."
    ),
    setting!(
        Node,
        "metrics-port",
        "METRICS_PORT",
        "PORT",
        "9100, or the next free port up to 9199",
        A_PORT,
        "Where the metrics are served a second time, for scrapers that must not reach the rest. Once set, exactly this one."
    ),
    setting!(
        Detector,
        "profile",
        "PROFILE",
        "PROFILE",
        "balanced",
        "balanced, fast or steady",
        "The defaults of all settings of this group. fast: silent hosts in 2s, frozen processes in 5s, twice the traffic. \
         steady: 10s and 15s, for unsteady networks and machines."
    ),
    setting!(
        Detector,
        "interval",
        "INTERVAL",
        "DURATION",
        "1s",
        "a duration from 100ms to 60s, such as 250ms, 1s or 1.5s",
        "Time between two pings of one peer. Shorter detects sooner and costs a request and two wake-ups each time."
    ),
    setting!(
        Detector,
        "jitter",
        "JITTER",
        "PART",
        "0.1",
        "a number from 0 to 0.5",
        "Each interval is changed by up to this fraction at random, so that nodes started together do not ping in step."
    ),
    setting!(
        Detector,
        "ping-timeout",
        "PING_TIMEOUT",
        "DURATION",
        "2s",
        A_DURATION,
        "When a ping counts as failed. It starts a check and never decides alone that a peer is dead."
    ),
    setting!(
        Detector,
        "connect-timeout",
        "CONNECT_TIMEOUT",
        "DURATION",
        "1s",
        "a duration of at least 50ms and below the ping timeout, such as 250ms or 1s",
        "How long a connection may take. Longer suits slow links, and delays the verdict about silent hosts."
    ),
    setting!(
        Detector,
        "wait-gone",
        "WAIT_GONE",
        "DURATION",
        "250ms",
        "a duration of at least 250ms, such as 250ms or 1s",
        "Wait before accusing a peer whose host refuses connections. Longer hides quick restarts, shorter reports a crash sooner."
    ),
    setting!(
        Detector,
        "wait-silent",
        "WAIT_SILENT",
        "DURATION",
        "3s",
        "a duration of at least 1.1 intervals and the connect timeout, such as 3s",
        "Wait before accusing a peer whose host does not respond. Longer tolerates short network problems."
    ),
    setting!(
        Detector,
        "wait-stalled",
        "WAIT_STALLED",
        "DURATION",
        "10s",
        "a duration not below the silent wait, such as 10s",
        "Wait before accusing a peer that accepts connections but does not answer. Longer tolerates pauses: garbage collection, snapshots, a busy disk."
    ),
    setting!(
        Detector,
        "witnesses",
        "WITNESSES",
        "COUNT",
        "3",
        "a whole number from 1 to 8",
        "Number of other observers asked when a peer is suspect. Each costs a ping while something is wrong."
    ),
    setting!(
        Detector,
        "streams",
        "STREAMS",
        "SWITCH",
        "on",
        A_SWITCH,
        "Hold event streams to the peers. Off saves one connection for each peer; news then comes up to an interval later."
    ),
    setting!(
        Detector,
        "pings-from",
        "PINGS_FROM",
        "SOURCE",
        "peer-address",
        "peer-address or anywhere",
        "Which pings count as a sign of life of a peer that does not answer: those from an address that the peer's own address \
         resolves to, or all. anywhere is for NAT, proxies and Service addresses in between, where a fault in one direction \
         would else look like a crash; anyone who reaches the port can then keep a dead peer at one_way for a minute."
    ),
    setting!(
        Logs,
        "log-format",
        "LOG_FORMAT",
        "FORMAT",
        "auto",
        "auto, json or text",
        "auto: text on a terminal, JSON lines elsewhere."
    ),
    setting!(
        Logs,
        "log-level",
        "LOG_LEVEL",
        "LEVEL",
        "info",
        "error, warn, info, debug or trace",
        "info logs changes only; debug logs every ping, which is one line a second for each peer."
    ),
    setting!(
        Logs,
        "log-color",
        "LOG_COLOR",
        "WHEN",
        "auto",
        "auto, always or never",
        "auto: on a terminal, unless NO_COLOR is set."
    ),
    setting!(
        Limits,
        "shutdown-delay",
        "SHUTDOWN_DELAY",
        "DURATION",
        "0s",
        "a duration up to 5m, such as 0s or 5s",
        "Between the stop signal and the closing of the listeners. Longer gives load balancers time to notice; goodbyes are sent at once."
    ),
    setting!(
        Limits,
        "drain-timeout",
        "DRAIN_TIMEOUT",
        "DURATION",
        "5s",
        "a duration up to 5m, such as 0s or 5s",
        "How long open requests may take to end when the node stops. Longer lets slow readers finish, and delays the stop."
    ),
    setting!(
        Limits,
        "max-connections",
        "MAX_CONNECTIONS",
        "COUNT",
        "1024, and 4 more for each peer; 5120 where peers are looked up",
        "a whole number from 16 to 65536",
        "Open connections of each of the two ports. Each costs a file descriptor and a few kilobytes. At the limit the caller that \
         was idle for longest is closed; new ones get 503 when none is idle. Some are kept free for peers."
    ),
    setting!(
        Limits,
        "max-streams",
        "MAX_STREAMS",
        "COUNT",
        "64",
        "a whole number from 0 to 4096",
        "Open event streams of browsers and tools. Peers have slots of their own."
    ),
    SettingSpec {
        secret: true,
        ..setting!(
            Access,
            "token",
            "TOKEN",
            "TOKEN",
            "none: nothing can be changed over HTTP",
            A_TOKEN,
            "Anyone who knows it may put this node into maintenance. The flag is visible to everyone on this host (ps), the variable \
             to anyone who may inspect the process, a token file to neither. Without TLS it can be read on the network."
        )
    },
    setting!(
        Access,
        "token-file",
        "TOKEN_FILE",
        "PATH",
        "none",
        "a file that holds nothing but the token, 16 to 256 visible ASCII characters without blanks",
        "The same, read from a file at start. Only its path is visible; a new token needs a restart."
    ),
    setting!(
        Access,
        "read-token-file",
        "READ_TOKEN_FILE",
        "PATH",
        "none: anyone who reaches the port can read everything",
        "a file that holds nothing but the token, 16 to 256 visible ASCII characters without blanks",
        "With it page, API and metrics of this port need this token, or that for changes; probes and the metrics port stay \
         open. Nodes show a mesh key or, with mutual TLS, a certificate, so all need one. A new token needs a restart."
    ),
    setting!(
        Access,
        "allowed-hosts",
        "ALLOWED_HOSTS",
        "NAMES",
        "none",
        "host names separated by commas, without ports; * for any",
        "More names under which page and API may be asked for, such as that of a proxy. Addresses, localhost, the node's \
         name, its host and the hosts of its peers are always allowed; other names get 421, because a hostile web page \
         could read this node through them. Pings, health and metrics are answered under any name."
    ),
    setting!(
        Access,
        "mesh-key-file",
        "MESH_KEY_FILE",
        "PATH",
        "none: nodes believe what answers at a peer's address",
        "a regular file with one to four keys, one on each line, such as `heartbeat keygen` prints",
        "The secret that the nodes of a mesh share. With it only requests and answers made with the key count. The first key \
         is used, all are accepted, and the file is read again every 10 s, so keys can be exchanged while the mesh runs."
    ),
    SettingSpec {
        secret: true,
        ..setting!(
            Access,
            "mesh-key",
            "MESH_KEY",
            "KEY",
            "none",
            "the key in the variable HEARTBEAT_MESH_KEY, or better a file: --mesh-key-file",
            "The same as a variable, for trying things out: it stays visible to anyone who may inspect the process, and a new key \
             needs a restart. It is refused as a flag, which every user of the host can see (ps)."
        )
    },
    setting!(
        Access,
        "mesh-key-mode",
        "MESH_KEY_MODE",
        "MODE",
        "require",
        "require or accept",
        "require: what was not made with a mesh key counts as from a stranger. accept: it counts as without a key, which protects \
         nothing and is for introducing a key while the mesh runs."
    ),
    setting!(
        Tls,
        "tls-cert-file",
        "TLS_CERT_FILE",
        "PATH",
        "none: the node speaks plain HTTP",
        A_CERTIFICATE,
        "The certificate that this node shows, to callers and to peers that ask for one. With it the main port speaks TLS 1.3 \
         and nothing else; the metrics port stays plain. All TLS files are read again every 10 s, so they can be exchanged \
         while the node runs."
    ),
    setting!(
        Tls,
        "tls-key-file",
        "TLS_KEY_FILE",
        "PATH",
        "none",
        "a file with the private key of --tls-cert-file in PEM, without a password",
        "The key of that certificate: ECDSA on P-256 or P-384, Ed25519, or RSA. ECDSA on P-256 costs least."
    ),
    setting!(
        Tls,
        "tls-ca-file",
        "TLS_CA_FILE",
        "PATH",
        "none",
        AUTHORITIES,
        "The authorities whose certificates this node believes of https:// peers, and commands of the node that they ask. \
         No others count: there is no built-in list."
    ),
    setting!(
        Tls,
        "tls-client-ca-file",
        "TLS_CLIENT_CA_FILE",
        "PATH",
        "none: callers are not asked for certificates",
        AUTHORITIES,
        "With it a call counts as one between nodes only if its caller shows a certificate from one of these authorities \
         (mutual TLS). Browsers and commands need none to read."
    ),
];

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static SettingSpec> {
    SETTINGS.iter().find(|spec| spec.name == name)
}

/// The profiles by name.
pub const PROFILES: &[(&str, Timing)] =
    &[("balanced", Timing::BALANCED), ("fast", Timing::FAST), ("steady", Timing::STEADY)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_its_flag_in_capitals() {
        for spec in SETTINGS {
            assert_eq!(spec.variable, format!("{PREFIX}{}", spec.name.replace('-', "_").to_uppercase()));
        }
    }
}
