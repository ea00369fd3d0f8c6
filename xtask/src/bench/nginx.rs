//! nginx as a plain keep-alive reverse proxy, tuned to be as cheap as it gets.
//!
//! It serves the same mock on several ports, each with other buffering. A trial
//! picks the cheapest for each scenario, so that nobody can say nginx was held
//! back by a setting.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use crate::install;
use crate::service::{Program, Ready, Service, free_port};

/// How the body of a request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// Whole, before it is passed on; into memory, never to disk.
    Whole,
    /// In pieces of so many KiB, each passed on at once.
    Pieces(u32),
}

impl Request {
    const ALL: [Self; 2] = [Self::Pieces(64), Self::Whole];

    fn settings(self) -> String {
        let (buffering, size) = match self {
            Self::Whole => ("on", 2048),
            Self::Pieces(size) => ("off", size),
        };
        format!("proxy_request_buffering {buffering}; client_body_buffer_size {size}k;")
    }
}

/// One way to buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) address: SocketAddr,
    request: Request,
    /// The answer is read ahead of the client.
    answer: bool,
    /// KiB of each buffer.
    buffer: u32,
}

impl Variant {
    /// Whether a stream's events arrive when they are sent.
    pub(crate) fn keeps_streams_live(&self) -> bool {
        !self.answer
    }

    pub(crate) fn describe(&self) -> String {
        format!("`{} {}`", self.request.settings(), self.answer_settings())
    }

    fn answer_settings(&self) -> String {
        let (answer, buffer) = (if self.answer { "on" } else { "off" }, self.buffer);
        format!("proxy_buffering {answer}; proxy_buffer_size {buffer}k; proxy_buffers 8 {buffer}k;")
    }

    fn server_block(&self, workers: usize) -> String {
        // Spreads connections evenly over the workers.
        let shared = if workers > 1 { " reuseport" } else { "" };
        let address = self.address;
        let (request, answer) = (self.request.settings(), self.answer_settings());
        format!(
            "
    server {{
        listen {address}{shared};
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            {request}
            {answer}
        }}
    }}
"
        )
    }
}

/// Every combination worth trying, each on a free port; the leanest comes first.
fn variants() -> Result<Vec<Variant>> {
    let mut variants = Vec::new();
    for buffer in [4, 16] {
        for answer in [false, true] {
            for request in Request::ALL {
                variants.push(Variant {
                    address: free_port()?,
                    request,
                    answer,
                    buffer,
                });
            }
        }
    }
    Ok(variants)
}

/// A running nginx.
pub(crate) struct Nginx {
    pub(crate) service: Service,
    pub(crate) variants: Vec<Variant>,
    /// Its file, with the first of the variants for all of them.
    pub(crate) example: String,
}

impl Nginx {
    pub(crate) fn start(
        mock: SocketAddr,
        folder: &Path,
        workers: usize,
        cpus: Option<&str>,
    ) -> Result<Self> {
        let variants = variants()?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config(mock, workers, &variants))?;
        let program = Program::new("nginx")
            .args(["-p".into(), folder.as_os_str().to_owned()])
            .args(["-c".into(), file.into_os_string()])
            // Its errors go where its output goes until it has read the file.
            .args(["-e", "stderr"])
            .on(cpus);
        let service = Service::start(
            "nginx",
            &program,
            variants[0].address,
            &Ready::Accepts,
            folder,
        )?;
        Ok(Self {
            service,
            example: config(mock, workers, &variants[..1]),
            variants,
        })
    }
}

/// Paths in it are relative to the folder that nginx is started with.
fn config(mock: SocketAddr, workers: usize, variants: &[Variant]) -> String {
    // Workers of a master that is root would become nobody, who may not use
    // the temporary folder.
    let user = if install::is_root() {
        "user root;\n"
    } else {
        ""
    };
    let mut text = format!(
        "{user}daemon off;
worker_processes {workers};
worker_rlimit_nofile 8192;
pid nginx.pid;
error_log stderr error;
events {{
    worker_connections 8192;
}}
http {{
    access_log off;
    gzip off;
    tcp_nodelay on;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    client_max_body_size 16m;
    client_body_temp_path nginx-body;
    proxy_temp_path nginx-proxy;
    fastcgi_temp_path nginx-fastcgi;
    uwsgi_temp_path nginx-uwsgi;
    scgi_temp_path nginx-scgi;
    upstream mock {{
        server {mock};
        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 600s;
    }}
"
    );
    for variant in variants {
        text.push_str(&variant.server_block(workers));
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_differs_and_half_of_them_keep_streams_live() {
        let variants = variants().unwrap();
        let described: std::collections::HashSet<_> =
            variants.iter().map(Variant::describe).collect();
        assert_eq!(described.len(), variants.len());
        let live = variants.iter().filter(|v| v.keeps_streams_live()).count();
        assert_eq!(live * 2, variants.len());
        assert!(variants[0].keeps_streams_live());
    }

    #[test]
    fn the_file_balances_its_braces_and_names_every_port() {
        let variants = variants().unwrap();
        let mock = "127.0.0.1:9".parse().unwrap();
        let text = config(mock, 1, &variants);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        for variant in variants {
            assert!(text.contains(&format!("listen {};", variant.address)));
        }
    }
}
