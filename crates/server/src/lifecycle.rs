//! From start to stop: listening, reloading, looking for models, draining.
//!
//! Runs on the control runtime; calls are served on the edge's own threads and never wait for
//! anything here.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::Config;
use engine::discovery;
use engine::gateway::Gateway;
use engine::trace::IdSource;
use engine::upstream::Upstream;
use telemetry::metrics::ConnectionTotals;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::edge::{self, Connections, Edge, EdgeError, EdgeSpec, TlsSpec};
use crate::serve::{self, Core};
use crate::site::Site;

/// How often files are looked at. Polled, because a mounted configuration changes by exchanged
/// links, which file events miss.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where configurations come from while the gateway runs.
pub struct Source {
    /// Files that the configuration itself is read from.
    pub files: Vec<PathBuf>,
    /// Reads it anew, or says what is wrong with it.
    pub read: Box<dyn Fn() -> Result<Config, String> + Send>,
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
        let upstream = Arc::new(Upstream::new());
        let mut seen = self.fingerprint(&source);
        let mut discover_at = Instant::now();
        loop {
            let reload = tokio::select! {
                told = self.signals.next() => match told {
                    Told::Stop => break,
                    Told::Reload => true,
                },
                _ = look.tick() => self.fingerprint(&source) != seen,
                () = sleep_until(discover_at) => {
                    discover_at = Instant::now() + self.discover(&upstream);
                    false
                }
            };
            if reload {
                self.reload(&source);
                seen = self.fingerprint(&source);
                discover_at = Instant::now();
            }
        }
        self.drain().await;
    }

    /// Starts a round if the operator wants any, and says when the next is due.
    fn discover(&self, upstream: &Arc<Upstream>) -> Duration {
        let wanted = self.gateway.snapshot().config.discovery;
        if wanted.enabled {
            let (gateway, upstream) = (self.gateway.clone(), upstream.clone());
            tokio::spawn(async move { discovery::round(&gateway, &upstream).await });
        }
        wanted.interval
    }

    fn reload(&self, source: &Source) {
        let metrics = self.gateway.metrics();
        let before = self.gateway.snapshot().config.clone();
        let applied = (source.read)().and_then(|config| {
            let config = Arc::new(config);
            self.gateway
                .reload(config.clone())
                .map_err(|error| error.to_string())?;
            Ok(config)
        });
        match applied {
            Ok(config) => {
                let site = Site::build(&config, Some(&self.site.load()));
                self.site.store(Arc::new(site));
                let in_use: Vec<_> = self
                    .gateway
                    .snapshot()
                    .targets()
                    .iter()
                    .map(|target| target.way.clone())
                    .collect();
                self.upstreams
                    .iter()
                    .for_each(|upstream| upstream.retain(&in_use));
                warn_of_restart(&before, &config);
                metrics.config_reload("success");
                tracing::info!(targets = config.targets.len(), "configuration reloaded");
            }
            Err(error) => {
                metrics.config_reload("error");
                tracing::error!(
                    error,
                    "configuration not reloaded; the running one stays in force"
                );
            }
        }
    }

    /// A number that changes when a file does that the configuration is made of.
    fn fingerprint(&self, source: &Source) -> u64 {
        let snapshot = self.gateway.snapshot();
        let mut hasher = DefaultHasher::new();
        for file in source.files.iter().chain(snapshot.files()) {
            state_of(file).hash(&mut hasher);
        }
        hasher.finish()
    }

    async fn drain(mut self) {
        self.gateway.begin_drain();
        let server = &self.gateway.snapshot().config.server;
        tracing::info!(delay = ?server.drain_delay, timeout = ?server.drain_timeout, "stopping: no longer ready");
        let orderly = async {
            tokio::time::sleep(server.drain_delay).await;
            self.edge.drain(server.drain_timeout).await
        };
        tokio::select! {
            drained = orderly => tracing::info!(cut = drained.cut, "stopped"),
            () = self.signals.stop() => tracing::warn!("stopped at once by a second signal"),
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

fn state_of(file: &Path) -> Option<(u64, std::time::SystemTime)> {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.len(), meta.modified().ok()?))
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
