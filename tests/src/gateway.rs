//! A started gateway: its process, its address, its log, its end.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary;
use crate::config::Setup;
use crate::exposition::Samples;
use crate::http::{Answer, Call, Connection};
use crate::keys;
use crate::live::Live;
use crate::log::Log;
use crate::vendor::Vendor;

/// How long a start may take on a loaded machine.
const START: Duration = Duration::from_secs(30);

/// A running gateway. Dropping it kills it.
pub struct Gateway {
    child: Mutex<Child>,
    addr: SocketAddr,
    /// What it writes to stdout: the log.
    pub log: Log,
    /// What it writes to stderr.
    pub console: Log,
    dir: TempDir,
}

impl Gateway {
    /// One target at the vendor; more is added to the setup.
    pub fn before(vendor: &Vendor) -> Setup {
        Setup::at(&vendor.base_url())
    }

    /// Starts the binary with this configuration and waits until it answers.
    pub fn start(setup: &Setup) -> Gateway {
        Gateway::start_with(&setup.yaml(), setup)
    }

    /// Starts the binary with another text for a configuration, and the environment of this setup.
    pub fn start_with(text: &str, setup: &Setup) -> Gateway {
        let gateway = Gateway::launch(Some(text), &setup.env);
        gateway.wait_until_up();
        gateway
    }

    /// Starts the binary with a listener that this harness cannot speak to; waits for its word instead.
    pub fn start_tls(setup: &Setup) -> Gateway {
        let gateway = Gateway::launch(Some(&setup.yaml()), &setup.env);
        let started = gateway
            .log
            .wait(START, |line| line["msg"] == "ferrogw started");
        assert!(
            started.is_some(),
            "the gateway does not start: {}",
            gateway.everything_said()
        );
        gateway
    }

    /// Starts the binary and returns the moment it accepts a connection.
    pub fn start_unwatched(setup: &Setup) -> Gateway {
        let gateway = Gateway::launch(Some(&setup.yaml()), &setup.env);
        let end = Instant::now() + START;
        while std::net::TcpStream::connect(gateway.addr).is_err() {
            assert!(
                Instant::now() < end,
                "nobody listens: {}",
                gateway.everything_said()
            );
        }
        gateway
    }

    /// Starts the binary without a configuration file.
    pub fn without_config(env: &[(&str, &str)]) -> Gateway {
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let gateway = Gateway::launch(None, &env);
        gateway.wait_until_up();
        gateway
    }

    fn launch(config: Option<&str>, env: &[(String, String)]) -> Gateway {
        let dir = TempDir::new().expect("a temporary directory");
        let addr = free_address();
        let listen = addr.to_string();
        let mut command = binary::command(&["serve", "--listen", &listen]);
        if let Some(text) = config {
            std::fs::write(dir.path().join("config.yaml"), text)
                .expect("the config can be written");
            command.arg("--config").arg(dir.path().join("config.yaml"));
        }
        command
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(dir.path());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let log = Log::follow(child.stdout.take().expect("stdout is piped"));
        let console = Log::follow(child.stderr.take().expect("stderr is piped"));
        Gateway {
            child: Mutex::new(child),
            addr,
            log,
            console,
            dir,
        }
    }

    fn wait_until_up(&self) {
        let end = Instant::now() + START;
        while !Call::get("/livez")
            .try_send(self.addr)
            .is_ok_and(|answer| answer.status() == 200)
        {
            let ended = self
                .child
                .lock()
                .expect("no test panics here")
                .try_wait()
                .expect("a child can be asked");
            assert!(
                ended.is_none(),
                "the gateway ended with {ended:?}: {}",
                self.everything_said()
            );
            assert!(
                Instant::now() < end,
                "the gateway does not answer: {}",
                self.everything_said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.dir.path().join("config.yaml")
    }

    /// Replaces the configuration file in one step, as deployments do.
    pub fn rewrite_config(&self, text: &str) {
        let fresh = self.dir.path().join("config.new");
        std::fs::write(&fresh, text).expect("the config can be written");
        std::fs::rename(fresh, self.config_path()).expect("the config can be replaced");
    }

    /// Sends a call as it is.
    pub fn send(&self, call: &Call) -> Answer {
        call.send(self.addr)
    }

    /// Sends a call with the app's key.
    pub fn ask(&self, call: Call) -> Answer {
        self.send(&call.bearer(keys::APP.token))
    }

    /// Sends a chat with the app's key.
    pub fn chat(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.ask(Call::chat(body))
    }

    /// Sends a chat with the app's key and reads no further than the head of the answer.
    pub fn open_chat(&self, body: impl Into<Vec<u8>>) -> Live {
        Call::chat(body).bearer(keys::APP.token).open(self.addr)
    }

    /// A connection to it.
    pub fn connect(&self) -> Connection {
        Connection::open(self.addr).expect("the gateway accepts")
    }

    /// Its metrics.
    pub fn metrics(&self) -> Samples {
        let answer = self.send(&Call::get("/metrics").bearer(keys::EYES.token));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        Samples::read(&answer.text())
    }

    /// The access line of an answer; fails when there is none, or more than one.
    pub fn access(&self, answer: &Answer) -> Value {
        self.access_by_id(
            answer
                .header("x-request-id")
                .expect("every answer has an id"),
        )
    }

    /// The access line with this trace id.
    pub fn access_by_id(&self, id: &str) -> Value {
        let is = |line: &Value| line["msg"] == "request" && line["trace_id"] == id;
        let line = self
            .log
            .wait(crate::SOON, is)
            .unwrap_or_else(|| panic!("no access line of {id}: {}", self.everything_said()));
        let lines = self.log.objects().into_iter().filter(is).count();
        assert_eq!(lines, 1, "one call, one line: {id}");
        line
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("kill can be run");
        assert!(sent.success(), "kill -s {name} {pid}");
    }

    /// Waits for it to end by itself.
    pub fn wait_for_end(&self, patience: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + patience;
        loop {
            let ended = self
                .child
                .lock()
                .expect("no test panics here")
                .try_wait()
                .expect("a child can be asked");
            if ended.is_some() || Instant::now() >= end {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("the process is there");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("a process has a size");
        line.split_whitespace()
            .next()
            .and_then(|digits| digits.parse().ok())
            .expect("a number")
    }

    /// Both outputs, for messages of failing tests.
    pub fn everything_said(&self) -> String {
        format!(
            "stdout:\n{}\nstderr:\n{}",
            self.log.lines().join("\n"),
            self.console.lines().join("\n")
        )
    }

    /// The directory it runs in.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn pid(&self) -> u32 {
        self.child.lock().expect("no test panics here").id()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the gateway at {} said:\n{}",
                self.addr,
                self.everything_said()
            );
        }
        if let Ok(child) = self.child.get_mut() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An address nobody listens on. Taken from below the range that outgoing connections use, and from a
/// different part of it by each test process, so that nobody takes it in between.
pub fn free_address() -> SocketAddr {
    const FIRST: u16 = 20_000;
    const PORTS: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id().wrapping_mul(257);
    loop {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = start.wrapping_add(step) % u32::from(PORTS);
        let port = FIRST + u16::try_from(offset).expect("less than PORTS");
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}
