//! What runs is not replaced by something that ranks lower.

use super::{
    Known, Query,
    ranking::Contender,
    walk::{Passed, Walk},
};
use crate::core::{
    image::TagName,
    strategy::{Created, Need, Ranked},
    verdict::{Reason, Verdict},
};

/// Lets a pick through, with what a person should know about it, unless the running tag fits the policy and ranks higher:
/// a registry that lost a tag must not take an application back.
///
/// A running tag that is listed no more is compared by its name, or by the last date that is remembered; where neither
/// says anything, the pick goes through. A running tag that the policy does not admit says nothing, so that a changed
/// constraint may well go down.
pub(super) fn guard(query: Query<'_>, walk: &Walk<'_>, best: &Contender<'_>) -> Result<Option<String>, Verdict> {
    let Some(running) = query.situation.live.and_then(|live| TagName::new(&live.tag)) else {
        return Ok(None);
    };
    let missing = if query.tags.tags.contains(&running) {
        lost(query, walk, &running)
    } else {
        Some("the registry does not list it any more".to_owned())
    };
    let Some(missing) = missing.filter(|_| !best.running) else {
        return Ok(None);
    };
    if !query.policy.options().allow_downgrade && is_higher(query, walk, &running, best) {
        let message = format!(
            "{running} runs and ranks higher than {}, the best that can be used, but {missing}",
            best.tag
        );
        return Err(Verdict::new(Reason::WouldDowngrade, message));
    }
    Ok(Some(format!("{running} was running, but {missing}")))
}

/// Why a running tag that is listed cannot be used.
fn lost(query: Query<'_>, walk: &Walk<'_>, running: &TagName) -> Option<String> {
    let passed = walk.passed.iter().find(|(contender, _)| contender.running);
    let passed = passed.and_then(|(_, passed)| match passed {
        Passed::Excluded(why) | Passed::Refused(why) => Some(*why),
        Passed::Waits(_) | Passed::Unread => None,
    });
    let by_facts = query.policy.strategy().strategy().need(query.order) != Need::Name;
    let dropped = match query.known.get(running).filter(|_| by_facts) {
        Some(Known::Excluded(why) | Known::Refused(why)) => Some(why.as_str()),
        _ => None,
    };
    let why = passed.or(dropped)?;
    Some(format!("it cannot be used any more: {why}"))
}

fn is_higher(query: Query<'_>, walk: &Walk<'_>, running: &TagName, best: &Contender<'_>) -> bool {
    let Ok(read) = query.policy.admit(running) else {
        return false;
    };
    if walk.passed.iter().any(|(contender, _)| contender.running) {
        return true;
    }
    let ranked = Ranked {
        read,
        position: None,
        order: query.order,
        created: query.situation.live_created.map_or(Created::Unknown, Created::At),
    };
    let key = query.policy.strategy().strategy().key(ranked);
    key.is_some_and(|key| query.policy.compare(&key, &best.key).is_gt())
}
