//! Where a token of Entra ID comes from: an application's secret, a workload's token, a machine's
//! identity.

use std::path::PathBuf;

use providers::auth::entra::{AUTHORITY, Application, IMDS, ask_app_service, ask_machine};
use providers::auth::{Granted, Hidden, token};

use super::net::Net;
use super::recipe::Ground;
use super::{file, seconds};
use crate::target::BuildError;

/// Where a token comes from, and what it is for.
#[derive(Clone, PartialEq)]
pub(super) struct Source {
    proof: Proof,
    scope: String,
}

#[derive(Clone, PartialEq)]
enum Proof {
    Secret(Application, Hidden),
    Workload(Application, PathBuf),
    AppService {
        endpoint: String,
        header: Hidden,
        client_id: Option<String>,
    },
    Machine {
        endpoint: String,
        client_id: Option<String>,
    },
}

/// Where the target's token comes from. Only where it `may_ask_the_machine` is there always one.
pub(super) fn source(
    ground: &Ground<'_>,
    written: &config::EntraAuth,
    scope: Option<String>,
    may_ask_the_machine: bool,
) -> Result<Option<Source>, BuildError> {
    let own_scope = ground.text("auth.entra.scope", written.scope.as_ref())?;
    let scope = own_scope
        .or(scope)
        .ok_or_else(|| ground.wrong("auth.entra.scope", "is required"))?;
    let proof = proof(ground, written, may_ask_the_machine)?;
    Ok(proof.map(|proof| Source { proof, scope }))
}

fn proof(
    ground: &Ground<'_>,
    written: &config::EntraAuth,
    may_ask_the_machine: bool,
) -> Result<Option<Proof>, BuildError> {
    let own_client = ground.secret("auth.entra.client_id", written.client_id.as_ref())?;
    let tenant = ground.secret("auth.entra.tenant_id", written.tenant_id.as_ref())?;
    let secret = ground.secret("auth.entra.client_secret", written.client_secret.as_ref())?;
    let authority = ground.text("auth.entra.authority_host", written.authority_host.as_ref())?;
    let client = own_client.clone().or_else(|| ground.var("AZURE_CLIENT_ID"));
    let application = |client_id: String| {
        let tenant = tenant.clone().or_else(|| ground.var("AZURE_TENANT_ID"))?;
        Some(Application {
            authority: authority
                .clone()
                .or_else(|| ground.var("AZURE_AUTHORITY_HOST"))
                .unwrap_or_else(|| AUTHORITY.to_owned()),
            tenant,
            client_id,
        })
    };
    let application = client.clone().and_then(application);
    if let Some(application) = application {
        let written_file = written.federated_token_file.clone();
        let from_env = || {
            ground
                .var("AZURE_CLIENT_SECRET")
                .filter(|_| written_file.is_none())
        };
        if let Some(secret) = secret.or_else(from_env) {
            return Ok(Some(Proof::Secret(application, Hidden::new(secret))));
        }
        let from_env = || ground.var("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from);
        if let Some(file) = written.federated_token_file.clone().or_else(from_env) {
            return Ok(Some(Proof::Workload(application, file)));
        }
    }
    let endpoint = ground.var("IDENTITY_ENDPOINT");
    if let Some((endpoint, header)) = endpoint.zip(ground.var("IDENTITY_HEADER")) {
        return Ok(Some(Proof::AppService {
            endpoint,
            header: Hidden::new(header),
            client_id: client,
        }));
    }
    Ok(may_ask_the_machine.then(|| Proof::Machine {
        endpoint: ground
            .var("AZURE_POD_IDENTITY_AUTHORITY_HOST")
            .unwrap_or_else(|| IMDS.to_owned()),
        client_id: client,
    }))
}

impl Source {
    /// What it is called in the log.
    pub(super) fn name(&self) -> String {
        match &self.proof {
            Proof::Secret(application, _) => format!("entra application {}", application.client_id),
            Proof::Workload(application, _) => format!("entra workload {}", application.client_id),
            Proof::AppService { .. } | Proof::Machine { .. } => "entra managed identity".to_owned(),
        }
    }

    pub(super) fn secrets(&self) -> Vec<&Hidden> {
        match &self.proof {
            Proof::Secret(_, secret) => vec![secret],
            Proof::AppService { header, .. } => vec![header],
            Proof::Workload(..) | Proof::Machine { .. } => Vec::new(),
        }
    }

    /// A token that is good now.
    pub(super) async fn fetch(&self, net: &Net) -> Result<Granted<Hidden>, String> {
        let answer = match &self.proof {
            Proof::Secret(application, secret) => {
                net.ask(application.ask_with_secret(&self.scope, secret))
                    .await
            }
            Proof::Workload(application, path) => {
                let assertion = Hidden::new(file::read(path).await?);
                net.ask(application.ask_with_assertion(&self.scope, &assertion))
                    .await
            }
            Proof::AppService {
                endpoint,
                header,
                client_id,
            } => {
                let ask = ask_app_service(endpoint, header, &self.scope, client_id.as_deref());
                net.ask_near(ask.map_err(|error| error.to_string())?).await
            }
            Proof::Machine {
                endpoint,
                client_id,
            } => {
                let ask = ask_machine(endpoint, &self.scope, client_id.as_deref());
                net.ask_near(ask.map_err(|error| error.to_string())?).await
            }
        };
        token(&answer?, seconds()).map_err(|error| error.to_string())
    }
}
