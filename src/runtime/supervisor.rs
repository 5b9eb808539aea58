//! The tasks that run as long as the process: each has a name, and an end that is awaited.
//!
//! A task that nobody waits for can die without a word, and then the process
//! looks alive and does nothing; for a failure detector that is the worst way
//! to fail. So no task of ours ends unheard: the first to end while it should
//! not stops the process in order, with its name and the reason in the log.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time;

/// How a long-lived task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It returned.
    Finished,
    /// It panicked; the text is the panic's message.
    Panicked(String),
    /// It was aborted, which happens only while the process stops.
    Aborted,
}

/// The end of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskEnd {
    pub name: &'static str,
    pub how: How,
}

/// Owns the long-lived tasks. Dropping it aborts them.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    tasks: JoinSet<()>,
    names: BTreeMap<Id, &'static str>,
}

impl Supervisor {
    pub(crate) fn new() -> Supervisor {
        Supervisor::default()
    }

    /// Starts a task under a name.
    pub(crate) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(task);
        self.names.insert(handle.id(), name);
    }

    /// The next task that ends. Waits for ever when there is none.
    pub(crate) async fn next_end(&mut self) -> TaskEnd {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.name(ended),
            None => std::future::pending().await,
        }
    }

    /// Waits until all tasks have ended, for at most `limit`, then aborts the
    /// rest and returns their names. Ends that went wrong on the way are returned too.
    pub(crate) async fn drain(mut self, limit: Duration) -> Drained {
        let mut drained = Drained::default();
        let all = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                let end = name(&mut self.names, ended);
                if end.how != How::Finished {
                    drained.failed.push(end);
                }
            }
        };
        if time::timeout(limit, all).await.is_err() {
            drained.cut_off = self.names.values().copied().collect();
            self.tasks.shutdown().await;
        }
        drained
    }

    fn name(&mut self, ended: Result<(Id, ()), JoinError>) -> TaskEnd {
        name(&mut self.names, ended)
    }
}

/// How the end of all tasks went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drained {
    /// Tasks that had not ended when the limit was over.
    pub cut_off: Vec<&'static str>,
    /// Tasks that panicked while they were ending.
    pub failed: Vec<TaskEnd>,
}

fn name(names: &mut BTreeMap<Id, &'static str>, ended: Result<(Id, ()), JoinError>) -> TaskEnd {
    let (id, how) = match ended {
        Ok((id, ())) => (id, How::Finished),
        Err(error) => {
            let id = error.id();
            (id, error.try_into_panic().map_or(How::Aborted, |panic| How::Panicked(message(&*panic))))
        }
    };
    TaskEnd { name: names.remove(&id).unwrap_or("unnamed"), how }
}

/// The text of a panic, which is a string unless somebody went out of their way.
fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn an_end_has_its_task_s_name_and_reason() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("sleeper", std::future::pending());
        supervisor.spawn("worker", async {});
        assert_eq!(supervisor.next_end().await, TaskEnd { name: "worker", how: How::Finished });
        supervisor.spawn("clumsy", async { panic!("dropped it") });
        let end = supervisor.next_end().await;
        assert_eq!(end, TaskEnd { name: "clumsy", how: How::Panicked("dropped it".to_owned()) });
    }

    #[tokio::test]
    async fn draining_waits_for_those_that_end_and_names_those_that_do_not() {
        let mut supervisor = Supervisor::new();
        supervisor.spawn("quick", async {});
        assert_eq!(supervisor.drain(SECOND).await, Drained::default());

        let mut supervisor = Supervisor::new();
        supervisor.spawn("stubborn", std::future::pending());
        supervisor.spawn("clumsy", async { panic!("dropped it") });
        let drained = supervisor.drain(Duration::from_millis(20)).await;
        assert_eq!(drained.cut_off, ["stubborn"]);
        assert_eq!(drained.failed.len(), 1);
        assert_eq!(drained.failed[0].name, "clumsy");
    }

    #[tokio::test]
    async fn no_tasks_no_end() {
        let mut supervisor = Supervisor::new();
        assert!(time::timeout(Duration::from_millis(10), supervisor.next_end()).await.is_err());
    }
}
