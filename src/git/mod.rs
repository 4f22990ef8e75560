//! Git: reading heads and files of remote repositories, making commits, pushing them.
//!
//! Objects are handled by libgit2 on bare, shallow mirrors without a work tree ([`objects`], [`commit`]); everything that
//! goes over the network is done by the `git` program ([`transport`]). This module does not decide what to write, holds
//! no Kubernetes objects, and never tries again by itself: a refused push says so ([`PushError`]), and who rendered the
//! batch renders it again on the new head.
//!
//! Start at [`Mirrors`]: one fetch and one push serve all who write to one repository with the same credentials.

mod answers;
pub mod app_tokens;
pub mod askpass;
pub mod commit;
pub mod credentials;
mod environment;
mod error;
pub mod heads;
mod memory_file;
mod mirror;
mod mirrors;
pub mod names;
pub mod objects;
mod process;
mod push;
mod redact;
mod repo_path;
mod ssh;
mod store;
mod targets;
pub mod transport;
mod trust;
mod upkeep;
mod url;

pub use app_tokens::{AppTokens, WantedToken};
pub use commit::{NewCommit, Signature};
pub use credentials::{CredentialsIdentity, GitCredentials, GitCredentialsError};
pub use error::{GitError, Unusable};
pub use heads::{BaseError, RemoteHeads};
pub use mirror::Mirror;
pub use mirrors::{Counters, MirrorOptions, Mirrors};
pub use names::{BranchName, InvalidName, ObjectId};
pub use objects::{Entry, EntryKind, FileContent};
pub use push::PushError;
pub use repo_path::RepoPath;
pub use targets::{Found, TargetFault};
pub use url::{GitUrlError, RemoteUrl, Scheme};
