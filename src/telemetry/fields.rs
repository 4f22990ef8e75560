//! The spans that give log lines their fixed fields.

use tracing::{Span, info_span};

/// Everything that concerns one ImageUpdater: `imageUpdater_namespace`, `imageUpdater_name`.
pub fn resource(namespace: &str, name: &str) -> Span {
    info_span!("resource", imageUpdater_namespace = namespace, imageUpdater_name = name)
}

/// Everything that concerns one Application, `namespace/name`.
pub fn application(key: &str) -> Span {
    info_span!("application", application = key)
}
