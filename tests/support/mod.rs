//! Real servers for the tests, and what stands between them and us.

pub mod apiserver;
pub mod git_server;
pub mod gitea;
pub mod image_shelf;
pub mod proxies;
pub mod registry;
pub mod scripted_registry;
pub mod servers;
pub mod sshd;
pub mod tcp_proxy;
pub mod tls_front;
pub mod writer;
