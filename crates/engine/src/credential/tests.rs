//! Credentials against local stand-ins of the services that grant them: targets built as the config
//! builds them, and calls that reach a vendor's stand-in with what was granted.

mod aws;
mod google;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use providers::Provider;
use serde_json::json;
use wire::fault::Fault;

use crate::stand_in::{Says, StandIn, says};
use crate::target::{BuildError, Lasting, Target};
use crate::upstream::{Upstream, VendorBody};

/// A target in the making.
struct Plan {
    auth: serde_json::Value,
    spec: config::Target,
    env: HashMap<String, String>,
}

/// A target of a vendor with this kind of credential, at the stand-in.
fn plan(auth: serde_json::Value, vendor: &StandIn) -> Plan {
    Plan {
        auth,
        spec: config::Target {
            virtual_key: "acme".into(),
            base_url: Some(format!("{}/v1", vendor.url())),
            ..config::Target::default()
        },
        env: HashMap::new(),
    }
}

impl Plan {
    fn env(mut self, name: &str, value: impl Into<String>) -> Plan {
        self.env.insert(name.into(), value.into());
        self
    }

    /// What the target's `auth` says.
    fn auth(mut self, written: serde_json::Value) -> Plan {
        self.spec.auth = Some(serde_json::from_value(written).unwrap());
        self
    }

    fn build_in(&self, lasting: &Lasting) -> Result<Target, BuildError> {
        let row = json!({"id": "acme", "base_url": "https://acme.test/v1", "auth": self.auth});
        let provider: Provider = serde_json::from_value(row).unwrap();
        let env = |name: &str| self.env.get(name).cloned();
        Target::build(&self.spec, Arc::new(provider), &env, lasting)
    }

    fn build(&self) -> Target {
        self.build_in(&Lasting::default()).unwrap()
    }

    fn refused(&self) -> String {
        match self.build_in(&Lasting::default()) {
            Ok(_) => panic!("it should not build"),
            Err(error) => error.to_string(),
        }
    }
}

/// A vendor that answers whatever it is asked.
async fn vendor() -> StandIn {
    StandIn::saying(says(200, "{}")).await
}

async fn call(target: &Target) -> Result<Response<VendorBody>, Fault> {
    let body = Bytes::from_static(b"{\"model\":\"m\"}");
    let request = target
        .chat_request("m", None, None, body, target.pick_key(0))
        .unwrap();
    target.send(&Upstream::new(), Box::new(request)).await
}

fn granted(token: &str) -> Says {
    says(
        200,
        json!({"access_token": token, "expires_in": 3600}).to_string(),
    )
}

/// Lets time pass for everything that waits or looks at a clock.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// A file with this text, which ends with the folder.
fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
