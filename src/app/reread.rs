//! Reads files again and again, on a thread where waiting for a disk does no harm.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time;
use tokio_util::sync::CancellationToken;

/// Between two readings.
const EVERY: Duration = Duration::from_secs(10);
/// Before new content is read a second time.
const AGAIN: Duration = Duration::from_secs(1);

/// Reads with `read` and hands on what it found, until `stop`; soon again while something `is_pending`.
pub(super) async fn reread<Reader: Send + 'static, Reading: Send + 'static>(
    mut reader: Reader,
    is_pending: fn(&Reader) -> bool,
    read: fn(&mut Reader) -> Reading,
    stop: CancellationToken,
    mut take: impl FnMut(Reading),
) {
    loop {
        let pause = if is_pending(&reader) { AGAIN } else { EVERY };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = time::sleep(pause) => {}
        }
        let reading = spawn_blocking(move || {
            let reading = read(&mut reader);
            (reader, reading)
        });
        let (back, reading) = match reading.await {
            Ok(done) => done,
            // The supervisor must hear of it: the files would never be read again.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return stop.cancelled().await,
        };
        reader = back;
        take(reading);
    }
}
