//! Which tag is picked.

use std::{collections::BTreeMap, sync::Arc};

use argocd_image_updater::core::{
    image::{Digest, TagFacts, TagName},
    matching::glob::Glob,
    select::{self, Knowledge, Known, Question, Selection, Situation, TagList, TagOrder},
    strategy::{Policy, StrategyKind, TagFilter},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    let (strategy, _) = StrategyKind::parse(text("strategy"));
    if Policy::parse(strategy, text("constraint"), TagFilter::default()).is_err() {
        let label = if text("constraint").is_empty() {
            "constraint_required"
        } else {
            "invalid_constraint"
        };
        return Ok(json!({"error": label}));
    }
    // A filter that cannot be read is an error here, and holds the image. The original lets an unreadable allowTags
    // drop every tag, and forgets an unreadable pattern of ignoreTags.
    let ignore: Vec<String> = input["ignore_tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|pattern| Glob::parse(pattern).is_ok())
        .map(str::to_owned)
        .collect();
    let Ok(filter) = TagFilter::compile(input["allow_tags"].as_str(), &ignore) else {
        return Ok(json!({"selected": null}));
    };
    let policy = Policy::parse(strategy, text("constraint"), filter).map_err(|verdict| verdict.to_string())?;
    let order = match text("tag_sort") {
        "" | "none" => TagOrder::None,
        "latest-first" => TagOrder::LatestFirst,
        "latest-last" => TagOrder::LatestLast,
        other => return Err(format!("unknown tag_sort {other}")),
    };
    let tags = input["tags"].as_array().ok_or("no tags")?;
    let list = TagList::from_texts(tags.iter().filter_map(|tag| tag["name"].as_str()));
    let mut known = Knowledge::default();
    let situation = Situation::at(jiff::Timestamp::UNIX_EPOCH);
    let decided = loop {
        match select::select(&policy, &situation, &list, order, &known) {
            Selection::Decided(decided) => break decided.picked,
            Selection::Need(questions) => {
                for Question::Facts(tag) in questions {
                    let answer = answer(tags, &tag)?;
                    known.insert(tag, answer);
                }
            }
        }
    };
    Ok(match decided {
        Ok(candidate) => {
            let version = candidate.version();
            if version.digest.is_empty() {
                json!({"selected": version.tag})
            } else {
                json!({"selected": version.tag, "digest": version.digest})
            }
        }
        Err(_) => json!({"selected": null}),
    })
}

/// What the registry of the case says about a tag.
fn answer(tags: &[Value], tag: &TagName) -> Result<Known, String> {
    let given = tags
        .iter()
        .find(|given| given["name"] == tag.as_str())
        .ok_or("asked about an unknown tag")?;
    let Some(date) = given["date"].as_i64() else {
        return Ok(Known::Excluded("its metadata cannot be used".to_owned()));
    };
    let created = jiff::Timestamp::from_second(date).map_err(|error| error.to_string())?;
    let digest = match given["digest"].as_str() {
        Some(text) => text.parse().map_err(|_| format!("{text} is no digest"))?,
        None => Digest::of(tag.as_str().as_bytes()),
    };
    Ok(Known::Facts(Arc::new(TagFacts {
        digest,
        created: Some(created),
        labels: BTreeMap::new(),
    })))
}
