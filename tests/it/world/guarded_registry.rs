//! The reference implementation of an OCI registry behind a guard: TLS, passwords or tokens, and a largest page. A process of
//! its own for a test; it serves what was pushed into the open one.

use std::{
    path::PathBuf,
    process::{Child, Command},
    time::Duration,
};

use serde_json::{Value, json};

use super::ReferenceRegistry;
use crate::support::{
    scripted_registry::Internet,
    servers::{self, Household},
};

/// The most tags that it lists on one page.
pub const PAGE: usize = 100;

/// Whom it lets in.
pub enum Guard {
    /// Lines of an htpasswd file, with bcrypt.
    Passwords(String),
    /// Who has a token of this server, signed with one of these keys (a JSON Web Key Set), for the service `guarded`.
    Tokens { realm: String, keys: Value },
}

/// A running registry.
pub struct GuardedRegistry {
    address: String,
    household: Household,
    process: Child,
}

impl Drop for GuardedRegistry {
    fn drop(&mut self) {
        // The household ends what is left.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl GuardedRegistry {
    /// Starts one that serves what `open` has, with a certificate of the CA of `net`.
    pub async fn start(open: &ReferenceRegistry, net: &Internet, guard: Guard) -> Self {
        let household = Household::new("guarded-registry");
        let file = |name: &str, text: &str| {
            let path = household.folder().join(name);
            std::fs::write(&path, text).expect("a writable folder");
            path
        };
        let (certificate, key) = net.certificate("127.0.0.1");
        let auth = match guard {
            Guard::Passwords(lines) => json!({ "htpasswd": { "realm": "guarded", "path": file("htpasswd", &lines) } }),
            Guard::Tokens { realm, keys } => json!({ "token": {
                "realm": realm, "service": "guarded", "issuer": "tests", "jwks": file("keys.json", &keys.to_string()),
            } }),
        };
        let conf = json!({
            "version": "0.1",
            "log": { "level": "info" },
            "storage": { "filesystem": { "rootdirectory": open.storage() } },
            "tags": { "maxtags": PAGE },
            "auth": auth,
            "http": {
                "addr": "127.0.0.1:0",
                "tls": { "certificate": file("server.pem", &certificate), "key": file("server.key", &key) },
            },
        });
        let mut command = Command::new(servers::path("registry"));
        command.arg("serve").arg(file("config.yml", &conf.to_string()));
        let process = household.spawn("registry", &command);
        let address = listening(&household).await;
        Self {
            address,
            household,
            process,
        }
    }

    /// `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The password file, which is read anew when it changes.
    pub fn htpasswd(&self) -> PathBuf {
        self.household.folder().join("htpasswd")
    }
}

/// Where the registry says that it listens. A port that was chosen for it could be taken by another test meanwhile.
async fn listening(household: &Household) -> String {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let log = household.log("registry");
        let said = log
            .split("listening on ")
            .nth(1)
            .and_then(|rest| rest.split_once(", tls"));
        if let Some((address, _)) = said {
            return address.to_owned();
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "the registry does not listen:\n{log}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
