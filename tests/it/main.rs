//! Everything that is tested from outside, in one binary.

#![expect(clippy::disallowed_methods, reason = "tests start servers, read files and wait")]

#[expect(unreachable_pub, reason = "`pub` says what a helper offers to the tests")]
#[path = "../support/mod.rs"]
mod support;

mod annotations;
mod architecture;
mod branches;
mod cached;
mod cases;
mod cluster;
mod competing;
mod controller;
mod cosign;
mod current_from;
mod directory;
mod docs;
mod edits;
mod faults;
mod folder;
mod foreign;
mod git;
mod git_credentials;
mod gitea;
mod identity;
mod killed;
mod lease;
mod left_alone;
mod manifests;
mod many_images;
mod ownership;
mod plan;
mod plan_git;
mod reference_registry;
mod registries_check;
mod registries_file;
mod scenarios;
mod schema;
mod selection;
mod settings;
mod signatures;
mod taken_back;
mod telling;
mod template_command;
mod templates;
mod test_command;
mod users;
mod vendors;
#[expect(unreachable_pub, reason = "`pub` says what a helper offers to the tests")]
mod world;
