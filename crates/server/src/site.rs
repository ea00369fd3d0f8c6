//! What the server side of the running configuration needs, derived once per reload.

use std::net::IpAddr;
use std::sync::Arc;

use config::Config;
use ipnet::IpNet;

use crate::cors::Cors;
use crate::rate::RateLimit;

/// Rules of the edge that a reload replaces as a whole.
pub(crate) struct Site {
    /// Whose forwarding headers are believed.
    pub trusted: Vec<IpNet>,
    /// Which browsers may call.
    pub cors: Cors,
    /// The numbers of the limit.
    rate: config::RateLimit,
    /// The limit for callers without a valid key.
    pub limit: Arc<RateLimit>,
}

impl Site {
    /// The rules of a configuration. The rate limit's memory is kept when its numbers are the same.
    pub(crate) fn build(config: &Config, previous: Option<&Site>) -> Site {
        let server = &config.server;
        let limit = match previous {
            Some(site) if site.rate == server.rate_limit => site.limit.clone(),
            _ => Arc::new(RateLimit::new(
                server.rate_limit.rps,
                server.rate_limit.burst.into(),
            )),
        };
        Site {
            trusted: server.trusted_proxies.clone(),
            cors: Cors::new(&server.cors_origins),
            rate: server.rate_limit,
            limit,
        }
    }

    /// The client's own address, behind the proxies that are trusted.
    pub(crate) fn client(&self, peer: IpAddr, headers: &http::HeaderMap) -> IpAddr {
        crate::address::client_address(peer, headers, &self.trusted)
    }
}
