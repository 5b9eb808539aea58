//! Where a lab runs: nodes that can be broken, and those who watch them.
//!
//! The engine ([`super::run`]) knows labs and nothing of containers; a world knows containers and nothing of labs.

use serde_json::Value;

use super::plan::check::Line;
use super::plan::lab::Act;

pub trait World {
    /// Does one thing and returns once it is done. [`Act::Hold`] is the engine's own.
    fn act(&mut self, act: &Act) -> Result<(), String>;

    /// What a person would type to do the same, for the commentary.
    fn command(&self, act: &Act) -> Option<String>;

    /// What the nodes have logged so far, in any order.
    fn log(&self) -> Vec<Line>;

    /// `GET path` of a node, which must answer 200 with JSON.
    fn node(&self, name: &str, path: &str) -> Result<Value, String>;

    fn prometheus(&self, path: &str) -> Result<Value, String>;

    fn alertmanager(&self, path: &str) -> Result<Value, String>;

    /// Every webhook call that the receiver got, as it wrote them.
    fn calls(&self) -> Result<Value, String>;

    /// The nodes that can be asked directly.
    fn nodes(&self) -> Vec<String>;
}
