//! The process of a detector from outside: one line to it, one line back, each within a time and a length.
//!
//! The runs are played in a thread of their own and wait for the answers; the process belongs to a future beside it. When
//! that is dropped, by Ctrl-C or by a mistake, the process is killed with it.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use super::super::exit::Failure;
use super::super::platform;
use crate::render::span;

/// For one answer. The first one has the start of an interpreter in it, on a busy machine.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// For its end, once its standard input has ended.
const END_WITHIN: Duration = Duration::from_secs(1);
/// A datagram of a hundred bytes to each node of a large mesh; what is longer is not an answer.
const LINE_MAX: u64 = 1024 * 1024;

/// A line, and where its answer goes.
struct Call {
    line: String,
    answer: oneshot::Sender<Result<String, String>>,
}

/// The way to the process, from another thread.
pub(super) struct Link {
    calls: mpsc::Sender<Call>,
}

impl Link {
    /// Sends a line and waits for the answer.
    ///
    /// # Errors
    /// What the process did instead.
    pub(super) fn call(&self, line: String) -> Result<String, String> {
        let (answer, answered) = oneshot::channel();
        let interrupted = || "was stopped".to_owned();
        self.calls.blocking_send(Call { line, answer }).map_err(|_| interrupted())?;
        answered.blocking_recv().map_err(|_| interrupted())?
    }
}

/// Starts the process; the future serves the link until that is dropped.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start(
    command: &str,
    answer_within: Duration,
) -> Result<(Link, impl Future<Output = ()> + use<>), Failure> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or_else(|| {
        Failure::Usage("--detector is empty: name a program, such as --detector 'python3 my_detector.py'".into())
    })?;
    let mut process = Command::new(program);
    process.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    // Ctrl-C is for this process, which ends the other one.
    platform::apart_from_ctrl_c(&mut process);
    let mut child = process.spawn().map_err(|error| {
        Failure::Usage(format!(
            "the detector {command:?} cannot be started: {error}\n\
             The first word has to be a program; words are separated by spaces, and quotes mean nothing."
        ))
    })?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::Internal("the detector was started without its pipes".into()));
    };
    // One line is on its way at a time.
    let (calls, called) = mpsc::channel(1);
    Ok((Link { calls }, serve(child, input, BufReader::new(output), called, answer_within)))
}

async fn serve(
    mut child: Child,
    mut input: ChildStdin,
    mut output: BufReader<ChildStdout>,
    mut called: mpsc::Receiver<Call>,
    answer_within: Duration,
) {
    while let Some(Call { line, answer }) = called.recv().await {
        let answered = tokio::time::timeout(answer_within, exchange(&mut input, &mut output, &line)).await;
        let answered = match answered {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(Trouble::Ended)) => Err(ended(&mut child).await),
            Ok(Err(Trouble::Says(what))) => Err(what),
            Err(_) => Err(format!(
                "did not answer within {}. Does it write its output at once (flush), one line for each that it reads?",
                span(answer_within)
            )),
        };
        let failed = answered.is_err();
        // Without a receiver the run was given up.
        let _ = answer.send(answered);
        if failed {
            return;
        }
    }
    drop(input);
    // It may have something to write at its end; what takes longer is killed when this is dropped.
    let _ = tokio::time::timeout(END_WITHIN, child.wait()).await;
}

enum Trouble {
    Ended,
    Says(String),
}

async fn exchange(input: &mut ChildStdin, output: &mut BufReader<ChildStdout>, line: &str) -> Result<String, Trouble> {
    let sent = async {
        input.write_all(line.as_bytes()).await?;
        input.flush().await
    };
    sent.await.map_err(|_| Trouble::Ended)?;
    let mut bytes = Vec::new();
    let read = output.take(LINE_MAX).read_until(b'\n', &mut bytes).await;
    read.map_err(|error| Trouble::Says(format!("has an output that cannot be read: {error}")))?;
    match bytes.pop() {
        Some(b'\n') => {}
        _ if bytes.len() as u64 >= LINE_MAX - 1 => {
            return Err(Trouble::Says(format!("wrote a line of more than {LINE_MAX} bytes; a line is one answer")));
        }
        _ => return Err(Trouble::Ended),
    }
    String::from_utf8(bytes).map_err(|_| Trouble::Says("wrote what is not UTF-8; a line is one answer, as JSON".into()))
}

async fn ended(child: &mut Child) -> String {
    let how = match tokio::time::timeout(END_WITHIN, child.wait()).await {
        Ok(Ok(status)) => format!("ended ({status})"),
        Ok(Err(_)) | Err(_) => "closed its input or output".to_owned(),
    };
    format!("{how} instead. What it wrote on standard error says more; it has to run until its input ends.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program answers to one line.
    #[cfg(unix)]
    async fn answer(command: &str, wait: Duration) -> Result<String, String> {
        let (link, serving) = start(command, wait).unwrap();
        let (answer, answered) = oneshot::channel();
        link.calls.send(Call { line: "a question\n".into(), answer }).await.unwrap_or_else(|_| panic!("it was closed"));
        drop(link);
        let (answered, ()) = tokio::join!(answered, serving);
        answered.unwrap()
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn one_line_is_one_answer() {
        assert_eq!(answer("cat", ANSWER_WITHIN).await, Ok("a question".into()));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_does_not_answer_is_not_waited_for() {
        let late = answer("sleep 1000", Duration::from_millis(50)).await.unwrap_err();
        assert!(late.starts_with("did not answer within 0.05 s."), "{late}");
        let ended = answer("true", ANSWER_WITHIN).await.unwrap_err();
        assert!(ended.starts_with("ended (exit status: 0) instead."), "{ended}");
    }
}
