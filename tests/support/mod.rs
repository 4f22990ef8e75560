//! Real servers for the tests, and what stands between them and us.

pub mod apiserver;
pub mod child;
pub mod tcp_proxy;
