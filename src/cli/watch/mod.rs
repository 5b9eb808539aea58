//! The one loop of `--watch`, `--follow`, `monitor` and `wait`: ask again and again, or follow the events of a node,
//! or both, until the command has what it wants.
//!
//! A node that goes away and comes back is the same to all of them: it is asked again, and the command hears of the
//! first question that fails, of each that fails after it, and for how long the node was silent when it answers again.
//! Everything runs in one task. Dropping the loop, as Ctrl-C does, ends all of it, and a screen is left as it was.

pub(crate) mod contact;
pub(crate) mod events;
mod update;

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use self::contact::Contact;
use self::events::{EventReader, Read};
pub(crate) use self::update::Update;
use super::exit::{Exit, Failure, Outcome};

/// Between two looks of a user: each may ask the whole mesh, and no one reads faster.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Events that wait to be shown. A full queue slows the reading down.
const EVENTS_WAITING_MAX: usize = 64;

/// What a command does with an update: the exit code where it has seen enough.
///
/// Before the first answer most commands end with the reason of the failure; then its `Err` is the command's.
pub(crate) type Taken = Result<Option<Exit>, Failure>;

/// Asks with `look`, waits for as long as `pause` says, and so on. With a reader, events come in between.
///
/// # Errors
/// Those of `take`.
pub(crate) async fn watch<T>(
    look: impl AsyncFn() -> Result<T, Failure>,
    pause: impl Fn() -> Duration,
    reader: Option<EventReader>,
    mut take: impl FnMut(Update<T>) -> Taken,
) -> Outcome {
    let (sender, mut read) = mpsc::channel(EVENTS_WAITING_MAX);
    let mut reading = pin!(read_all(reader, sender));
    let mut events_are_lost = false;
    let mut contact = Contact::begin();
    let mut rest = Duration::ZERO;
    loop {
        let pausing = sleep(rest);
        let mut step = pin!(async {
            pausing.await;
            look().await
        });
        let looked = loop {
            tokio::select! {
                looked = &mut step => break looked,
                Some(read) = read.recv() => {
                    if let Some(update) = beside_looks(read, &mut events_are_lost)
                        && let Some(exit) = take(update)?
                    {
                        return Ok(exit);
                    }
                }
                // Events of a node that has not answered yet are not wanted.
                never = &mut reading, if contact.has_answered() => match never {},
            }
        };
        if let Some(exit) = take(contact.update(looked))? {
            return Ok(exit);
        }
        rest = pause();
    }
}

/// Follows events alone; the stream itself shows whether the node is there.
///
/// # Errors
/// Those of `take`.
pub(crate) async fn follow(reader: EventReader, mut take: impl FnMut(Update<()>) -> Taken) -> Outcome {
    let (sender, mut read) = mpsc::channel(EVENTS_WAITING_MAX);
    let mut reading = pin!(read_all(Some(reader), sender));
    let mut contact = Contact::begin();
    loop {
        let update = tokio::select! {
            biased;
            Some(read) = read.recv() => match read {
                Read::Opened => contact.update(Ok(())),
                Read::Event(event) => {
                    contact.touch();
                    Update::Event(event)
                }
                Read::Ended(why) => contact.update(Err(why)),
            },
            never = &mut reading => match never {},
        };
        if let Some(exit) = take(update)? {
            return Ok(exit);
        }
    }
}

/// Never ends, so that the loops above need not ask whether it has.
async fn read_all(reader: Option<EventReader>, sender: mpsc::Sender<Read>) -> Infallible {
    match reader {
        Some(reader) => reader.run(sender).await,
        None => {
            let _open = sender;
            pending().await
        }
    }
}

/// What a command hears of events where its looks show whether the node is there.
fn beside_looks<T>(read: Read, are_lost: &mut bool) -> Option<Update<T>> {
    match read {
        Read::Event(event) => Some(Update::Event(event)),
        Read::Opened => std::mem::take(are_lost).then_some(Update::EventsRestored),
        Read::Ended(Failure::Unreachable { .. }) => None,
        Read::Ended(why) => (!std::mem::replace(are_lost, true)).then(|| Update::EventsLost(why.cause())),
    }
}
