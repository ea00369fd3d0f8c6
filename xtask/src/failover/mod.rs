//! `cargo xtask failover`: the demonstration of `docs/failover.md`. Three mock vendors are killed,
//! stalled and rate limited under load; no client may see an error, and the gateway's access lines say
//! where the calls went.

mod load;
mod report;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, Result, ensure};

use crate::flags::Flags;
use crate::service::{Ready, Service, free_port};
use crate::{shell, system};
use report::{Report, Row};

/// The vendors, by the addresses at which the file of the demonstration has them.
const VENDORS: [(&str, &str); 3] = [
    ("one", "127.0.0.1:9101"),
    ("two", "127.0.0.1:9102"),
    ("three", "127.0.0.1:9103"),
];

/// What is done to a vendor before a phase.
#[derive(Clone, Copy)]
enum Deed {
    Nothing,
    Kill(usize),
    Start(usize),
    /// Gives it a script.
    Script(usize, &'static str),
    /// Takes the script away.
    Forgive(usize),
}

const STALL: &str = r#"{"stall": true, "path": "/chat/completions", "times": 1000000}"#;
const LIMIT: &str =
    r#"{"status": 429, "retry_after": 3, "path": "/chat/completions", "times": 1000000}"#;

const PHASES: [(&str, Deed); 7] = [
    ("all are well", Deed::Nothing),
    ("`one` is killed", Deed::Kill(0)),
    ("`one` is started again", Deed::Start(0)),
    ("`two` takes calls and answers none", Deed::Script(1, STALL)),
    ("`two` answers again", Deed::Forgive(1)),
    ("`three` says 429, come back in 3 s", Deed::Script(2, LIMIT)),
    ("`three` answers again", Deed::Forgive(2)),
];

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let write = flags.switch("--write");
    let seconds = match flags.value("--seconds")? {
        None => 8,
        Some(text) => text
            .parse()
            .with_context(|| format!("--seconds does not accept `{text}`"))?,
    };
    let binary = shell::target_dir()?.join("debug").join("ferrogw");
    let binary = match flags.value("--gateway")? {
        Some(binary) => PathBuf::from(binary),
        None => {
            let mut build = shell::cargo();
            build.args(["build", "--package", "ferrogw"]);
            shell::step("cargo build -p ferrogw", &mut build)?;
            binary
        }
    };
    flags.finish()?;
    let folder = shell::target_dir()?.join("failover");
    fs::create_dir_all(&folder)?;
    let mut stage = Stage::start(&binary, &folder)?;
    let mut report = Report::default();
    for (what, deed) in PHASES {
        println!("{what} ...");
        report
            .rows
            .push(stage.phase(what, deed, Duration::from_secs(seconds))?);
    }
    println!("\n{}", report.table());
    if write {
        report.write(&shell::root().join("docs").join("failover.md"))?;
    }
    let errors: usize = report.rows.iter().map(|row| row.errors).sum();
    ensure!(errors == 0, "clients saw {errors} errors");
    Ok(())
}

/// The programs.
struct Stage {
    gateway: Service,
    vendors: [Option<Service>; 3],
    addresses: [SocketAddr; 3],
    binary: PathBuf,
    folder: PathBuf,
    /// How much of the gateway's log has been read.
    read: usize,
}

impl Stage {
    fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let addresses = [free_port()?, free_port()?, free_port()?];
        let file = shell::root().join("docs").join("failover.yaml");
        let mut text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        for ((_, written), address) in VENDORS.iter().zip(addresses) {
            text = text.replace(written, &address.to_string());
        }
        let config = folder.join("failover.yaml");
        fs::write(&config, text)?;
        let mut vendors = [None, None, None];
        for (number, vendor) in vendors.iter_mut().enumerate() {
            *vendor = Some(vendor_of(binary, folder, number, addresses[number])?);
        }
        let listen = free_port()?;
        let program = system::gateway(binary, listen, &config);
        let ready = Ready::Answers("/readyz");
        Ok(Self {
            gateway: Service::start("gateway", &program, listen, &ready, folder)?,
            vendors,
            addresses,
            binary: binary.to_path_buf(),
            folder: folder.to_path_buf(),
            read: 0,
        })
    }

    /// The deed is done while calls are under way, and calls go on for so long.
    fn phase(&mut self, what: &'static str, deed: Deed, length: Duration) -> Result<Row> {
        let load = load::start(self.gateway.address());
        thread::sleep(Duration::from_millis(200));
        self.do_it(deed)?;
        thread::sleep(length);
        let seen = load.stop()?;
        // Lines are written behind the calls.
        thread::sleep(Duration::from_millis(500));
        let log = fs::read_to_string(self.folder.join("gateway.log"))?;
        let lines = log.get(self.read..).unwrap_or_default();
        self.read = log.len();
        Row::of(what, &seen, lines)
    }

    fn do_it(&mut self, deed: Deed) -> Result<()> {
        match deed {
            Deed::Nothing => {}
            Deed::Kill(number) => drop(self.vendors[number].take()),
            Deed::Start(number) => {
                let address = self.addresses[number];
                let vendor = vendor_of(&self.binary, &self.folder, number, address)?;
                self.vendors[number] = Some(vendor);
            }
            Deed::Script(number, script) => {
                load::ask(self.addresses[number], "POST", "/_mock/script", script)?;
            }
            Deed::Forgive(number) => {
                load::ask(self.addresses[number], "DELETE", "/_mock/script", "")?;
            }
        }
        Ok(())
    }
}

fn vendor_of(binary: &Path, folder: &Path, number: usize, address: SocketAddr) -> Result<Service> {
    let (name, _) = VENDORS[number];
    let program = system::mock(binary, address)
        .args(["--no-record", "--behaviour=latency=20ms..60ms;size=200"]);
    Service::start(name, &program, address, &Ready::Accepts, folder)
}
