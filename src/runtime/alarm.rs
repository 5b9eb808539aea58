//! The driver's one alarm: it wakes its task at a moment, and at no other.
//!
//! The runtime's own timers are kept in a wheel of several levels. One that is more than 64 ms away wakes the process once to
//! be moved to a finer level and again when its time has come, and one that is set to an earlier moment wakes the process at
//! once: an idle node spent five of its eleven wake-ups a second on that. On Linux the kernel keeps this one (`timerfd`). It
//! is also exact, where the wheel rounds up to a millisecond. Elsewhere, and where the kernel gives none, it is a timer of
//! the runtime.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::clock::Clock;
use crate::detector::time::Monotonic;

pub(super) struct Alarm {
    clock: Clock,
    at: Monotonic,
    timer: Timer,
}

enum Timer {
    #[cfg(target_os = "linux")]
    Kernel(kernel::Timer),
    Runtime(Pin<Box<Sleep>>),
}

impl Alarm {
    /// One that is not set.
    pub(super) fn new(clock: Clock) -> Alarm {
        Alarm { clock, at: Monotonic(Duration::MAX), timer: Timer::new() }
    }

    /// It rings at `at`, and no longer at what was set before.
    pub(super) fn set(&mut self, at: Monotonic) {
        self.at = at;
        match &mut self.timer {
            #[cfg(target_os = "linux")]
            Timer::Kernel(timer) => {
                if timer.set(self.clock.until(at)).is_err() {
                    self.timer = Timer::Runtime(Box::pin(tokio::time::sleep_until(self.clock.timer(at))));
                }
            }
            Timer::Runtime(sleep) => sleep.as_mut().reset(self.clock.timer(at)),
        }
    }

    /// Returns when its time has come.
    pub(super) async fn rings(&mut self) {
        // What wakes early is an alarm that was set later meanwhile.
        while !self.clock.until(self.at).is_zero() {
            match &mut self.timer {
                #[cfg(target_os = "linux")]
                Timer::Kernel(timer) => timer.wait().await,
                Timer::Runtime(sleep) => sleep.await,
            }
        }
    }
}

impl Timer {
    fn new() -> Timer {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = kernel::Timer::new() {
            return Timer::Kernel(timer);
        }
        Timer::Runtime(Box::pin(sleep(Duration::MAX)))
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[expect(deprecated, reason = "sound for a descriptor that is owned here; what replaces it is unsafe code")]
        pub(super) fn new() -> io::Result<Timer> {
            let descriptor = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            AsyncFd::with_interest(descriptor, Interest::READABLE).map(Timer)
        }

        /// It is ready once `after` has passed from now.
        pub(super) fn set(&self, after: Duration) -> io::Result<()> {
            let once = Timespec { tv_sec: 0, tv_nsec: 0 };
            // Nothing at all would stop the timer.
            let after = after.max(Duration::from_nanos(1));
            let after = Timespec::try_from(after).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
            let spec = Itimerspec { it_interval: once, it_value: after };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
            Ok(())
        }

        /// Returns when the time that was set last has passed, or one before it. How often it has is not read: setting it
        /// again resets that.
        pub(super) async fn wait(&self) {
            match self.0.readable().await {
                Ok(mut ready) => ready.clear_ready(),
                // The runtime is shutting down, and this task with it.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn alarms() -> [Alarm; 2] {
        let clock = Clock::start();
        let timer = Timer::Runtime(Box::pin(sleep(Duration::MAX)));
        [Alarm::new(clock), Alarm { timer, ..Alarm::new(clock) }]
    }

    #[tokio::test]
    async fn it_rings_when_its_time_has_come_and_not_before() {
        for mut alarm in alarms() {
            for span in [0, 1, 70, 5] {
                let at = alarm.clock.now() + Duration::from_millis(span);
                alarm.set(at);
                timeout(LONG, alarm.rings()).await.expect("it rings");
                assert!(alarm.clock.now() >= at, "{span} ms");
            }
        }
    }

    #[tokio::test]
    async fn only_the_moment_that_was_set_last_counts() {
        for mut alarm in alarms() {
            let begun = alarm.clock.now();
            for span in [3_600_000, 20, 3_600_000, 5, 100] {
                alarm.set(begun + Duration::from_millis(span));
                // Given up, as where something else is ready first.
                let _ = timeout(Duration::from_millis(10), alarm.rings()).await;
            }
            timeout(LONG, alarm.rings()).await.expect("it rings");
            assert!(alarm.clock.now() >= begun + Duration::from_millis(100));
        }
    }

    #[tokio::test]
    async fn the_end_of_time_is_far_away() {
        for mut alarm in alarms() {
            alarm.set(Monotonic(Duration::MAX));
            assert!(timeout(Duration::from_millis(20), alarm.rings()).await.is_err());
        }
    }
}
