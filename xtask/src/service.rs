//! A program that runs as long as its guard lives, with its output in a file.
//!
//! It starts from an empty environment: a developer's own API keys must neither
//! change a result nor reach a program under test.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell;

const START_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// What to start, and on which CPUs.
pub(crate) struct Program {
    words: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    cpus: Option<String>,
}

impl Program {
    pub(crate) fn new(path: impl Into<OsString>) -> Self {
        Self {
            words: vec![path.into()],
            environment: Vec::new(),
            cpus: None,
        }
    }

    pub(crate) fn args<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Keeps the program on these CPUs, written as `taskset` wants them.
    pub(crate) fn on(mut self, cpus: Option<&str>) -> Self {
        self.cpus = cpus.map(str::to_owned);
        self
    }

    fn command(&self) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(cpus) = &self.cpus {
            words.extend(["taskset", "-c", cpus].map(OsString::from));
        }
        // Should this program be killed outright, nothing it started stays.
        if shell::found("setpriv") {
            words.extend(["setpriv", "--pdeathsig", "TERM", "--"].map(OsString::from));
        }
        words.extend(self.words.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear();
        for name in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command
    }
}

/// When a started program counts as ready.
pub(crate) enum Ready {
    /// It accepts connections.
    Accepts,
    /// It answers 200 to a GET of this path.
    Answers(&'static str),
}

/// A running program; dropping the guard ends it.
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
    address: SocketAddr,
}

impl Service {
    /// Starts a program and waits until it is ready at `address`.
    pub(crate) fn start(
        name: &'static str,
        program: &Program,
        address: SocketAddr,
        ready: &Ready,
        logs: &Path,
    ) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let output =
            File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let child = program
            .command()
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut service = Self {
            name,
            child,
            log,
            address,
        };
        service.wait_until(ready)?;
        Ok(service)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The last lines the program wrote.
    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn wait_until(&mut self, ready: &Ready) -> Result<()> {
        let started = Instant::now();
        while !is_ready(self.address, ready) {
            if let Some(fate) = self.fate() {
                bail!(fate);
            }
            if started.elapsed() > START_WITHIN {
                bail!(
                    "{} was not ready at {} within {START_WITHIN:?}:\n{}",
                    self.name,
                    self.address,
                    self.last_words()
                );
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// How the program ended, if it did although nobody asked for it.
    pub(crate) fn fate(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        let (name, words) = (self.name, self.last_words());
        Some(format!("{name} ended ({status}):\n{words}"))
    }

    fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A polite end first: nginx's master must get to end its workers.
        let pid = self.child.id().to_string();
        let _ = shell::capture(Command::new("kill").args(["-TERM", &pid]));
        let asked = Instant::now();
        while !self.ended() && asked.elapsed() < STOP_WITHIN {
            sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback interface that was free a moment ago.
pub(crate) fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}

fn is_ready(address: SocketAddr, ready: &Ready) -> bool {
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    match ready {
        Ready::Accepts => true,
        Ready::Answers(path) => answers(stream, path).unwrap_or(false),
    }
}

fn answers(mut stream: TcpStream, path: &str) -> std::io::Result<bool> {
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line)?;
    Ok(&status_line == b"HTTP/1.1 200")
}
