//! Files before and after an edit, as users write them: `tests/fixtures/edits/<name>/{given,change.yaml,expected}`.
//!
//! `change.yaml` names the file and what shall be written. Its file stands in `given/`, unless it does not exist yet, and
//! in `expected/`, unless nothing may change or `error` tells why nothing can be written. Every result is edited once more,
//! which must change nothing. The names of the folders begin with the kind of the file. What is expected is what a careful
//! person would write by hand.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use argocd_image_updater::core::{
    image::ImageRef,
    plan::values,
    render::{
        argocd_source::{self, HelmParameter, Overrides, PluginVariable},
        helm_values::{self, ValueWrite},
        kustomization::{self, ImageOverride},
    },
    resolve::{ApplicationKind, ManifestTarget, target::ValuePlace},
    yaml::Edited,
};
use serde::Deserialize;

/// The content of a `change.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Change {
    file: String,
    helm_values: Option<Vec<Parameter>>,
    helm_images: Option<Vec<Image>>,
    kustomization: Option<Vec<String>>,
    override_helm: Option<Vec<Parameter>>,
    override_kustomize: Option<Vec<String>>,
    override_plugin: Option<Vec<Parameter>>,
    /// What the Application says of images that are left out: parameters, variables, or images as name and tag.
    #[serde(default)]
    repeated: Vec<Parameter>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Parameter {
    name: String,
    value: String,
    #[serde(default)]
    registry_as_in_file: bool,
}

/// An image with its version, and the parameters that it stands in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "image")]
    reference: String,
    name: String,
    tag: String,
}

impl Change {
    fn apply(&self, given: Option<&str>) -> Result<Edited, String> {
        if let Some(parameters) = &self.helm_values {
            let writes: Vec<_> = parameters.iter().map(Parameter::write).collect();
            return helm_values::render(given, &writes).map_err(|error| error.to_string());
        }
        if let Some(images) = &self.helm_images {
            let mut writes = Vec::new();
            for image in images {
                writes.extend(image.writes()?);
            }
            return helm_values::render(given, &writes).map_err(|error| error.to_string());
        }
        if let Some(images) = &self.kustomization {
            let images: Result<Vec<_>, _> = images.iter().map(|text| ImageOverride::parse(text)).collect();
            return images
                .and_then(|images| kustomization::render(given.unwrap_or_default(), &images))
                .map_err(|error| error.to_string());
        }
        let (overrides, repeated) = if let Some(parameters) = &self.override_helm {
            let all = |list: &[Parameter]| Overrides::Helm(list.iter().map(Parameter::helm).collect());
            (all(parameters), all(&self.repeated))
        } else if let Some(images) = &self.override_kustomize {
            let repeated = self.repeated.iter().map(Parameter::image).collect();
            (Overrides::Kustomize(images.clone()), Overrides::Kustomize(repeated))
        } else if let Some(variables) = &self.override_plugin {
            let all = |list: &[Parameter]| Overrides::Plugin(list.iter().map(Parameter::plugin).collect());
            (all(variables), all(&self.repeated))
        } else {
            return Err("change.yaml says nothing".to_owned());
        };
        argocd_source::render_repeating(given, &overrides, &repeated).map_err(|error| error.to_string())
    }
}

impl Image {
    /// The values as they are decided for an application whose own source says nothing of the image.
    fn writes(&self) -> Result<Vec<ValueWrite>, String> {
        let image = ImageRef::parse(&self.reference).map_err(|error| error.to_string())?;
        let place = ValuePlace::Split {
            name: Some(self.name.clone()),
            tag: Some(self.tag.clone()),
        };
        let target = ManifestTarget::Helm(place.into());
        let entries =
            values::entries(ApplicationKind::Helm, "api", &image, &target).map_err(|error| error.to_string())?;
        Ok(ValueWrite::from_entries(&entries))
    }
}

impl Parameter {
    fn write(&self) -> ValueWrite {
        ValueWrite {
            parameter: self.name.clone(),
            value: self.value.clone(),
            registry_as_in_file: self.registry_as_in_file,
        }
    }

    fn helm(&self) -> HelmParameter {
        HelmParameter {
            name: self.name.clone(),
            value: self.value.clone(),
            force_string: true,
        }
    }

    fn image(&self) -> String {
        format!("{}:{}", self.name, self.value)
    }

    fn plugin(&self) -> PluginVariable {
        PluginVariable {
            name: self.name.clone(),
            value: self.value.clone(),
        }
    }
}

#[test]
fn every_edit_gives_the_expected_file_and_then_rests() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/edits");
    let mut folders: Vec<_> = fs::read_dir(&root)
        .expect("the folder of the edits")
        .map(|entry| entry.expect("a readable folder entry").path())
        .collect();
    folders.sort();
    let mut failed = String::new();
    for folder in &folders {
        if let Err(why) = check(folder) {
            let _ = writeln!(failed, "{}: {why}", folder.display());
        }
    }
    assert!(folders.len() >= 140, "only {} edits found", folders.len());
    assert!(failed.is_empty(), "\n{failed}");
}

fn check(folder: &Path) -> Result<(), String> {
    let text = fs::read_to_string(folder.join("change.yaml")).map_err(|error| format!("change.yaml: {error}"))?;
    let change: Change = yaml_serde::from_str(&text).map_err(|error| format!("change.yaml: {error}"))?;
    let given = fs::read_to_string(folder.join("given").join(&change.file)).ok();
    let expected = fs::read_to_string(folder.join("expected").join(&change.file)).ok();
    match (change.apply(given.as_deref()), &change.error) {
        (Err(error), Some(expected)) if error == *expected => return Ok(()),
        (Err(error), _) => return Err(format!("error {error:?}")),
        (Ok(_), Some(expected)) => return Err(format!("no error, expected {expected:?}")),
        (Ok(Edited::Unchanged), None) if expected.is_none() => return Ok(()),
        (Ok(Edited::Unchanged), None) => return Err("nothing changed".to_owned()),
        (Ok(Edited::New(actual)), None) => compare(&actual, expected.as_deref())?,
    }
    match change.apply(expected.as_deref()) {
        Ok(Edited::Unchanged) => Ok(()),
        other => Err(format!("a second edit: {other:?}")),
    }
}

fn compare(actual: &str, expected: Option<&str>) -> Result<(), String> {
    let expected = expected.ok_or_else(|| format!("nothing should change, but the file is\n{actual}"))?;
    if actual == expected {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(expected, actual);
    Err(format!(
        "not as expected\n{}",
        diff.unified_diff().header("expected", "actual")
    ))
}
