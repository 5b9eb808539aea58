//! What Prometheus and Alertmanager say, through forwarded ports.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::kubectl::Forward;
use super::support::http;

/// Prometheus; valid while its pod runs.
pub struct Prometheus(Forward);

impl Prometheus {
    pub fn reach() -> Result<Prometheus, String> {
        Forward::to("deployment/prometheus", 9090).map(Prometheus)
    }

    /// What a path of it answers, as it is.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        http::get(self.0.address, path)?.json()
    }

    /// The data that an endpoint of its API answers with.
    pub fn api(&self, path: &str) -> Result<Value, String> {
        let mut answer = self.get(&format!("/api/v1/{path}"))?;
        if answer["status"] == "success" { Ok(answer["data"].take()) } else { Err(format!("{path}: {answer}")) }
    }

    /// The result of an expression, now.
    pub fn ask(&self, expression: &str) -> Result<Vec<Value>, String> {
        let found = self.api(&format!("query?query={}", encoded(expression)))?;
        match &found["result"] {
            Value::Array(series) if found["resultType"] == "vector" => Ok(series.clone()),
            other => Ok(vec![other.clone()]),
        }
    }

    /// The alerts that fired at some time within the last `span`, except the one that always fires.
    pub fn fired(&self, span: Duration) -> Result<BTreeSet<String>, String> {
        let firing = r#"ALERTS{alertstate="firing",alertname!="HeartbeatWatchdog"}"#;
        let series =
            self.ask(&format!("max by (alertname, node, peer) (max_over_time({firing}[{}s]))", span.as_secs().max(1)))?;
        Ok(series.iter().map(|found| alert(&found["metric"])).collect())
    }
}

/// `Name peer` or `Name node->peer`.
fn alert(labels: &Value) -> String {
    let text = |label: &str| labels[label].as_str().unwrap_or_default();
    match (text("node"), text("peer")) {
        ("", peer) => format!("{} {peer}", text("alertname")).trim_end().to_owned(),
        (node, peer) => format!("{} {node}->{peer}", text("alertname")),
    }
}

/// An expression as a part of a query string.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
