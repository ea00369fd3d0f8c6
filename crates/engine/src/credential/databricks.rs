//! Where a token of a Databricks workspace comes from: a service principal's secret.

use providers::auth::{Granted, Hidden, databricks, token};

use super::net::Net;
use super::recipe::Ground;
use super::seconds;
use crate::target::BuildError;
use crate::target::place::Site;

/// Where a token comes from.
#[derive(Clone, PartialEq)]
pub(super) struct Source {
    workspace: String,
    client_id: String,
    secret: Hidden,
}

/// Where the target's token comes from, if anybody says so. The workspace is the target's own host.
pub(super) fn source(
    ground: &Ground<'_>,
    written: &config::DatabricksAuth,
) -> Result<Option<Source>, BuildError> {
    let id = ground.secret("auth.databricks.client_id", written.client_id.as_ref())?;
    let secret = ground.secret(
        "auth.databricks.client_secret",
        written.client_secret.as_ref(),
    )?;
    let id = id.or_else(|| ground.var("DATABRICKS_CLIENT_ID"));
    let secret = secret.or_else(|| ground.var("DATABRICKS_CLIENT_SECRET"));
    let Some((client_id, secret)) = id.zip(secret) else {
        return match ground.spec.auth {
            Some(_) => Err(ground.lacking(
                "set DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or both in `auth.databricks`",
            )),
            None => Ok(None),
        };
    };
    let site = Site::of(ground.base.as_str()).map_err(|error| ground.wrong("base_url", error))?;
    Ok(Some(Source {
        workspace: site.origin.to_string(),
        client_id,
        secret: Hidden::new(secret),
    }))
}

impl Source {
    /// What it is called in the log.
    pub(super) fn name(&self) -> String {
        format!("service principal {}", self.client_id)
    }

    pub(super) fn secrets(&self) -> Vec<&Hidden> {
        vec![&self.secret]
    }

    /// A token that is good now.
    pub(super) async fn fetch(&self, net: &Net) -> Result<Granted<Hidden>, String> {
        let ask = databricks::ask(&self.workspace, &self.client_id, &self.secret);
        let answer = net.ask(ask.map_err(|error| error.to_string())?).await?;
        token(&answer, seconds()).map_err(|error| error.to_string())
    }
}
