//! Google Artifact Registry and Container Registry: an access token is the password of the user `oauth2accesstoken`.
//!
//! As documented under "Application Default Credentials": the file that `GOOGLE_APPLICATION_CREDENTIALS` names, else the
//! metadata server.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{
    Environment, Given, IdentityError, Login,
    environment::file,
    transport::{Transport, ask, below},
};
use crate::{
    core::{foreign::ForeignText, resolve::credential_ref::Vendor},
    secret::Secret,
};

mod key_file;

use key_file::KeyFile;

/// The user that stands beside an access token.
const USER: &str = "oauth2accesstoken";
/// What a token may do; the roles of the account bound it.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// The host of the metadata server.
const METADATA: &str = "metadata.google.internal";

const REMEDY: &str = "Use Workload Identity Federation for GKE, or name a key file in GOOGLE_APPLICATION_CREDENTIALS";

/// An access token, its life, and whose it is.
struct Access {
    token: Secret,
    life: Duration,
    principal: String,
}

/// The answer of an OAuth2 token endpoint.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Secret,
    #[serde(default)]
    expires_in: u64,
}

impl TokenAnswer {
    fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|_| "its answer has no access_token".to_owned())
    }

    fn access(self, principal: String) -> Access {
        Access {
            token: self.access_token,
            life: Duration::from_secs(self.expires_in),
            principal,
        }
    }
}

pub(super) fn is_named(environment: &Environment) -> bool {
    environment.has(FILE)
}

pub(super) async fn login(environment: &Environment, transport: &Transport) -> Result<Given, IdentityError> {
    let access = match environment.get(FILE) {
        Some(path) => {
            let fail = |why: String| IdentityError::failed(Vendor::Gcp, format!("key file ({FILE})"), &why);
            let text = file(&path).await.map_err(fail)?;
            let key = KeyFile::parse(&text).map_err(fail)?;
            let step = format!("{} of {FILE}", key.kind());
            let access = key.access(transport).await;
            access.map_err(|why| IdentityError::failed(Vendor::Gcp, step, &why))?
        }
        None => metadata(environment, transport)
            .await
            .map_err(|why| IdentityError::NoIdentity {
                vendor: Vendor::Gcp.as_str(),
                tried: format!("{FILE} (not set), metadata server ({})", ForeignText::new(&why)),
                remedy: REMEDY,
            })?,
    };
    Ok(Given {
        login: Login {
            username: USER.to_owned(),
            password: access.token,
            source: format!("gcp {}", access.principal),
        },
        life: access.life,
    })
}

/// The account of the machine, or of the pod where GKE stands in for the metadata server.
async fn metadata(environment: &Environment, transport: &Transport) -> Result<Access, String> {
    // The name under which Google's own libraries look for a stand-in: host and port.
    let host = environment.get("GCE_METADATA_HOST");
    let base = Url::parse(&format!("http://{}", host.as_deref().unwrap_or(METADATA)))
        .map_err(|_| "GCE_METADATA_HOST is not host or host:port".to_owned())?;
    let parts = [
        "computeMetadata",
        "v1",
        "instance",
        "service-accounts",
        "default",
        "token",
    ];
    let request = transport.metadata()?.get(below(&base, &parts));
    let body = ask(request.header("metadata-flavor", "Google"), &[]).await?;
    Ok(TokenAnswer::read(&body)?.access("metadata default".to_owned()))
}
