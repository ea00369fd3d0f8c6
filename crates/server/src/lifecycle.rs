//! From start to stop: listening, reloading, looking for models, draining.
//!
//! Runs on the control runtime; calls are served on the edge's own threads and never wait for
//! anything here.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::Config;
use engine::gateway::Gateway;
use engine::refresh::Refresh;
use engine::trace::IdSource;
use engine::upstream::Upstream;
use engine::{checkup, discovery};
use telemetry::metrics::ConnectionTotals;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use crate::edge::{self, Connections, Edge, EdgeError, EdgeSpec, TlsSpec};
use crate::serve::{self, Core};
use crate::site::Site;
use crate::watch::{self, Look, Watch};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether newer prices are due.
const LOOK_FOR_PRICES: Duration = Duration::from_mins(1);

/// How long the calls that a second signal cuts may take to be settled.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Reads the configuration, or says what is wrong with it.
pub type Read = Box<dyn Fn() -> Result<Reading, String> + Send>;

/// A configuration as it was read.
pub struct Reading {
    /// What it says.
    pub config: Config,
    /// What is odd about it, but no mistake.
    pub warnings: Vec<String>,
}

/// Where configurations come from.
pub struct Source {
    files: Vec<PathBuf>,
    read: Read,
    begun: Look,
}

impl Source {
    /// A source to read from, now and while the gateway runs; `files` are what `read` reads.
    pub fn new(files: Vec<PathBuf>, read: Read) -> Source {
        let begun = watch::look(&files);
        Source { files, read, begun }
    }

    /// Reads it.
    pub fn read(&self) -> Result<Reading, String> {
        (self.read)()
    }
}

/// Why the gateway did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not listen.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(#[from] std::io::Error),
}

/// A gateway that listens.
pub struct Server {
    gateway: Arc<Gateway>,
    site: Arc<ArcSwap<Site>>,
    upstreams: Arc<[Arc<Upstream>]>,
    /// Connections for looking for models and for a newer catalog.
    discovery: Arc<Upstream>,
    refresh: Arc<Mutex<Refresh>>,
    edge: Edge,
    signals: Signals,
}

/// What the system tells the process.
struct Signals {
    stop: Signal,
    quit: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            stop: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.stop.recv() => Told::Stop,
            _ = self.quit.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    /// Waits until the process is told to stop.
    async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }
}

/// What a signal means.
#[derive(PartialEq, Eq)]
enum Told {
    Stop,
    Reload,
}

impl Server {
    /// Begins to listen: first to signals, so that none finds the process unprepared, then to clients.
    pub fn start(gateway: Arc<Gateway>) -> Result<Server, RunError> {
        let signals = Signals::listen()?;
        let config = gateway.snapshot().config.clone();
        let site = Arc::new(ArcSwap::from_pointee(Site::build(&config, None)));
        let connections = Arc::<Connections>::default();
        let spec = edge_spec(&config, connections.clone());
        let upstreams: Arc<[_]> = (0..spec.threads)
            .map(|_| Arc::new(Upstream::new()))
            .collect();
        let edge = {
            let (gateway, site, upstreams) = (gateway.clone(), site.clone(), upstreams.clone());
            edge::start(spec, move |number| {
                let core = Arc::new(Core {
                    number,
                    gateway: gateway.clone(),
                    site: site.clone(),
                    upstream: upstreams.get(number).cloned().unwrap_or_default(),
                    ids: IdSource::default(),
                });
                // Boxed, so that the layers around it move a pointer and not the whole call.
                move |request, peer| Box::pin(serve::serve(core.clone(), request, peer))
            })?
        };
        gateway
            .metrics()
            .watch_connections(move || connection_totals(connections.totals()));
        Ok(Server {
            gateway,
            site,
            upstreams,
            discovery: Arc::default(),
            refresh: Arc::default(),
            edge,
            signals,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.edge.addresses()
    }

    /// Runs until it is told to stop, and stops in order: not ready first, then no new
    /// connections, then the calls in flight end or are cut. A second signal cuts them at once.
    pub async fn run(mut self, source: Source) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch = Watch::new(source.begun.clone(), self.look(&source));
        let mut discover_at = Instant::now();
        let mut refresh_at = Instant::now();
        loop {
            let asked = tokio::select! {
                told = self.signals.next() => match told {
                    Told::Stop => break,
                    Told::Reload => true,
                },
                _ = look.tick() => {
                    checkup::start_due(&self.gateway, &self.discovery);
                    if !watch.is_due(self.look(&source)) {
                        continue;
                    }
                    false
                }
                () = sleep_until(discover_at) => {
                    discover_at = Instant::now() + self.discover();
                    continue;
                }
                () = sleep_until(refresh_at) => {
                    refresh_at = Instant::now() + LOOK_FOR_PRICES;
                    self.refresh();
                    continue;
                }
            };
            if self.reload(&source, &mut watch, asked) {
                discover_at = Instant::now();
                refresh_at = discover_at;
            }
        }
        self.drain().await;
    }

    /// Starts a round if the operator wants any, and says when the next is due.
    fn discover(&self) -> Duration {
        let wanted = self.gateway.snapshot().config.discovery;
        if wanted.enabled {
            let (gateway, upstream) = (self.gateway.clone(), self.discovery.clone());
            tokio::spawn(async move { discovery::round(&gateway, &upstream).await });
        }
        wanted.interval
    }

    /// Has it looked whether a newer catalog or another day's prices are due, unless that is being
    /// done.
    fn refresh(&self) {
        if let Ok(mut refresh) = self.refresh.clone().try_lock_owned() {
            let (gateway, upstream) = (self.gateway.clone(), self.discovery.clone());
            tokio::spawn(async move { refresh.round(&gateway, &upstream).await });
        }
    }

    /// Reads the configuration and puts it in force; whether that went well. What went wrong is
    /// told once, and each time that somebody asked for it.
    fn reload(&self, source: &Source, watch: &mut Watch, asked: bool) -> bool {
        let metrics = self.gateway.metrics();
        let before = self.look(source);
        match self.apply(source) {
            Ok(targets) => {
                *watch = Watch::new(before, self.look(source));
                metrics.config_reload("success");
                tracing::info!(targets, "configuration reloaded");
                true
            }
            Err(error) => {
                if watch.refuse(before, &error) || asked {
                    metrics.config_reload("error");
                    tracing::error!(
                        error,
                        "configuration not reloaded; the running one stays in force"
                    );
                }
                false
            }
        }
    }

    /// Puts what the source says now in force, and gives the number of its targets.
    fn apply(&self, source: &Source) -> Result<usize, String> {
        let before = self.gateway.snapshot().config.clone();
        let Reading { config, warnings } = source.read()?;
        let config = Arc::new(config);
        self.gateway
            .reload(config.clone())
            .map_err(|error| error.to_string())?;
        let site = Site::build(&config, Some(&self.site.load()));
        self.site.store(Arc::new(site));
        self.forget_unused_connections();
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        warn_of_restart(&before, &config);
        Ok(config.targets.len())
    }

    fn forget_unused_connections(&self) {
        let snapshot = self.gateway.snapshot();
        let ways = snapshot.targets().iter().map(|target| target.way.clone());
        let in_use: Vec<_> = ways.collect();
        for upstream in self.upstreams.iter().chain([&self.discovery]) {
            upstream.retain(&in_use);
        }
    }

    /// The files that the configuration is made of, as they are now.
    fn look(&self, source: &Source) -> Look {
        watch::look(source.files.iter().chain(self.gateway.snapshot().files()))
    }

    async fn drain(mut self) {
        self.gateway.begin_drain();
        let server = &self.gateway.snapshot().config.server;
        tracing::info!(delay = ?server.drain_delay, timeout = ?server.drain_timeout, "stopping: no longer ready");
        let orderly = async {
            sleep(server.drain_delay).await;
            self.edge.drain(server.drain_timeout).await
        };
        tokio::select! {
            drained = orderly => tracing::info!(cut = drained.cut, "stopped"),
            () = self.signals.stop() => {
                // Calls are cut on their own threads, which settles their receipts.
                let cut = timeout(LAST_MOMENT, self.edge.drain(Duration::ZERO)).await;
                let cut = cut.ok().map(|drained| drained.cut);
                tracing::warn!(cut, "stopped at once by a second signal");
            }
        }
    }
}

fn connection_totals(seen: edge::Totals) -> ConnectionTotals {
    ConnectionTotals {
        opened: seen.accepted,
        activated: seen.activated,
        idled: seen.idled,
        closed: seen.closed,
        active: seen.active(),
        refused: seen.refused,
    }
}

/// What listens keeps listening as it was started.
fn warn_of_restart(before: &Config, after: &Config) {
    let spec = |config: &Config| {
        let server = &config.server;
        let bounds = [
            server.header_timeout,
            server.keep_alive,
            server.write_timeout,
        ];
        (
            server.listen.clone(),
            server.threads,
            server.tls.clone(),
            bounds,
            server.max_header_bytes,
            server.max_connections,
        )
    };
    if spec(before) != spec(after) || before.log != after.log {
        tracing::warn!(
            "changes of the listener (`server`) and of `log` take effect at the next start"
        );
    }
}

fn edge_spec(config: &Config, connections: Arc<Connections>) -> EdgeSpec {
    let server = &config.server;
    let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let listen = server
        .listen
        .iter()
        .map(|listen| SocketAddr::new(listen.ip.unwrap_or(any), listen.port));
    EdgeSpec {
        listen: listen.collect(),
        threads: server.threads.unwrap_or_else(cores),
        tls: server.tls.as_ref().map(|tls| TlsSpec {
            cert_file: tls.cert_file.clone(),
            key_file: tls.key_file.clone(),
        }),
        header_timeout: server.header_timeout,
        keep_alive: server.keep_alive,
        write_timeout: server.write_timeout,
        max_header_bytes: server.max_header_bytes,
        max_connections: server.max_connections,
        connections,
    }
}

/// The cores that this process may use, its container's quota included.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
