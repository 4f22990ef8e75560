//! `registries check`: whether the registries file can be used, every registry in it answers, and each takes the credentials
//! that are configured for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use futures::{StreamExt as _, stream};
use serde::Serialize;
use tokio::time::timeout;

use super::{
    document,
    printer::{self, Page, progress},
    run::Exit,
    world::read_registries_conf,
};
use crate::{
    cluster::{Cluster, connect},
    core::{
        image::ImageRef,
        registries::{EntryWarning, RegistriesConf, RegistryProfile},
    },
    engine::{credentials::Secrets, observe::Observer},
    registry::{self, Login, Registries, RegistryError},
    secret::RedactedUrl,
    settings::{
        REGISTRIES_CONF_PATH,
        look::{OutputFormat, RegistriesCheckArgs},
    },
    telemetry::{self, LogFormat, LogLevel},
};

/// How many registries are asked at once.
const PARALLEL: usize = 16;
/// The longest that one registry may take, its credentials and its login included.
const PATIENCE: Duration = Duration::from_secs(45);

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether every registry is well.
    pub ok: bool,
    /// What is odd in the file, each naming its entry and key.
    pub warnings: Vec<String>,
    /// The registries, in the order of the file; then mirrors without an entry of their own.
    pub registries: Vec<Row>,
}

/// One registry.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The name of its entry.
    pub name: String,
    /// The images it serves.
    pub prefix: String,
    /// Where it is.
    pub api_url: String,
    /// Whether it is well.
    pub ok: bool,
    /// Whether it answers as a registry does.
    pub reachable: bool,
    /// Who says that it is the right one.
    pub tls: Tls,
    /// What became of the credentials.
    pub credentials: Credentials,
    /// What is odd and no failure. It stands in `note` as well.
    pub warnings: Vec<String>,
    /// What is wrong, or worth knowing; empty when nothing is.
    pub note: String,
    /// What to do about it; empty when nothing has to be done.
    pub remedy: String,
}

/// How a server proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tls {
    /// It does not: plain http.
    None,
    /// Its certificate is not checked.
    Insecure,
    /// By a CA of the system, or one in a folder of CA files.
    Checked,
    /// By a CA of the entry, or of the system.
    OwnCa,
    /// And we show a certificate as well.
    Mutual,
}

/// What became of the credentials of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Credentials {
    /// There are none, and none are needed to ask.
    Anonymous,
    /// There are none, but the registry wants some.
    Missing,
    /// The registry takes them.
    Accepted,
    /// The registry does not want any.
    NotAsked,
    /// The registry refuses them, or could not say.
    Refused,
    /// They cannot be read.
    Unreadable,
    /// It did not come to that.
    NotTried,
}

/// Prints how every registry does.
pub async fn check(args: RegistriesCheckArgs) -> anyhow::Result<Exit> {
    telemetry::init(args.loglevel.unwrap_or(LogLevel::Warn), LogFormat::Text);
    let report = tokio::select! {
        report = make(&args) => report?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    };
    let text = match args.output.unwrap_or_default() {
        OutputFormat::Text => printer::registries::text(&report, Page::of_stdout(args.color.unwrap_or_default())),
        OutputFormat::Json => document::json(&report)?,
        OutputFormat::Yaml => document::yaml(&report)?,
    };
    printer::to_stdout(&text)?;
    Ok(if report.ok { Exit::Success } else { Exit::Failure })
}

async fn make(args: &RegistriesCheckArgs) -> anyhow::Result<Report> {
    let conf = match args.conf.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => read_registries_conf(path, true)?,
        None => read_registries_conf(REGISTRIES_CONF_PATH, false)?,
    };
    let warnings = conf.warnings().iter().map(ToString::to_string).collect();
    let asked = asked(&conf);
    let registries = Registries::new(Arc::new(conf), registry::Options::default());
    let observer = Observer::new(registries, secrets(args, &asked).await);
    let count = asked.len();
    let done = AtomicUsize::new(0);
    let work = stream::iter(asked)
        .map(|asked| async {
            let row = row(&observer, asked).await;
            done.fetch_add(1, Ordering::Relaxed);
            row
        })
        .buffered(PARALLEL)
        .collect::<Vec<_>>();
    let told = || format!("{} of {count} registries asked", done.load(Ordering::Relaxed));
    let registries = progress::during(work, told).await;
    Ok(Report {
        ok: registries.iter().all(|row| row.ok),
        warnings,
        registries,
    })
}

/// A registry that is asked, and why it is although it has no entry.
struct Asked {
    profile: Arc<RegistryProfile>,
    note: String,
    warnings: Vec<EntryWarning>,
}

/// The entries, and whatever else would be asked because of them.
fn asked(conf: &RegistriesConf) -> Vec<Asked> {
    let entries = conf.entries().iter();
    let mut asked: Vec<_> = entries
        .map(|profile| Asked {
            profile: Arc::clone(profile),
            note: String::new(),
            warnings: conf.warnings_of(profile).cloned().collect(),
        })
        .collect();
    if asked.is_empty() {
        asked.push(Asked {
            profile: conf.lookup(&image("", "busybox")),
            note: "built in".to_owned(),
            warnings: Vec::new(),
        });
    }
    for entry in conf.entries() {
        for mirror in &entry.mirrors {
            let profile = conf.lookup(&mirror.image(""));
            if !asked.iter().any(|known| known.profile == profile) {
                let note = format!("mirror of {}", entry.name);
                let warnings = Vec::new();
                asked.push(Asked {
                    profile,
                    note,
                    warnings,
                });
            }
        }
    }
    asked
}

fn image(registry: &str, name: &str) -> ImageRef {
    ImageRef {
        registry: registry.to_owned(),
        name: name.to_owned(),
        version: None,
    }
}

/// Where Secrets come from: the cluster, when credentials lie in one. Without it everything else can be checked.
async fn secrets(args: &RegistriesCheckArgs, asked: &[Asked]) -> Secrets {
    let is_secret = |asked: &Asked| {
        let parsed = asked.profile.credentials.as_ref();
        let parsed = parsed.and_then(|parsed| parsed.as_ref().ok());
        parsed.is_some_and(|reference| reference.namespace().is_some())
    };
    if !asked.iter().any(is_secret) {
        return Secrets::Unavailable("no cluster is connected".to_owned());
    }
    let kubeconfig = args.kubeconfig.as_deref().filter(|path| !path.as_os_str().is_empty());
    match connect::client(kubeconfig).await {
        Ok((client, _)) => Secrets::Cluster(Cluster::new(client)),
        Err(why) => Secrets::Unavailable(format!("no cluster is connected: {why:#}")),
    }
}

async fn row(observer: &Observer, asked: Asked) -> Row {
    let Asked {
        profile,
        note,
        warnings,
    } = asked;
    let mut row = Row {
        name: profile.name.clone(),
        prefix: profile.prefix.clone(),
        // A text that is no URL may hold a password.
        api_url: RedactedUrl::new(&profile.api_url)
            .to_string()
            .trim_end_matches('/')
            .to_owned(),
        ok: true,
        reachable: false,
        tls: tls(&profile),
        credentials: Credentials::NotTried,
        warnings: Vec::new(),
        note,
        remedy: String::new(),
    };
    let known = timeout(PATIENCE, ask(observer, &profile, &mut row)).await;
    if known.is_err() {
        let note = format!("there is no answer within {} s", PATIENCE.as_secs());
        row.fail(&note, "see why it is slow, or whether a firewall swallows what is sent");
    }
    let known = known.unwrap_or_default();
    for warning in warnings.iter().filter(|warning| !known.contains(&warning.key)) {
        row.warned(warning);
    }
    row
}

/// Fills the row, and names the keys of the entry that failed and are told already.
async fn ask(observer: &Observer, profile: &Arc<RegistryProfile>, row: &mut Row) -> Vec<&'static str> {
    let mut known = Vec::new();
    let cycle = observer.cycle(jiff::Timestamp::now());
    let credentials = Box::pin(observer.profile_credentials(&cycle, profile)).await;
    let unreadable = credentials.as_ref().err().map(|verdict| verdict.message.clone());
    match observer.registries().check(profile, credentials.ok().flatten()).await {
        Err(error) => {
            if let RegistryError::InvalidSetting { key, .. } = &error {
                known.push(*key);
            }
            row.fail(&error.to_string(), remedy(&error));
        }
        Ok(login) => {
            row.reachable = true;
            if unreadable.is_none() {
                row.logged_in(login);
            }
        }
    }
    if let Some(why) = unreadable {
        known.push("credentials");
        row.credentials = Credentials::Unreadable;
        row.fail(
            &why,
            "let `credentials` of the entry name what is there and can be read",
        );
    }
    known
}

impl Row {
    fn fail(&mut self, note: &str, remedy: &str) {
        self.ok = false;
        self.tell(note, remedy);
    }

    fn tell(&mut self, note: &str, remedy: &str) {
        for (text, more) in [(&mut self.note, note), (&mut self.remedy, remedy)] {
            if !text.is_empty() && !more.is_empty() {
                text.push_str("; ");
            }
            text.push_str(more);
        }
    }

    fn warn(&mut self, note: &str, remedy: &str) {
        self.warnings.push(note.to_owned());
        self.tell(note, remedy);
    }

    /// What is odd in the entry. A part of it that does nothing is a failure: whoever wrote it counts on it.
    fn warned(&mut self, warning: &EntryWarning) {
        if warning.is_idle {
            self.fail(&warning.words(), &format!("mend `{}` of the entry", warning.key));
        } else {
            self.warn(&warning.words(), "");
        }
    }

    fn logged_in(&mut self, login: Login) {
        self.credentials = match login {
            Login::NotAsked => Credentials::NotAsked,
            Login::Anonymous => Credentials::Anonymous,
            Login::Accepted => Credentials::Accepted,
            Login::Missing => {
                self.warn(
                    "it asks for user and password; images need a pull secret of their own",
                    "give the entry `credentials`, unless every image has a pull secret",
                );
                Credentials::Missing
            }
            Login::Failed(RegistryError::Unauthorized { reason, .. } | RegistryError::Forbidden { reason, .. }) => {
                self.fail(
                    reason.as_str(),
                    "put the right user and password where `credentials` of the entry points to",
                );
                Credentials::Refused
            }
            Login::Failed(error) => {
                self.fail(&error.to_string(), remedy(&error));
                Credentials::Refused
            }
        };
    }
}

/// What to do about a registry that cannot be asked.
fn remedy(error: &RegistryError) -> &'static str {
    match error {
        RegistryError::InvalidSetting { .. } => "mend this key of the entry",
        RegistryError::RateLimited { .. } => "check again then; a `limit` in the entry keeps it from happening",
        error if error.to_string().contains("certificate") => {
            "name in `ca_file` or `ca_data` the CA certificates, or the server's own (self-signed), or use the host that the \
             certificate is for"
        }
        _ => "see that `api_url` is right, and that it can be reached from here: DNS, network policies, `proxy`",
    }
}

fn tls(profile: &RegistryProfile) -> Tls {
    if !profile.api_url.starts_with("https://") {
        Tls::None
    } else if profile.insecure {
        Tls::Insecure
    } else if profile.client_cert.is_some() {
        Tls::Mutual
    } else if profile.ca_file.is_some() || profile.ca_data.is_some() {
        Tls::OwnCa
    } else {
        Tls::Checked
    }
}
