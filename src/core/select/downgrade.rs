//! What runs, or is written and about to run, is not replaced by something that ranks lower.

use super::{
    Ages, Known, Query,
    ranking::Contender,
    walk::{Passed, Walk},
};
use crate::core::{
    image::{ImageVersion, TagName},
    strategy::{Created, Need, Ranked},
    verdict::{Reason, Verdict},
};

/// Lets a pick through, with what a person should know about it, unless a tag that runs or is written fits the policy and
/// ranks higher: a registry that lost a tag must not take an application back, nor may a rollout or a sync that is not
/// over yet.
///
/// A tag that is listed no more is compared by its name, or by the last date that is remembered; where neither says
/// anything, the pick goes through. A tag that the policy does not admit says nothing, so that a changed constraint may
/// well go down.
pub(super) fn guard(query: Query<'_>, walk: &Walk<'_>, best: &Contender<'_>) -> Result<Option<String>, Verdict> {
    let situation = query.situation;
    let tag = |version: &ImageVersion| TagName::new(&version.tag);
    let higher = |tag: &TagName| {
        let why = (tag != best.tag).then(|| unusable(query, walk, tag)).flatten()?;
        is_higher(query, walk, tag, best).then_some(why)
    };
    if !query.policy.options().allow_downgrade {
        let running = situation.live.into_iter().chain(situation.beside).filter_map(tag);
        let running = running.filter_map(|tag| Some(("runs", higher(&tag)?, tag)));
        let written = situation.written.and_then(tag);
        let written = written.and_then(|tag| Some(("is written, does not run yet", higher(&tag)?, tag)));
        if let Some((state, why, tag)) = running.chain(written).next() {
            let message = format!(
                "{tag} {state} and ranks higher than {}, the best that can be used, but {why}",
                best.tag
            );
            let is_unverified = walk.unverified().any(|(unverified, _)| *unverified == tag);
            let reason = if is_unverified {
                Reason::NotVerified
            } else {
                Reason::WouldDowngrade
            };
            return Err(Verdict::new(reason, message));
        }
    }
    let replaced = situation.live.and_then(tag).filter(|_| !best.replaced);
    let lost = replaced.and_then(|tag| Some((unusable(query, walk, &tag)?, tag)));
    Ok(lost.map(|(why, tag)| format!("{tag} was running, but {why}")))
}

/// Why a tag that fits the policy cannot be picked.
fn unusable(query: Query<'_>, walk: &Walk<'_>, tag: &TagName) -> Option<String> {
    if !query.tags.tags.contains(tag) {
        return Some("the registry does not list it any more".to_owned());
    }
    let passed = walk.passed.iter().find(|(contender, _)| contender.tag == tag);
    let passed = passed.map(|(_, passed)| passed);
    let by_facts = query.policy.strategy().strategy().need(query.order) != Need::Name;
    let why = match (passed, query.known.get(tag)) {
        (Some(Passed::Waits(waiting)), _) => {
            let ages = Ages::of(query.policy, query.situation.now, &query.situation.first_seen)?;
            return Some(format!("it is too young: {}", ages.words(waiting)));
        }
        (Some(Passed::Unverified(why)), _) => return Some(format!("it is not verified: {why}")),
        (Some(Passed::Unread), _) => return Some("it was not looked at yet".to_owned()),
        (Some(Passed::Excluded(why) | Passed::Refused(why)), _) => *why,
        (None, Some(Known::Excluded(why) | Known::Refused(why))) if by_facts => why.as_str(),
        (None, _) => return None,
    };
    Some(format!("it cannot be used any more: {why}"))
}

fn is_higher(query: Query<'_>, walk: &Walk<'_>, tag: &TagName, best: &Contender<'_>) -> bool {
    let Ok(read) = query.policy.admit(tag) else {
        return false;
    };
    // Equally good ones are passed over as well.
    let passed = walk.passed.iter().find(|(contender, _)| contender.tag == tag);
    if let Some((passed, _)) = passed {
        return passed.running || query.policy.compare(&passed.key, &best.key).is_gt();
    }
    let created = query.situation.dates.get(tag);
    let ranked = Ranked {
        read,
        position: None,
        order: query.order,
        created: created.map_or(Created::Unknown, |date| Created::At(*date)),
    };
    let key = query.policy.strategy().strategy().key(ranked);
    key.is_some_and(|key| query.policy.compare(&key, &best.key).is_gt())
}
