//! What git is started with: an environment made from nothing, and the configuration that is the same or made for one run.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::process::Command;

use super::{
    askpass,
    credentials::{Connection, Login, Proxy},
    memory_file::MemoryFile,
    ssh::Ssh,
    transport::TransportOptions,
    url::{RemoteUrl, Scheme},
};
use crate::secret::Secret;

/// What git inherits from our own environment: where programs and temporary files are, proxies, and trust.
const INHERITED: &[&str] = &[
    "PATH",
    "TMPDIR",
    "GIT_EXEC_PATH",
    "LD_LIBRARY_PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
];

/// Those of them that tell which proxy to use.
const PROXIES: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// The rest of git's environment.
pub(super) const FIXED: &[(&str, &str)] = &[
    ("HOME", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // Nothing but what is set for one run.
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_DEFAULT_REF_FORMAT", "files"),
    ("LC_ALL", "C"),
];

/// Configuration of every run.
pub(super) const CONFIGURATION: &[&str] = &[
    "protocol.version=2",
    // A server may redirect the first request (GitLab adds `.git`, GitHub follows renames) but no later one. git asks
    // anew for credentials on another host, and the helper gives them to the original scheme, host and port only.
    "http.followRedirects=initial",
    // Under 1000 bytes a second for 30 seconds is no answer.
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "credential.helper=",
    "core.hooksPath=/dev/null",
    // Mirrors are made anew when they grow too large; nothing runs in the background.
    "gc.auto=0",
    "maintenance.auto=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=false",
];

/// What git inherits, as it is now.
pub(super) fn inherited() -> Vec<(&'static str, OsString)> {
    INHERITED
        .iter()
        .filter_map(|name| Some((*name, env::var_os(name)?)))
        .collect()
}

/// What is made for one run that speaks to a server. Its files live as long as it does.
#[derive(Default)]
pub(super) struct Prepared {
    /// Arguments of `-c`; everybody on the machine can read them.
    settings: Vec<String>,
    variables: Vec<(&'static str, OsString)>,
    removed: &'static [&'static str],
    files: Vec<MemoryFile>,
}

impl Prepared {
    /// For the repository at `url`: no other protocol is spoken, also after a redirect.
    pub(super) fn new(url: &RemoteUrl) -> Self {
        let protocols = match url.scheme() {
            Scheme::Https | Scheme::Http => "http:https",
            Scheme::Ssh => "ssh",
        };
        Self {
            variables: vec![("GIT_ALLOW_PROTOCOL", protocols.into())],
            ..Self::default()
        }
    }

    /// Puts it into effect.
    pub(super) fn apply(&self, command: &mut Command) {
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        for name in self.removed {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// Trusts the CA certificates in a file, and connects to the addresses that were checked (`resolved`).
    pub(super) fn trust(&mut self, bundle: Option<PathBuf>, resolved: Option<String>) {
        self.variables
            .extend(bundle.map(|path| ("GIT_SSL_CAINFO", path.into())));
        self.settings
            .extend(resolved.map(|resolved| format!("http.curloptResolve={resolved}")));
    }

    /// Speaks http or https.
    pub(super) fn web(
        &mut self,
        program: &Path,
        url: &RemoteUrl,
        connection: &Connection,
        login: &Login,
        proxy: Option<&Proxy>,
    ) -> io::Result<()> {
        if connection.insecure {
            self.variables.push(("GIT_SSL_NO_VERIFY", "true".into()));
        }
        if connection.proxy.is_some() {
            // Also where the repository's own proxy is not to be used, that of the environment does not take its place.
            self.removed = PROXIES;
        }
        if let Some(proxy) = proxy {
            for name in ["http_proxy", "https_proxy", "all_proxy"] {
                self.variables.push((name, proxy.url().expose().into()));
            }
        }
        if let Some(shown) = &connection.client_certificate {
            let certificate = self.file(&shown.certificate)?;
            let key = self.file(&shown.key)?;
            self.variables
                .extend([("GIT_SSL_CERT", certificate), ("GIT_SSL_KEY", key)]);
        }
        match login {
            Login::Password {
                username,
                password,
                unasked,
            } => {
                self.variables.extend(askpass::for_password(url, username, password));
                self.settings
                    .push(format!("credential.helper={}", askpass::helper_setting(program)));
                if *unasked {
                    let pair = format!("{}:{}", username.expose(), password.expose());
                    self.header(url, &format!("Basic {}", STANDARD.encode(pair)));
                }
            }
            Login::Bearer(token) => self.header(url, &format!("Bearer {}", token.expose())),
            // A key is for SSH only, and an App has got a token before it comes here.
            Login::Anonymous | Login::SshKey(_) | Login::GitHubApp(_) => {}
        }
        Ok(())
    }

    /// Speaks SSH.
    pub(super) fn ssh(
        &mut self,
        options: &TransportOptions,
        connection: &Connection,
        login: &Login,
        proxy: Option<&Proxy>,
    ) -> io::Result<()> {
        let key = match login {
            Login::SshKey(key) => Some((key, self.file(key.text())?)),
            _ => None,
        };
        let passphrase = key.as_ref().and_then(|(key, path)| Some((key.passphrase()?, path)));
        if let Some((passphrase, path)) = passphrase {
            let answers = askpass::for_passphrase(&options.askpass, path, passphrase);
            self.variables.extend(answers);
        }
        self.variables.extend(proxy.into_iter().flat_map(askpass::for_tunnel));
        let ssh = Ssh {
            key: key.as_ref().map(|(_, path)| Path::new(path)),
            asks: passphrase.is_some(),
            insecure: connection.insecure,
            tunnel: proxy.is_some(),
        };
        self.variables.extend([
            ("GIT_SSH_COMMAND", ssh.command(options).into()),
            ("GIT_SSH_VARIANT", "ssh".into()),
        ]);
        Ok(())
    }

    /// Sends a header of authorization with every request. git would send it to where it is redirected to as well, so it
    /// is not redirected at all.
    fn header(&mut self, url: &RemoteUrl, value: &str) {
        self.settings.push("http.followRedirects=false".to_owned());
        self.variables.extend([
            ("GIT_CONFIG_COUNT", "1".into()),
            ("GIT_CONFIG_KEY_0", format!("http.{}/.extraHeader", url.origin()).into()),
            ("GIT_CONFIG_VALUE_0", format!("Authorization: {value}").into()),
        ]);
    }

    /// The path of a file with this text.
    fn file(&mut self, text: &Secret) -> io::Result<OsString> {
        let file = MemoryFile::new(text)?;
        let path = file.path().as_os_str().to_owned();
        self.files.push(file);
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::GitCredentials;

    fn shown(prepared: &Prepared) -> (String, String) {
        let variables: Vec<_> = prepared
            .variables
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
            .collect();
        (prepared.settings.join("\n"), variables.join("\n"))
    }

    #[test]
    fn arguments_hold_no_secret_whatever_the_login() {
        let url = RemoteUrl::parse("https://git.example.com:8443/a").unwrap();
        let unasked = Login::Password {
            username: "tok3n-user".into(),
            password: "hunter2".into(),
            unasked: true,
        };
        let basic = STANDARD.encode("tok3n-user:hunter2");
        for (login, secrets) in [
            (
                GitCredentials::password("tok3n-user", "hunter2").login,
                vec!["tok3n-user", "hunter2"],
            ),
            (unasked, vec!["tok3n-user", "hunter2", basic.as_str()]),
            (Login::Bearer("t0ken".into()), vec!["t0ken"]),
        ] {
            let mut prepared = Prepared::new(&url);
            let mut connection = Connection {
                proxy: Proxy::parse("http://bob:hunter3@p", "").ok(),
                ..Connection::default()
            };
            connection.insecure = true;
            let proxy = connection.proxy.as_ref();
            prepared
                .web(Path::new("/bin/us"), &url, &connection, &login, proxy)
                .unwrap();
            let (settings, variables) = shown(&prepared);
            for secret in secrets.into_iter().chain(["hunter3"]) {
                assert!(
                    !settings.contains(secret) && variables.contains(secret),
                    "{settings}\n{variables}"
                );
            }
            assert!(variables.contains("GIT_SSL_NO_VERIFY=true"), "{variables}");
            assert!(variables.contains("GIT_ALLOW_PROTOCOL=http:https"), "{variables}");
        }
    }

    #[test]
    fn a_header_is_for_the_origin_and_goes_nowhere_else() {
        let url = RemoteUrl::parse("https://git.example.com:8443/a").unwrap();
        let mut prepared = Prepared::new(&url);
        let login = Login::Bearer("t".into());
        prepared
            .web(Path::new("us"), &url, &Connection::default(), &login, None)
            .unwrap();
        let (settings, variables) = shown(&prepared);
        assert!(settings.contains("http.followRedirects=false"), "{settings}");
        assert!(
            variables.contains("GIT_CONFIG_KEY_0=http.https://git.example.com:8443/.extraHeader"),
            "{variables}"
        );
    }
}
