//! How git is run, by the variables that Argo CD's programs have for it.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{core::duration::GoDuration, engine::app_tokens, git::MirrorOptions};

/// Where host keys are, unless `ARGOCD_SSH_DATA_PATH` names another folder.
const SSH_DATA: &str = "/app/config/ssh";
/// Where CA certificates are, unless `ARGOCD_TLS_DATA_PATH` names another folder.
const TLS_DATA: &str = "/app/config/tls";
/// Looked into as well: the first folder may be one that holds the webhook's own certificate only. Argo CD's ConfigMap
/// `argocd-tls-certs-cm` can be mounted here as it is.
const TLS_CERTS: &str = "/app/config/tls-certs";

/// How mirrors are kept and git is run: this very program answers git's and ssh's questions.
pub(super) fn options() -> std::io::Result<MirrorOptions> {
    Ok(options_by(env::current_exe()?, &|name| env::var(name).ok()))
}

fn options_by(program: PathBuf, variable: &dyn Fn(&str) -> Option<String>) -> MirrorOptions {
    let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
    let folder = |name, default: &str| PathBuf::from(variable(name).unwrap_or_else(|| default.to_owned()));
    let mut options = MirrorOptions::new(program);
    let transport = &mut options.transport;
    transport.ssh_known_hosts = folder("ARGOCD_SSH_DATA_PATH", SSH_DATA).join("ssh_known_hosts");
    transport.tls_dirs = vec![
        folder("ARGOCD_TLS_DATA_PATH", TLS_DATA),
        Path::new(TLS_CERTS).to_owned(),
    ];
    for (name, limit) in [
        ("ARGOCD_EXEC_TIMEOUT", &mut transport.timeout),
        ("ARGOCD_EXEC_FATAL_TIMEOUT", &mut transport.kill_after),
    ] {
        match variable(name).map(|text| text.trim().parse::<GoDuration>()) {
            Some(Ok(duration)) if duration.to_std() > Duration::ZERO => *limit = duration.to_std(),
            Some(_) => tracing::warn!("{name} is not a duration like 90s; {}s is used", limit.as_secs()),
            None => {}
        }
    }
    transport.app_tokens = Some(app_tokens());
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_move_folders_and_limits() {
        let program = || PathBuf::from("us");
        let transport = options_by(program(), &|_| None).transport;
        assert_eq!(transport.ssh_known_hosts, Path::new("/app/config/ssh/ssh_known_hosts"));
        assert_eq!(
            transport.tls_dirs,
            ["/app/config/tls", "/app/config/tls-certs"].map(PathBuf::from)
        );
        assert_eq!(transport.timeout, Duration::from_secs(90));
        let transport = options_by(program(), &|name| {
            let value = match name {
                "ARGOCD_SSH_DATA_PATH" => "/ssh",
                "ARGOCD_TLS_DATA_PATH" => "/tls",
                "ARGOCD_EXEC_TIMEOUT" => "2m",
                "ARGOCD_EXEC_FATAL_TIMEOUT" => "soon",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .transport;
        assert_eq!(transport.ssh_known_hosts, Path::new("/ssh/ssh_known_hosts"));
        assert_eq!(transport.tls_dirs[0], Path::new("/tls"));
        assert_eq!(transport.timeout, Duration::from_mins(2));
        assert_eq!(transport.kill_after, Duration::from_secs(10));
    }
}
