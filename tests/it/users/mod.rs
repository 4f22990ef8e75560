//! What users of this kind of tool suffered from, each a test: one file per class of mistakes.
//!
//! Numbers are issues of the Argo CD Image Updater project. Where a scenario elsewhere in `tests/it` shows the same thing
//! already, it is not told again.

mod converges;
mod converges_in_git;
mod life_cycle;
mod listing;
mod never_down;
mod never_empty;
mod objects;
mod races;
mod sources;

use crate::{support::registry::Registry, world::World};

/// A registry that does what no real one does on request; images below `r.example.com/` come from it. More lines of its
/// entry in `registries.conf` may be given.
async fn scripted(world: &World, settings: &str) -> Registry {
    let registry = Registry::start().await;
    world.write_registries_conf(&format!(
        "registries:\n- name: scripted\n  prefix: r.example.com\n  api_url: {}\n{settings}",
        registry.url()
    ));
    registry
}
