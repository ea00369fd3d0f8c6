//! Clients that call one after the other, and keep count of what they see.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::system;

const CLIENTS: usize = 8;
/// Between two calls of a client.
const PAUSE: Duration = Duration::from_millis(50);
const CHAT: &str = r#"{"model":"demo","messages":[{"role":"user","content":"Hello"}]}"#;

/// What clients saw.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) calls: usize,
    pub(super) errors: usize,
    pub(super) slowest: Duration,
}

/// Clients at work.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
}

pub(super) fn start(gateway: SocketAddr) -> Load {
    let stop = Arc::new(AtomicBool::new(false));
    let clients = (0..CLIENTS).map(|_| {
        let stop = stop.clone();
        thread::spawn(move || client(gateway, &stop))
    });
    Load {
        clients: clients.collect(),
        stop,
    }
}

impl Load {
    pub(super) fn stop(self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for client in self.clients {
            let seen = client.join().map_err(|_| anyhow!("a client panicked"))?;
            all.calls += seen.calls;
            all.errors += seen.errors;
            all.slowest = all.slowest.max(seen.slowest);
        }
        Ok(all)
    }
}

fn client(gateway: SocketAddr, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let answered = ask(gateway, "POST", "/v1/chat/completions", CHAT);
        seen.calls += 1;
        seen.slowest = seen.slowest.max(asked.elapsed());
        if let Err(error) = answered {
            seen.errors += 1;
            eprintln!("a client saw: {error:#}");
        }
        thread::sleep(PAUSE);
    }
    seen
}

/// One request on a connection of its own; an error unless it was answered well.
pub(super) fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address).context("cannot connect")?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let (key, length) = (system::MASTER_KEY, body.len());
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let first = answer.lines().next().unwrap_or_default();
    ensure!(first.starts_with("HTTP/1.1 2"), "{answer}");
    Ok(())
}
