//! A real kube-apiserver with its etcd, RBAC on, and the resource definitions of Argo CD and of this program.
//!
//! One pair serves the whole test process ([`ApiServer::shared`]), each test in a namespace of its own. Tests that watch
//! all namespaces, want other resource definitions or stop the server own a pair ([`ApiServer::own`]).

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use argocd_image_updater::api::v1alpha1;
use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::{
    api::{
        core::v1::{Namespace, ServiceAccount},
        rbac::v1::{Role, RoleBinding, RoleRef, Subject},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
    config::{Config, KubeConfigOptions, Kubeconfig},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::servers::{self, Household};

const TOKEN: &str = "admin-token-of-the-tests";

/// How long a server may take to start. Generous, because it starts while everything else is being compiled.
const PATIENCE: Duration = Duration::from_mins(2);

/// A kube-apiserver and its etcd.
pub struct ApiServer {
    household: Household,
    ca: String,
    address: SocketAddr,
    etcd: Mutex<Child>,
    process: Mutex<Option<Child>>,
    namespaces: AtomicUsize,
}

/// Who asks.
#[derive(Clone, Copy)]
pub enum User<'a> {
    /// May do everything.
    Admin,
    /// A service account, with the rights that were bound to it.
    ServiceAccount {
        /// Its namespace.
        namespace: &'a str,
        /// Its name.
        name: &'a str,
    },
}

impl ApiServer {
    /// The one that all tests share, with all resource definitions.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceLock<ApiServer> = OnceLock::new();
        let start = || SHARED.get_or_init(|| Self::own(&definitions()));
        tokio::task::spawn_blocking(start).await.expect("the API server starts")
    }

    /// A new one with these resource definitions. Ends when it is dropped.
    pub fn own(definitions: &[Value]) -> Self {
        let household = Household::new("apiserver");
        let mut server = Self {
            ca: write_keys(household.folder()),
            etcd: Mutex::new(start_etcd(&household)),
            household,
            address: free_address(),
            process: Mutex::new(None),
            namespaces: AtomicUsize::new(0),
        };
        // Another process may take the port before the server does.
        for _ in 0..2 {
            if server.try_start().is_ok() {
                break;
            }
            server.address = free_address();
        }
        if !server.is_running() {
            server.start();
        }
        server.on_own_runtime(|client| async move {
            for definition in definitions {
                install(&client, definition).await;
            }
        });
        server
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the API server; etcd stays.
    pub fn stop(&self) {
        if let Some(mut process) = self.process().take() {
            end(&mut process);
        }
    }

    /// Starts the API server again, at the same address.
    pub fn start(&self) {
        if let Err(why) = self.try_start() {
            panic!(
                "{why}\n{}\n{}",
                self.household.log("etcd"),
                self.household.log("kube-apiserver")
            );
        }
    }

    fn try_start(&self) -> Result<(), &'static str> {
        let process = self.household.spawn("kube-apiserver", &self.command());
        *self.process() = Some(process);
        self.on_own_runtime(|client| async move {
            let began = Instant::now();
            loop {
                let request = http::Request::get("/readyz").body(Vec::new()).expect("a request");
                if client.request_text(request).await.is_ok() {
                    return Ok(());
                }
                if !self.is_running() {
                    return Err("the API server ended");
                }
                if began.elapsed() > PATIENCE {
                    self.stop();
                    return Err("the API server does not get ready");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }

    fn is_running(&self) -> bool {
        let mut process = self.process();
        process
            .as_mut()
            .is_some_and(|p| p.try_wait().expect("our own child").is_none())
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client for an administrator, of the runtime that asks for it.
    pub fn client(&self) -> Client {
        self.client_via(self.address, User::Admin)
    }

    /// The same, for a service account with the rights that were bound to it.
    pub fn client_as(&self, namespace: &str, name: &str) -> Client {
        self.client_via(self.address, User::ServiceAccount { namespace, name })
    }

    /// The same, through a proxy at `address`.
    pub fn client_via(&self, address: SocketAddr, user: User<'_>) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = self.kubeconfig_text(address, user, "default");
        let kubeconfig = Kubeconfig::from_yaml(&text).expect("a kubeconfig");
        let load = || {
            let options = KubeConfigOptions::default();
            runtime().block_on(Config::from_custom_kubeconfig(kubeconfig, &options))
        };
        // A test may be inside a runtime already.
        let config = std::thread::scope(|scope| scope.spawn(load).join().expect("no panic"));
        Client::try_from(config.expect("a usable kubeconfig")).expect("a client")
    }

    /// A kubeconfig file for a child process of an administrator. Removed with the server.
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_via(self.address, User::Admin, "default")
    }

    /// The same for anybody, through a proxy at `address`, with the namespace of its context.
    pub fn kubeconfig_via(&self, address: SocketAddr, user: User<'_>, namespace: &str) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = self.household.folder().join(format!("kubeconfig-{count}"));
        std::fs::write(&path, self.kubeconfig_text(address, user, namespace)).expect("a written file");
        path
    }

    /// A new namespace.
    pub async fn namespace(&self) -> String {
        let count = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{count}");
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let api: Api<Namespace> = Api::all(self.client());
        api.create(&PostParams::default(), &namespace)
            .await
            .expect("a new namespace");
        name
    }

    /// Creates a service account in `namespace` that has exactly the rights of an installation of the original.
    pub async fn original_account(&self, namespace: &str) -> &'static str {
        let account = "argocd-image-updater-controller";
        let text = std::fs::read_to_string(servers::source("tests/fixtures/original-roles.yaml")).expect("a fixture");
        let roles: Vec<Role> = documents(&text)
            .into_iter()
            .map(|d| serde_json::from_value(d).expect("a Role"))
            .collect();
        self.account(namespace, account, &roles).await;
        account
    }

    /// Creates a service account in `namespace` with these rights.
    pub async fn account(&self, namespace: &str, name: &str, roles: &[Role]) {
        let metadata = |name: &str| ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
        let account = ServiceAccount {
            metadata: metadata(name),
            ..ServiceAccount::default()
        };
        let create = PostParams::default();
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        accounts.create(&create, &account).await.expect("a new service account");
        for role in roles {
            let role_name = role.metadata.name.clone().expect("a named role");
            let binding = RoleBinding {
                metadata: metadata(&format!("{role_name}-of-{name}")),
                role_ref: RoleRef {
                    api_group: "rbac.authorization.k8s.io".to_owned(),
                    kind: "Role".to_owned(),
                    name: role_name,
                },
                subjects: Some(vec![Subject {
                    kind: "ServiceAccount".to_owned(),
                    name: name.to_owned(),
                    namespace: Some(namespace.to_owned()),
                    ..Subject::default()
                }]),
            };
            let roles: Api<Role> = Api::namespaced(self.client(), namespace);
            roles.create(&create, role).await.expect("a new role");
            let bindings: Api<RoleBinding> = Api::namespaced(self.client(), namespace);
            bindings.create(&create, &binding).await.expect("a new role binding");
        }
    }

    fn kubeconfig_text(&self, address: SocketAddr, user: User<'_>, namespace: &str) -> String {
        let mut credentials = json!({"token": TOKEN});
        if let User::ServiceAccount { namespace, name } = user {
            credentials["as"] = json!(format!("system:serviceaccount:{namespace}:{name}"));
            credentials["as-groups"] = json!([
                "system:serviceaccounts",
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated",
            ]);
        }
        // JSON is YAML.
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": format!("https://{address}"),
                "certificate-authority-data": STANDARD.encode(&self.ca),
            }}],
            "users": [{"name": "test", "user": credentials}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        })
        .to_string()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(servers::path("kube-apiserver"));
        command.arg(format!("--secure-port={}", self.address.port())).args([
            "--etcd-servers=unix://etcd.sock",
            "--bind-address=127.0.0.1",
            // Anything but loopback; without it the server asks the routing table.
            "--advertise-address=192.0.2.1",
            "--tls-cert-file=server.crt",
            "--tls-private-key-file=server.key",
            "--cert-dir=certs",
            "--authorization-mode=RBAC",
            "--token-auth-file=tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=accounts.pub",
            "--service-account-signing-key-file=accounts.key",
            "--service-cluster-ip-range=10.0.0.0/24",
            // Waits for token controllers that do not run here.
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
        ]);
        command
    }

    /// Runs `work` to its end on a thread and a runtime of its own: a test may be inside a runtime already.
    fn on_own_runtime<'a, T: Send, F: Future<Output = T>>(&'a self, work: impl FnOnce(Client) -> F + Send + 'a) -> T {
        let run = || {
            let runtime = runtime();
            let client = {
                let _inside = runtime.enter();
                self.client()
            };
            runtime.block_on(work(client))
        };
        let done = std::thread::scope(|scope| scope.spawn(run).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.stop();
        end(self.etcd.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Kills at once: on SIGTERM the API server takes its time, and nothing here is kept.
fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

fn start_etcd(household: &Household) -> Child {
    // Sockets, not ports: no other process can take them. Relative, because long paths are refused.
    let (url, peer) = ("unix://etcd.sock", "unix://peer.sock");
    let mut command = Command::new(servers::path("etcd"));
    command
        .args([
            "--name=test",
            "--data-dir=etcd",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ])
        .arg(format!("--listen-client-urls={url}"))
        .arg(format!("--advertise-client-urls={url}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=test={peer}"));
    household.spawn("etcd", &command)
}

/// The resource definitions of Argo CD and of this program.
pub fn definitions() -> Vec<Value> {
    let folder = servers::path("argocd-crds");
    let mut all: Vec<Value> = ["application-crd.yaml", "appproject-crd.yaml"]
        .iter()
        .flat_map(|file| documents(&std::fs::read_to_string(folder.join(file)).expect("a resource definition")))
        .collect();
    all.push(serde_json::to_value(v1alpha1::crd()).expect("a resource definition"));
    all
}

/// The documents of a YAML text.
pub fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    yaml_serde::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).expect("YAML"))
        .filter(|document| !document.is_null())
        .collect()
}

/// Waits until `condition` is true, and fails after 30 seconds, saying `what` was expected.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn install(client: &Client, definition: &Value) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let definition: CustomResourceDefinition =
        serde_json::from_value(definition.clone()).expect("a CustomResourceDefinition");
    let name = definition.metadata.name.clone().expect("a named definition");
    api.create(&PostParams::default(), &definition)
        .await
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    eventually(&format!("{name} is served"), || async {
        let now = api.get(&name).await.expect("the definition");
        let conditions = now.status.and_then(|status| status.conditions).unwrap_or_default();
        conditions
            .iter()
            .any(|c| c.type_ == "Established" && c.status == "True")
    })
    .await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, servers::free_port()).into()
}

/// Writes the certificate of the server, the keys for service accounts and the token of the administrator; returns the
/// certificate of the authority.
fn write_keys(folder: &Path) -> String {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("a written file");
    let key = || KeyPair::generate().expect("a key");

    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = key();
    let authority_certificate = authority.self_signed(&authority_key).expect("a certificate");
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = CertificateParams::new(names).expect("two names");
    let server_key = key();
    let issuer = Issuer::new(authority, authority_key);
    write(
        "server.crt",
        server.signed_by(&server_key, &issuer).expect("a certificate").pem(),
    );
    write("server.key", server_key.serialize_pem());

    let accounts = key();
    write("accounts.key", accounts.serialize_pem());
    write("accounts.pub", accounts.public_key_pem());
    write("tokens.csv", format!("{TOKEN},admin,admin,\"system:masters\"\n"));
    authority_certificate.pem()
}
