//! `cargo xtask bench`: what ferrogw costs beside nginx.
//!
//! It builds what it measures and itself in release, starts everything on this
//! machine, and writes a report. It never fails for a number, unless `--check`
//! asks for that; it does fail for a single wrong answer.

mod answer;
mod histogram;
pub(crate) mod hyper_proxy;
mod load;
mod machine;
mod measure;
mod nginx;
mod process;
mod report;
mod scenario;
mod settings;
mod spread;
mod verdict;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::task::LocalSet;

use crate::flags::Flags;
use crate::install;
use crate::service::{Program, Ready, Service, free_port};
use crate::shell;
use crate::system;

use machine::{Clock, Placement};
use measure::{Contender, Keep, Pace, Proxy, Series};
use nginx::Nginx;
use process::Meter;
use report::Run;
use scenario::Scenario;

struct Options {
    quick: bool,
    /// Fail when a limit is missed.
    check: bool,
    pin: bool,
    out: PathBuf,
    proxies: Vec<Proxy>,
    scenarios: Option<Vec<String>>,
    /// The gateway's binary and the one with the mock in it.
    gateway: PathBuf,
    mock: PathBuf,
}

impl Options {
    fn read(flags: &mut Flags) -> Result<Self> {
        let target = shell::target_dir()?;
        let release = target.join("release").join("ferrogw");
        let binary = |value: Option<String>| value.map_or_else(|| release.clone(), PathBuf::from);
        let quick = flags.switch("--quick");
        let report = if quick {
            target.join("bench").join("quick.md")
        } else {
            shell::root().join("docs").join("benchmarks.md")
        };
        Ok(Self {
            quick,
            check: flags.switch("--check"),
            pin: !flags.switch("--no-pin"),
            out: flags.value("--out")?.map_or(report, PathBuf::from),
            proxies: proxies(flags.list("--proxies")?)?,
            scenarios: flags.list("--scenarios")?,
            gateway: binary(flags.value("--gateway")?),
            mock: binary(flags.value("--mock")?),
        })
    }

    fn scenarios(&self) -> Result<Vec<Scenario>> {
        let mut all = scenario::all();
        let Some(wanted) = &self.scenarios else {
            return Ok(all);
        };
        let names: Vec<_> = all.iter().map(|scenario| scenario.name).collect();
        if let Some(name) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
            bail!("no scenario `{name}`, there are {}", names.join(", "));
        }
        all.retain(|scenario| wanted.iter().any(|name| name == scenario.name));
        Ok(all)
    }

    fn runs(&self, proxy: Proxy) -> bool {
        self.proxies.contains(&proxy)
    }
}

fn proxies(names: Option<Vec<String>>) -> Result<Vec<Proxy>> {
    let Some(names) = names else {
        return Ok(Proxy::ALL.to_vec());
    };
    let mut chosen = Vec::new();
    for name in names {
        let proxy = Proxy::ALL.into_iter().find(|proxy| proxy.name() == name);
        let known = Proxy::ALL.map(Proxy::name).join(", ");
        chosen.push(proxy.with_context(|| format!("no proxy `{name}`, there are {known}"))?);
    }
    ensure!(
        chosen.iter().any(|proxy| *proxy != Proxy::Direct),
        "--proxies names nothing to measure"
    );
    Ok(chosen)
}

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let words = flags.words();
    let options = Options::read(&mut flags)?;
    // Given by ourselves: this is the release build, and all else is built too.
    let built = flags.switch("--built");
    flags.finish()?;
    if !built {
        return build_and_start(&options, &words);
    }
    let folder = shell::target_dir()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;

    let run = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(LocalSet::new().run_until(measured(&options, &folder)))?;

    if let Some(parent) = options.out.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&options.out, run.markdown())
        .with_context(|| format!("cannot write {}", options.out.display()))?;
    println!("{}", run.markdown());
    println!("written to {}", options.out.display());
    tell(&run, options.check)
}

/// Prints each limit with what was found; with `check`, a missed one fails.
fn tell(run: &Run, check: bool) -> Result<()> {
    let verdicts = run.verdicts();
    for verdict in &verdicts {
        let met = if verdict.met { "met   " } else { "MISSED" };
        println!(
            "{met}  {}: {}, at most {}",
            verdict.what, verdict.found, verdict.limit
        );
    }
    let missed = verdicts.iter().filter(|verdict| !verdict.met).count();
    if check && missed > 0 {
        bail!("{missed} of {} limits missed", verdicts.len());
    }
    Ok(())
}

/// Builds the programs in release and hands over to the release build of this
/// one, since the generator and the bare proxy are part of it.
fn build_and_start(options: &Options, words: &[String]) -> Result<()> {
    if options.runs(Proxy::Nginx) {
        install::ensure(&install::NGINX)?;
    }
    let target = shell::target_dir()?.join("release");
    let ferrogw = target.join("ferrogw");
    let mut packages = vec!["xtask"];
    if options.mock == ferrogw || (options.runs(Proxy::Ferrogw) && options.gateway == ferrogw) {
        packages.push("ferrogw");
    }
    for package in packages {
        let mut build = shell::cargo();
        build.args(["build", "--release", "--package", package]);
        shell::step(&format!("cargo build --release -p {package}"), &mut build)?;
    }
    let mut bench = Command::new(target.join("xtask"));
    bench.arg("bench").args(words).arg("--built");
    shell::step("bench", &mut bench)
}

/// Everything that was started, in the order in which it ends.
struct Stage {
    contenders: Vec<Contender>,
    nginx: Option<Nginx>,
    others: Vec<Service>,
    gateway_config: String,
    mock: Service,
}

impl Stage {
    /// Programs that ended by themselves.
    fn fates(&mut self) -> Vec<String> {
        let nginx = self.nginx.as_mut().map(|nginx| &mut nginx.service);
        let services = nginx.into_iter().chain(&mut self.others);
        let all = services.chain([&mut self.mock]);
        all.filter_map(Service::fate).collect()
    }
}

/// What was measured, in the order in which it was.
struct Numbers {
    keeps: Vec<Keep>,
    nginx_settings: Vec<String>,
    full: Vec<Series>,
    half: Vec<Series>,
}

async fn measured(options: &Options, folder: &Path) -> Result<Run> {
    let pace = if options.quick {
        Pace::QUICK
    } else {
        Pace::FULL
    };
    let placement = Placement::choose(options.pin)?;
    let mut scenarios = options.scenarios()?;
    placement.settle_here()?;
    let (began, clock) = (Instant::now(), Clock::now());
    let ours = Meter::new(std::process::id());
    let before = ours.cpu();

    let mut stage = start(options, folder, &placement, scenarios.len())?;
    let numbers = numbers(&mut stage, &mut scenarios, &pace, placement.threads).await;
    let numbers = numbers.map_err(|error| match stage.fates().as_slice() {
        [] => error,
        fates => error.context(fates.join("\n")),
    })?;

    let now = Clock::now();
    let own = ours.cpu().since(&before);
    let mut facts = machine::facts();
    if options.runs(Proxy::Ferrogw) {
        let gateway = options.gateway.display().to_string();
        facts.push(("ferrogw", machine::said(&gateway, &["--version"])));
    }
    Ok(Run {
        quick: options.quick,
        pace,
        facts,
        placement,
        scenarios,
        full: numbers.full,
        half: numbers.half,
        keeps: numbers.keeps,
        nginx_settings: numbers.nginx_settings,
        nginx_config: stage.nginx.map(|nginx| nginx.example).unwrap_or_default(),
        gateway_config: stage.gateway_config,
        stolen: now.stolen_since(clock),
        others: now.others_since(clock, own),
        took: began.elapsed(),
    })
}

async fn numbers(
    stage: &mut Stage,
    scenarios: &mut [Scenario],
    pace: &Pace,
    threads: usize,
) -> Result<Numbers> {
    println!("memory ...");
    let keeps = measure::memory(&stage.contenders, pace).await?;
    measure::rehearse(&stage.contenders, scenarios).await?;
    println!("nginx's cheapest settings ...");
    let nginx_settings = tune(stage, scenarios, pace).await?;
    println!("full load ...");
    let full = measure::closed_loop(&stage.contenders, scenarios, pace, threads).await?;
    println!("half load ...");
    let half = measure::half_load(&stage.contenders, scenarios, pace, threads, &full).await?;
    Ok(Numbers {
        keeps,
        nginx_settings,
        full,
        half,
    })
}

/// Starts the mock, and before it every proxy that is to be measured.
fn start(
    options: &Options,
    folder: &Path,
    placement: &Placement,
    scenarios: usize,
) -> Result<Stage> {
    let cpus = placement.proxy.as_deref();
    let threads = placement.threads;
    let address = free_port()?;
    let program = system::mock(&options.mock, address)
        .args(["--no-record".to_owned(), format!("--threads={threads}")])
        .on(placement.rest.as_deref());
    let mock = Service::start("mock", &program, address, &Ready::Accepts, folder)?;
    let mut stage = Stage {
        contenders: Vec::new(),
        nginx: None,
        others: Vec::new(),
        gateway_config: String::new(),
        mock,
    };
    let mock = stage.mock.address();
    for proxy in &options.proxies {
        let (meter, address) = match proxy {
            Proxy::Nginx => {
                let nginx = Nginx::start(mock, folder, threads, cpus)?;
                let running = of(&nginx.service);
                stage.nginx = Some(nginx);
                running
            }
            Proxy::Hyper => {
                let service = hyper_proxy(mock, folder, threads, cpus)?;
                let running = of(&service);
                stage.others.push(service);
                running
            }
            Proxy::Ferrogw => {
                let (service, config) = gateway(options, mock, folder, threads, cpus)?;
                let running = of(&service);
                stage.others.push(service);
                stage.gateway_config = config;
                running
            }
            Proxy::Direct => (None, mock),
        };
        stage.contenders.push(Contender {
            proxy: *proxy,
            meter,
            addresses: vec![address; scenarios],
            at_rest: address,
            started: Instant::now(),
        });
    }
    Ok(stage)
}

fn of(service: &Service) -> (Option<Meter>, SocketAddr) {
    (Some(Meter::new(service.pid())), service.address())
}

fn hyper_proxy(
    mock: SocketAddr,
    folder: &Path,
    threads: usize,
    cpus: Option<&str>,
) -> Result<Service> {
    let listen = free_port()?;
    let program = Program::new(std::env::current_exe()?)
        .args([
            "hyper-proxy".to_owned(),
            format!("--listen={listen}"),
            format!("--upstream={mock}"),
            format!("--threads={threads}"),
        ])
        .on(cpus);
    Service::start("hyper", &program, listen, &Ready::Accepts, folder)
}

fn gateway(
    options: &Options,
    mock: SocketAddr,
    folder: &Path,
    threads: usize,
    cpus: Option<&str>,
) -> Result<(Service, String)> {
    let listen = free_port()?;
    let config = settings::yaml(mock, threads);
    let file = folder.join("ferrogw.yaml");
    fs::write(&file, &config)?;
    let program = system::gateway(&options.gateway, listen, &file).on(cpus);
    let ready = Ready::Answers("/livez");
    let service = Service::start("ferrogw", &program, listen, &ready, folder)?;
    Ok((service, config))
}

/// Finds nginx's cheapest settings in each scenario, sends its calls there and
/// says what they are.
async fn tune(stage: &mut Stage, scenarios: &[Scenario], pace: &Pace) -> Result<Vec<String>> {
    let is_nginx = |contender: &&mut Contender| contender.proxy == Proxy::Nginx;
    let (Some(nginx), Some(contender)) = (&stage.nginx, stage.contenders.iter_mut().find(is_nginx))
    else {
        return Ok(Vec::new());
    };
    let meter = Meter::new(nginx.service.pid());
    let mut settings = Vec::new();
    for (scenario, address) in scenarios.iter().zip(&mut contender.addresses) {
        let variant = measure::cheapest(scenario, meter, &nginx.variants, pace).await?;
        *address = variant.address;
        settings.push(variant.describe());
    }
    Ok(settings)
}
