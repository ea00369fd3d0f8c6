//! Ways to addresses that are no target's, such as that of a newer catalog.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::{Lasting, proxy};
use crate::upstream::{Transport, Way};

/// A connection has this long to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Makes ways with nothing of a target's: the usual authorities, the environment's proxies.
pub(crate) struct PlainWays<'a> {
    pub(crate) lasting: &'a Lasting,
    pub(crate) env: &'a (dyn Fn(&str) -> Option<String> + Send + Sync),
}

impl PlainWays<'_> {
    /// The way to an address with this origin.
    pub(crate) fn to(&self, url: &str, origin: Uri) -> Result<Arc<Way>, String> {
        let trusted = self.lasting.tls();
        let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let transport = Transport {
            connect_timeout: CONNECT,
            proxy: proxy::of_environment(&|name| (self.env)(name)).to(&uri)?,
            tls: trusted.map_err(|error| error.to_string())?,
        };
        Ok(self.lasting.ways.to(origin, transport))
    }
}
