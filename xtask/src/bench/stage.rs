//! The programs of a run: the mock, and the ways that lead to it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::service::{Program, Ready, Service, free_port};
use crate::system;

use super::machine::Placement;
use super::measure::{self, Contender, Pace, Proxy};
use super::nginx::Nginx;
use super::options::Options;
use super::process::Meter;
use super::scenario::Scenario;
use super::settings;

/// Everything that was started, in the order in which it ends.
pub(crate) struct Stage {
    pub(crate) contenders: Vec<Contender>,
    pub(crate) nginx: Option<Nginx>,
    others: Vec<Service>,
    pub(crate) gateway_config: String,
    mock: Service,
}

impl Stage {
    /// Programs that ended by themselves.
    pub(crate) fn fates(&mut self) -> Vec<String> {
        let nginx = self.nginx.as_mut().map(|nginx| &mut nginx.service);
        let services = nginx.into_iter().chain(&mut self.others);
        let all = services.chain([&mut self.mock]);
        all.filter_map(Service::fate).collect()
    }
}

/// Starts the mock, and before it every proxy that is to be measured.
pub(crate) fn start(
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
pub(crate) async fn tune(
    stage: &mut Stage,
    scenarios: &[Scenario],
    pace: &Pace,
) -> Result<Vec<String>> {
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
