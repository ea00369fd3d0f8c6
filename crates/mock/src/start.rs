//! Starting and stopping: listeners, runtimes, connections.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    thread,
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{rt::TokioExecutor, server::conn::auto};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime, select,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    behaviour::Behaviour,
    line::{Line, Socket},
    record::{Counters, Log, Recorded, Stats},
    replicate::Desk,
    script::{self, Script, When},
    serve::{House, Worker, serve},
};

const BACKLOG: u32 = 4096;

/// How a mock is to run.
#[derive(Clone, Debug)]
pub struct MockSpec {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The lowest layer of behaviour.
    pub defaults: Behaviour,
    /// The key every request has to carry, as bearer token or `api-key`.
    pub expected_key: Option<String>,
    /// Whether requests are kept.
    pub record: bool,
    /// Threads of its own, each with a listener; with 0 it runs on the
    /// runtime it is started on.
    pub threads: usize,
}

impl Default for MockSpec {
    /// A free port of the loopback interface, recording, on the current
    /// runtime.
    fn default() -> MockSpec {
        MockSpec {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            defaults: Behaviour::default(),
            expected_key: None,
            record: true,
            threads: 0,
        }
    }
}

/// A running mock; dropping it stops it.
pub struct Mock {
    address: SocketAddr,
    house: Arc<House>,
    crew: Crew,
}

enum Crew {
    Task(JoinHandle<()>),
    Threads {
        stop: watch::Sender<()>,
        threads: Vec<thread::JoinHandle<()>>,
    },
}

/// Starts a mock; it listens when this returns.
pub async fn start(spec: MockSpec) -> io::Result<Mock> {
    let house = Arc::new(House {
        defaults: spec.defaults,
        expected_key: spec.expected_key,
        log: spec.record.then(Log::default),
        script: Script::default(),
        desk: Desk::default(),
        counters: Arc::new(Counters::default()),
    });
    let first = listen(spec.listen, spec.threads > 1)?;
    let address = first.local_addr()?;
    let crew = if spec.threads == 0 {
        Crew::Task(tokio::spawn(accept(first, worker(&house))))
    } else {
        let mut listeners = vec![first.into_std()?];
        for _ in 1..spec.threads {
            listeners.push(listen(address, true)?.into_std()?);
        }
        hire(listeners, &house)?
    };
    Ok(Mock {
        address,
        house,
        crew,
    })
}

impl Mock {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its OpenAI base URL: `http://address/v1`.
    pub fn url(&self) -> String {
        format!("{}/v1", self.root())
    }

    /// The root of every route: `http://address`.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last requests, oldest first; none when it does not record.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.house
            .log
            .as_ref()
            .map(Log::recorded)
            .unwrap_or_default()
    }

    /// Forgets recorded requests and drops what is left of the script.
    pub fn clear(&self) {
        self.house.log.iter().for_each(Log::clear);
        self.house.script.clear();
    }

    /// Has the next request not yet provided for behave like this.
    pub fn script(&self, behaviour: Behaviour) {
        self.script_when(When::default(), 1, behaviour);
    }

    /// Has the next so many requests of that kind behave like this.
    pub fn script_when(&self, when: When, times: u32, behaviour: Behaviour) {
        self.house.script.push(script::Entry {
            when,
            times,
            behaviour,
        });
    }

    /// What it counted so far.
    pub fn stats(&self) -> Stats {
        self.house.counters.stats()
    }

    /// Stops it, and returns when nobody listens any more and every connection is closed.
    pub async fn stop(mut self) {
        if let Crew::Task(task) = &mut self.crew {
            task.abort();
            // An abort is what the error says, and what was asked for.
            let _ = task.await;
            // Its connections are aborted with it, and dropped when the runtime comes to it.
            while self.stats().connections_open > 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        match &mut self.crew {
            Crew::Task(task) => task.abort(),
            Crew::Threads { stop, threads } => {
                stop.send_replace(());
                for thread in threads.drain(..) {
                    // A worker that panicked has stopped as well.
                    let _ = thread.join();
                }
            }
        }
    }
}

fn worker(house: &Arc<House>) -> Arc<Worker> {
    Arc::new(Worker::new(Arc::clone(house)))
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(shared)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// One thread with a runtime of its own for each listener.
fn hire(listeners: Vec<StdListener>, house: &Arc<House>) -> io::Result<Crew> {
    let (stop, stopped) = watch::channel(());
    let mut threads = Vec::new();
    for (number, listener) in listeners.into_iter().enumerate() {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (worker, mut stopped) = (worker(house), stopped.clone());
        let work = move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                select! {
                    () = accept(listener, worker) => {}
                    _ = stopped.changed() => {}
                }
            });
        };
        let builder = thread::Builder::new().name(format!("mock-{number}"));
        threads.push(builder.spawn(work)?);
    }
    Ok(Crew::Threads { stop, threads })
}

/// Accepts until it is dropped, and its connections with it.
async fn accept(listener: TcpListener, worker: Arc<Worker>) {
    let mut connections = JoinSet::new();
    loop {
        select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&worker)));
                }
                // Out of descriptors, most likely: the wait lets some be freed.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, worker: Arc<Worker>) {
    let _ = stream.set_nodelay(true);
    let open = Open::new(&worker.house.counters);
    let line = Arc::new(Line::new(open.number));
    let socket = Socket::new(stream, Arc::clone(&line));
    let service = service_fn(move |request| serve(Arc::clone(&worker), Arc::clone(&line), request));
    // However a connection ends, its requests have told the log.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(socket, service)
        .await;
}

/// Counts a connection for as long as it lives.
struct Open {
    number: u64,
    counters: Arc<Counters>,
}

impl Open {
    fn new(counters: &Arc<Counters>) -> Open {
        Open {
            number: counters.connected(),
            counters: Arc::clone(counters),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counters.disconnected();
    }
}
