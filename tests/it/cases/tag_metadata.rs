//! What the manifests behind a tag say.

use argocd_image_updater::core::image::{
    Platform, Platforms, TagFacts,
    manifest::{Exclusion, FactsWanted, Fetch, Fetched, Step, TagReader},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let texts: Vec<&str> = input["platforms"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let platforms = if texts.is_empty() {
        Platforms::any()
    } else {
        match Platforms::parse(&texts, Platform::of_this_program()) {
            Ok(platforms) => platforms,
            Err(_) => return Ok(json!({"error": "bad_platform"})),
        }
    };
    let wanted = if input["wants_metadata"] == true {
        FactsWanted::Created
    } else {
        FactsWanted::Digest
    };
    let top = manifest(&input["tag_manifest"]).ok_or("no tag manifest")?;
    Ok(match read(input, platforms, wanted, top) {
        Some(Ok(facts)) => json!({"info": shown(&facts)}),
        Some(Err(Exclusion::NoWantedPlatform { .. })) => json!({"info": null}),
        Some(Err(_)) | None => json!({"error": "tag_skipped"}),
    })
}

/// Answers from the store of the case; `None` is an answer that cannot be read.
fn read(
    input: &Value,
    platforms: Platforms,
    wanted: FactsWanted,
    top: Fetched<'_>,
) -> Option<Result<TagFacts, Exclusion>> {
    let mut reader = match TagReader::start(platforms, wanted, top).ok()? {
        Ok(reader) => reader,
        Err(exclusion) => return Some(Err(exclusion)),
    };
    loop {
        let needed = match reader.step() {
            Step::Done(result) => return Some(result),
            Step::Need(needed) => needed,
        };
        let answers: Vec<_> = needed
            .iter()
            .map(|fetch| match fetch {
                Fetch::Manifest(digest) => manifest(&input["manifests_by_digest"][digest.to_string()]),
                Fetch::Config(digest) => input["blobs"][digest.to_string()].as_str().map(|body| Fetched {
                    media_type: None,
                    body: body.as_bytes(),
                }),
            })
            .collect();
        if let Err(exclusion) = reader.answer(&answers).ok()? {
            return Some(Err(exclusion));
        }
    }
}

fn manifest(value: &Value) -> Option<Fetched<'_>> {
    Some(Fetched {
        media_type: value["media_type"].as_str(),
        body: value["body"].as_str()?.as_bytes(),
    })
}

fn shown(facts: &TagFacts) -> Value {
    json!({
        "created": facts.created.map(|t| t.to_string()),
        "digest": facts.digest.to_string(),
        "labels": facts.labels,
    })
}
