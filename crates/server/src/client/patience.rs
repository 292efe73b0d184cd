//! Waiting. For a quota: the server's `Retry-After` is honoured a bounded number of times, one request at a time.
//! For an analysis: looks that grow further apart.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::problem::Problem;
use super::watch::Watch;

/// How often one request is sent again because the server asked to wait.
const TRIES: u32 = 5;

/// A server that asks for more than this (a daily quota) is not waited for.
const LONGEST: Duration = Duration::from_mins(2);

/// The pause before the second look at an analysis.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two looks.
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Lets the requests of one command wait for the server in a queue, so that those that were told to wait do not all
/// come back at the same moment.
pub(crate) struct Turn {
    queue: Mutex<()>,
    watch: Arc<dyn Watch>,
}

impl Turn {
    /// Notices of waits go to `watch`.
    pub(crate) fn new(watch: Arc<dyn Watch>) -> Self {
        Self { queue: Mutex::new(()), watch }
    }

    /// Makes the request, again and again while the server asks to wait for a bearable time. In the end its last
    /// answer counts.
    pub(crate) async fn patiently<T>(
        &self,
        mut request: impl AsyncFnMut() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        drop(self.queue.lock().await);
        let mut problem = match request().await {
            Err(problem) if bearable(&problem).is_some() => problem,
            done => return done,
        };
        let _turn = self.queue.lock().await;
        for _ in 0..TRIES {
            let Some(wait) = bearable(&problem) else { break };
            let seconds = wait.as_secs();
            self.watch.notice(&format!("waiting {seconds} s, as the server asks: {}", problem.message));
            sleep(wait).await;
            problem = match request().await {
                Err(problem) => problem,
                done => return done,
            };
        }
        Err(problem)
    }
}

/// How long to wait before trying again; none where that is useless or takes too long. At least a second.
fn bearable(problem: &Problem) -> Option<Duration> {
    problem.wait.filter(|wait| *wait <= LONGEST).map(|wait| wait.max(Duration::from_secs(1)))
}

/// The pauses between looks at an analysis: they grow by half up to two seconds.
struct Pauses(Duration);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.0;
        self.0 = (pause * 3 / 2).min(LAST_PAUSE);
        Some(pause)
    }
}

/// Looks until something is there. None when `patience` has run out before.
pub(crate) async fn until<T>(
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Problem>,
) -> Result<Option<T>, Problem> {
    let looking = async {
        for pause in Pauses(FIRST_PAUSE) {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            sleep(pause).await;
        }
        Ok(None)
    };
    timeout(patience, looking).await.unwrap_or(Ok(None))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::super::problem::Kind;
    use super::super::watch::Nobody;
    use super::*;

    fn wait(seconds: u64) -> Problem {
        Problem { wait: Some(Duration::from_secs(seconds)), ..Problem::new(Kind::Refused(429), "4 a minute") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_as_long_as_the_server_asks_and_then_succeeds() {
        let (turn, start, tries) = (Turn::new(Arc::new(Nobody)), Instant::now(), AtomicU32::new(0));
        let answer = turn
            .patiently(async || if tries.fetch_add(1, Ordering::Relaxed) < 2 { Err(wait(15)) } else { Ok("done") })
            .await;
        assert_eq!(answer, Ok("done"));
        assert_eq!(start.elapsed(), Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_after_a_bounded_number_of_tries_with_the_servers_message() {
        let (turn, tries) = (Turn::new(Arc::new(Nobody)), AtomicU32::new(0));
        let answer: Result<(), _> = turn
            .patiently(async || {
                tries.fetch_add(1, Ordering::Relaxed);
                Err(wait(1))
            })
            .await;
        assert_eq!(answer.expect_err("refused").message, "4 a minute");
        assert_eq!(tries.into_inner(), 1 + TRIES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_daily_quota_and_an_error_without_a_wait_are_not_waited_for() {
        let (turn, start) = (Turn::new(Arc::new(Nobody)), Instant::now());
        for problem in [wait(40_000), Problem::new(Kind::Refused(404), "not found")] {
            let answer: Result<(), _> = turn.patiently(async || Err(problem.clone())).await;
            assert_eq!(answer, Err(problem));
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_were_told_to_wait_come_back_one_after_another() {
        let (turn, start, free) = (Turn::new(Arc::new(Nobody)), Instant::now(), AtomicU32::new(0));
        let one = async || {
            let mut first = true;
            turn.patiently(async || {
                if std::mem::take(&mut first) { Err(wait(15)) } else { Ok(free.fetch_add(1, Ordering::Relaxed)) }
            })
            .await
        };
        let (a, b) = futures_util::future::join(one(), one()).await;
        assert_eq!((a, b), (Ok(0), Ok(1)));
        assert_eq!(start.elapsed(), Duration::from_secs(30));
    }

    #[test]
    fn pauses_begin_at_50_ms_and_grow_to_two_seconds() {
        let pauses: Vec<_> = Pauses(FIRST_PAUSE).take(12).collect();
        assert_eq!(pauses[..3], [50_000, 75_000, 112_500].map(Duration::from_micros));
        assert_eq!(pauses[11], LAST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_never_finds_anything_ends_with_the_patience() {
        let start = Instant::now();
        let found: Result<Option<()>, _> = until(Duration::from_secs(10), async || Ok(None)).await;
        assert_eq!(found, Ok(None));
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_ends_the_wait_at_once() {
        let problem = Problem::new(Kind::Refused(404), "gone");
        let found: Result<Option<()>, _> = until(Duration::MAX, async || Err(problem.clone())).await;
        assert_eq!(found, Err(problem));
    }
}
