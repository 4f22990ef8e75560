//! Real servers for the tests, and what stands between them and us.

pub mod apiserver;
pub mod git_server;
pub mod registry;
pub mod servers;
pub mod tcp_proxy;
