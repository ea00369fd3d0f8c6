//! The load generator: calls over keep-alive connections, in a closed loop, at
//! a fixed rate, or simply held open.
//!
//! One thread and no HTTP library: it shares the machine with what it measures.
//! Every answer is checked; one that is not right ends the run, because numbers
//! of a proxy that fails mean nothing.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{AbortHandle, JoinSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::answer::{Answer, Expect};
use super::histogram::Histogram;
use super::process::{Memory, Meter};

/// How long a call under way at the end of a window may take to finish.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// A request, ready to be written, and what must come back.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) request: Rc<[u8]>,
    pub(crate) expect: Expect,
}

/// What to measure, for how long.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) exchange: Exchange,
    pub(crate) connections: usize,
    /// Connections start evenly over this time, so that long answers do not
    /// move in step.
    pub(crate) stagger: Duration,
    pub(crate) warm: Duration,
    pub(crate) measured: Duration,
    /// The program whose CPU time and memory are read.
    pub(crate) meter: Option<Meter>,
}

/// What was seen in the measured window.
pub(crate) struct Outcome {
    /// Completed calls; for streams of known length, parts of calls count too.
    pub(crate) calls: f64,
    pub(crate) elapsed: Duration,
    /// To the whole answer; for streams, to the first event.
    pub(crate) latency: Histogram,
    pub(crate) cpu: Duration,
    pub(crate) memory: Memory,
}

#[derive(Default)]
struct Tally {
    calls: u64,
    events: u64,
    latency: Histogram,
    failure: Option<Error>,
}

impl Tally {
    fn clear(&mut self) {
        self.calls = 0;
        self.events = 0;
        self.latency.clear();
    }
}

type Shared = Rc<RefCell<Tally>>;

/// Keeps a call under way on every connection.
pub(crate) async fn closed_loop(load: &Load) -> Result<Outcome> {
    let tally = Shared::default();
    let stop = Rc::new(std::cell::Cell::new(false));
    let mut callers = JoinSet::new();
    for index in 0..load.connections {
        let (load, tally, stop) = (load.clone(), tally.clone(), stop.clone());
        callers.spawn_local(async move {
            sleep(load.start_of(index)).await;
            let mut caller = Caller::new(load.address, load.exchange);
            while !stop.get() && tally.borrow().failure.is_none() {
                caller.call(&tally, Instant::now()).await;
            }
        });
    }
    let outcome = window(load, &tally).await;
    stop.set(true);
    finish(load, callers).await?;
    outcome
}

/// Starts `rate` calls a second, whatever becomes of those before. Latency runs
/// from the time a call was due, so waiting for a connection counts.
pub(crate) async fn fixed_rate(load: &Load, rate: f64) -> Result<Outcome> {
    let length = load.warm + load.measured;
    let schedule = schedule(rate, length);
    let (due, calls) = mpsc::channel(schedule.len().max(1));
    let calls = Rc::new(Mutex::new(calls));
    let tally = Shared::default();
    let mut callers = JoinSet::new();
    for _ in 0..load.connections {
        let (load, tally, calls) = (load.clone(), tally.clone(), calls.clone());
        callers.spawn_local(async move {
            let mut caller = Caller::new(load.address, load.exchange);
            loop {
                let next = calls.lock().await.recv().await;
                let Some(due) = next else { break };
                caller.call(&tally, due).await;
            }
        });
    }
    // The runtime's timers tick in milliseconds; a thread of its own does not.
    let pacer = thread::spawn(move || pace(&schedule, &due));
    let outcome = window(load, &tally).await;
    finish(load, callers).await?;
    ensure!(pacer.join().is_ok(), "the pacer panicked");
    outcome
}

/// Streams that stay open until this is dropped.
pub(crate) struct Held {
    tasks: Vec<AbortHandle>,
    tally: Shared,
}

impl Held {
    /// An error when a stream has ended.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(error) = self.tally.borrow_mut().failure.take() {
            return Err(error.context("a held stream ended"));
        }
        let ended = self.tasks.iter().filter(|task| task.is_finished()).count();
        ensure!(ended == 0, "{ended} held streams ended");
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Opens streams and returns once each has shown its first event.
pub(crate) async fn hold(address: SocketAddr, exchange: &Exchange, count: usize) -> Result<Held> {
    const AT_ONCE: usize = 50;
    let tally = Shared::default();
    let (started, mut starts) = mpsc::channel(count.max(1));
    let mut held = Held {
        tasks: Vec::with_capacity(count),
        tally: tally.clone(),
    };
    for index in 0..count {
        let (tally, started) = (tally.clone(), started.clone());
        let mut caller = Caller::new(address, exchange.clone());
        let task = spawn_local(async move {
            let mut started = Some(started);
            let call = caller.exchange(|_| drop(started.take()));
            if let Err(error) = call.await {
                tally.borrow_mut().failure.get_or_insert(error);
            }
        });
        held.tasks.push(task.abort_handle());
        if index % AT_ONCE == AT_ONCE - 1 {
            sleep(Duration::from_millis(20)).await;
        }
    }
    drop(started);
    // Every sender is dropped at its stream's first event; none ever sends.
    let all: Option<()> = timeout(Duration::from_secs(20), starts.recv())
        .await
        .context("not every stream started")?;
    debug_assert!(all.is_none());
    held.check()?;
    Ok(held)
}

/// Makes one call and gives what came back.
pub(crate) async fn once(address: SocketAddr, exchange: &Exchange) -> Result<Answer> {
    let mut caller = Caller::new(address, exchange.clone());
    let call = caller.exchange(|_| ());
    Ok(timeout(FINISH_WITHIN, call).await??.answer)
}

impl Load {
    fn start_of(&self, index: usize) -> Duration {
        let share = u32::try_from(index).unwrap_or(0);
        let all = u32::try_from(self.connections).unwrap_or(1).max(1);
        self.stagger * share / all
    }

    fn calls(&self, tally: &Tally) -> f64 {
        #[allow(
            clippy::cast_precision_loss,
            reason = "counts of calls are far below 2^52"
        )]
        match self.exchange.expect {
            Expect::Events(each) => tally.events as f64 / each as f64,
            Expect::Object { .. } | Expect::EventsAtLeast(_) => tally.calls as f64,
        }
    }
}

/// Waits through the warm-up, then watches the measured window.
async fn window(load: &Load, tally: &Shared) -> Result<Outcome> {
    sleep(load.warm).await;
    let cpu = || load.meter.map(Meter::cpu).unwrap_or_default();
    tally.borrow_mut().clear();
    let (began, before) = (Instant::now(), cpu());
    sleep(load.measured).await;
    let (elapsed, after) = (began.elapsed(), cpu());
    let memory = load.meter.map(Meter::memory).unwrap_or_default();
    let mut tally = tally.borrow_mut();
    if let Some(error) = tally.failure.take() {
        return Err(error.context(format!("a call to {} failed", load.address)));
    }
    let calls = load.calls(&tally);
    if calls <= 0.0 {
        bail!("{} completed no call in {elapsed:?}", load.address);
    }
    Ok(Outcome {
        calls,
        elapsed,
        latency: std::mem::take(&mut tally.latency),
        cpu: after.since(&before),
        memory,
    })
}

/// Lets calls under way end; long streams are cut, they would take too long.
async fn finish(load: &Load, mut callers: JoinSet<()>) -> Result<()> {
    if !load.stagger.is_zero() {
        callers.shutdown().await;
    }
    let all = async { while callers.join_next().await.is_some() {} };
    timeout(FINISH_WITHIN, all)
        .await
        .context("calls were still under way long after the window")
}

/// The times at which calls are due: independent arrivals at the given rate,
/// the same ones in every run.
fn schedule(rate: f64, length: Duration) -> Vec<Duration> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut at = 0.0;
    let arrivals = std::iter::from_fn(|| {
        at -= (1.0 - random.unit()).ln() / rate;
        Some(at)
    });
    arrivals
        .take_while(|at| *at < length.as_secs_f64())
        .map(Duration::from_secs_f64)
        .collect()
}

/// Hands out calls when they are due, a few at a time: a wake-up for each would
/// cost more than the call.
fn pace(schedule: &[Duration], due: &mpsc::Sender<Instant>) {
    const NAP: Duration = Duration::from_micros(100);
    let start = Instant::now();
    for offset in schedule {
        let at = start + *offset;
        let ahead = at.saturating_duration_since(Instant::now());
        if !ahead.is_zero() {
            thread::sleep(ahead.max(NAP));
        }
        // The queue holds the whole schedule, so this fails only when nobody
        // listens any more.
        if due.try_send(at).is_err() {
            break;
        }
    }
}

/// xorshift64*: enough for arrival times, and the same on every machine.
struct Random(u64);

impl Random {
    /// A number from 0 up to, but not including, 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32;
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}

/// One place in the crowd: a connection, replaced when it has ended.
struct Caller {
    address: SocketAddr,
    exchange: Exchange,
    connection: Option<TcpStream>,
    buffer: Vec<u8>,
}

struct Exchanged {
    answer: Answer,
    first_event: Option<Instant>,
}

impl Caller {
    fn new(address: SocketAddr, exchange: Exchange) -> Self {
        Self {
            address,
            exchange,
            connection: None,
            buffer: vec![0; 32 * 1024],
        }
    }

    /// Makes a call and puts what became of it into the tally.
    async fn call(&mut self, tally: &Shared, since: Instant) {
        let counted = tally.clone();
        let exchanged = self
            .exchange(|events| counted.borrow_mut().events += events)
            .await;
        let mut tally = tally.borrow_mut();
        match exchanged {
            Ok(exchanged) => {
                let end = exchanged.first_event.unwrap_or_else(Instant::now);
                tally.calls += 1;
                tally.latency.record(end.saturating_duration_since(since));
            }
            Err(error) => {
                tally.failure.get_or_insert(error);
            }
        }
    }

    /// Writes the request, reads the answer and checks it.
    async fn exchange(&mut self, mut on_events: impl FnMut(u64)) -> Result<Exchanged> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => connect(self.address).await?,
        };
        stream.write_all(&self.exchange.request).await?;
        let mut answer = Answer::new();
        let mut first_event = None;
        let mut events = 0;
        loop {
            let length = stream.read(&mut self.buffer).await?;
            ensure!(length > 0, "the connection closed inside an answer");
            let complete = answer.push(&self.buffer[..length])?;
            if answer.events() > events {
                first_event.get_or_insert_with(Instant::now);
                on_events(answer.events() - events);
                events = answer.events();
            }
            if complete {
                break;
            }
        }
        answer.check(self.exchange.expect)?;
        if answer.reusable() {
            self.connection = Some(stream);
        }
        Ok(Exchanged {
            answer,
            first_event,
        })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    const OBJECT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}";

    /// Answers every read with the same bytes, as long as the test lasts.
    fn server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut request = [0; 1024];
                    while stream.read(&mut request).is_ok_and(|length| length > 0) {
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        address
    }

    fn load(address: SocketAddr) -> Load {
        Load {
            address,
            exchange: Exchange {
                request: Rc::from(*b"GET / HTTP/1.1\r\n\r\n"),
                expect: Expect::Object { at_least: 2 },
            },
            connections: 2,
            stagger: Duration::ZERO,
            warm: Duration::from_millis(5),
            measured: Duration::from_millis(200),
            meter: None,
        }
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .unwrap()
            .block_on(tokio::task::LocalSet::new().run_until(work))
    }

    #[test]
    fn calls_are_counted_in_a_closed_loop() {
        let outcome = run(closed_loop(&load(server(OBJECT)))).unwrap();
        assert!(outcome.calls >= 1.0 && outcome.latency.quantile(0.5) > Duration::ZERO);
    }

    #[test]
    fn calls_come_at_the_rate_asked_for() {
        let mut load = load(server(OBJECT));
        load.measured = Duration::from_millis(200);
        let outcome = run(fixed_rate(&load, 500.0)).unwrap();
        let rate = outcome.calls / outcome.elapsed.as_secs_f64();
        assert!((200.0..1000.0).contains(&rate), "{rate}");
    }

    #[test]
    fn one_wrong_answer_ends_the_run() {
        let Err(error) = run(closed_loop(&load(server(BUSY)))) else {
            panic!("a 503 passed for a right answer");
        };
        assert!(format!("{error:#}").contains("503"), "{error:#}");
    }

    #[test]
    fn arrivals_come_at_the_rate_in_order_and_alike_each_time() {
        let length = Duration::from_secs(10);
        let arrivals = schedule(1000.0, length);
        assert!((9_500..10_500).contains(&arrivals.len()));
        assert!(arrivals.is_sorted());
        assert!(arrivals.last().unwrap() < &length);
        assert_eq!(arrivals, schedule(1000.0, length));
    }

    #[test]
    fn independent_arrivals_are_spread_like_independent_arrivals() {
        let arrivals = schedule(1000.0, Duration::from_secs(10));
        let short = arrivals
            .windows(2)
            .filter(|pair| pair[1] < pair[0] + Duration::from_millis(1))
            .count();
        // 1 - 1/e of the gaps are shorter than the mean.
        assert!((6_000..6_650).contains(&short), "{short}");
    }
}
