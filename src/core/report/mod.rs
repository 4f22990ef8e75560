//! What a cycle did, as status, conditions and events.

pub mod events;
