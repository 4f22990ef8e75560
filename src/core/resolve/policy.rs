//! How the tag of one image is picked, from its merged settings: each text becomes a type, or a verdict that names it.

use std::time::Duration;

use crate::{
    api::v1alpha1::ImageConfig,
    core::{
        duration::GoDuration,
        foreign::ForeignText,
        image::ImageRef,
        report::Remark,
        resolve::{
            merged::{Field, Merged, given},
            origin::Origin,
            patterns::Patterns,
        },
        strategy::{Extract, FilterList, Policy, PolicyOptions, SortOrder, StrategyKind, TagFilter},
        verdict::{Reason, Verdict},
    },
};

/// The policy of the image that stands at `origin`. What has no effect is a warning.
pub(super) fn resolve(
    image: &ImageConfig,
    origin: &Origin,
    reference: &ImageRef,
    merged: &Merged,
    patterns: &Patterns,
    warnings: &mut Vec<Remark>,
) -> Result<Policy, Verdict> {
    let strategy = strategy(merged, warnings);
    let options = PolicyOptions {
        filter: filter(image, origin, merged, patterns)?,
        extract: extract(merged, patterns)?,
        order: order(merged)?,
        minimum_age: minimum_age(merged)?,
        allow_downgrade: merged.settings.allow_downgrade == Some(true),
        pin_digest: merged.settings.pin_digest == Some(true),
    };
    warn_of_no_effect(strategy, &options, merged, warnings);
    let constraint = reference.version.as_ref().map_or("", |version| &version.tag);
    Policy::parse(strategy, constraint, options).map_err(|verdict| Verdict {
        message: format!("{}: {}", origin.field("imageName"), verdict.message),
        ..verdict
    })
}

/// An unknown strategy is semver, with a warning.
fn strategy(merged: &Merged, warnings: &mut Vec<Remark>) -> StrategyKind {
    let Some(name) = given(merged.settings.update_strategy.as_ref()) else {
        return StrategyKind::Semver;
    };
    let (strategy, known) = StrategyKind::parse(name);
    if !known {
        let message = format!("{:?} is no strategy, so semver is used", ForeignText::new(name));
        warnings.push(merged.remark(&Field::UPDATE_STRATEGY, message));
    }
    strategy
}

fn filter(image: &ImageConfig, origin: &Origin, merged: &Merged, patterns: &Patterns) -> Result<TagFilter, Verdict> {
    for short in image.allow_tags.iter().flatten() {
        // Each by itself: joined, two halves of an expression could make a whole.
        TagFilter::compile(Some(&format!("regexp:{}", short.regex)), &[])
            .map_err(|e| Verdict::new(Reason::InvalidPattern, format!("{}: {e}", origin.field("allowTags"))))?;
    }
    let allow = merged.settings.allow_tags.as_deref().unwrap_or("");
    let ignore = merged.settings.ignore_tags.as_deref().unwrap_or(&[]);
    patterns.filter(allow, ignore).map_err(|error| {
        let field = match error.list() {
            FilterList::Allow => &Field::ALLOW_TAGS,
            FilterList::Ignore => &Field::IGNORE_TAGS,
        };
        merged.refused(Reason::InvalidPattern, field, &error)
    })
}

fn extract(merged: &Merged, patterns: &Patterns) -> Result<Option<Extract>, Verdict> {
    given(merged.settings.extract.as_ref())
        .map(|text| patterns.extract(text))
        .transpose()
        .map_err(|e| merged.refused(Reason::InvalidPattern, &Field::EXTRACT, &e))
}

fn order(merged: &Merged) -> Result<SortOrder, Verdict> {
    match given(merged.settings.order.as_ref()) {
        None => Ok(SortOrder::Asc),
        Some(text) if text.eq_ignore_ascii_case("asc") => Ok(SortOrder::Asc),
        Some(text) if text.eq_ignore_ascii_case("desc") => Ok(SortOrder::Desc),
        Some(text) => {
            let why = format!("{:?} is no order; use asc or desc", ForeignText::new(text));
            Err(merged.refused(Reason::InvalidSetting, &Field::ORDER, &why))
        }
    }
}

/// No time at all is the same as no minimum.
fn minimum_age(merged: &Merged) -> Result<Option<Duration>, Verdict> {
    let Some(text) = given(merged.settings.minimum_age.as_ref()) else {
        return Ok(None);
    };
    let refused = |why: &dyn std::fmt::Display| merged.refused(Reason::InvalidSetting, &Field::MINIMUM_AGE, why);
    let age: GoDuration = text.parse().map_err(|e| refused(&e))?;
    if age.is_negative() {
        return Err(refused(&format!(
            "{age} is less than no time; use 0s or more (example: 72h)"
        )));
    }
    Ok((!age.is_zero()).then(|| age.to_std()))
}

/// What is set, and changes nothing about the pick.
fn warn_of_no_effect(strategy: StrategyKind, options: &PolicyOptions, merged: &Merged, warnings: &mut Vec<Remark>) {
    let extract = match strategy {
        _ if options.extract.is_none() => None,
        StrategyKind::Digest => Some("the strategy digest follows one tag, so this has no effect; remove it"),
        StrategyKind::NewestBuild => Some(
            "the strategy newest-build compares dates, so this only leaves out tags that it does not match; use allowTags",
        ),
        StrategyKind::Semver | StrategyKind::Numerical | StrategyKind::Alphabetical => None,
    };
    warnings.extend(extract.map(|message| merged.remark(&Field::EXTRACT, message.to_owned())));
    if options.order == SortOrder::Desc && !strategy.strategy().has_order() {
        let message =
            format!("desc has no effect with the strategy {strategy}; remove it, or use numerical or alphabetical");
        warnings.push(merged.remark(&Field::ORDER, message));
    }
}
