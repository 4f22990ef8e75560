//! How long an edit of a file takes: `cargo bench --bench yaml`.

use std::{fmt::Write as _, hint::black_box};

use argocd_image_updater::core::{
    render::helm_values::{self, ValueWrite},
    yaml::{Edited, Stream},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A values file of a chart with many components, of at least so many bytes, and the number of its components.
fn values(bytes: usize) -> (String, usize) {
    let mut text = String::from("# Default values for shop.\nglobal:\n  imageRegistry: \"\"\n");
    let mut count = 0;
    while text.len() < bytes {
        let _ = write!(
            text,
            r#"
## @section Component {count:05} parameters
component{count:05}:
  enabled: {enabled}
  ## Image of component {count:05}
  ## @param component{count:05}.image.tag tag (immutable tags are recommended)
  ##
  image:
    registry: registry.acme.test
    repository: acme/component{count:05}
    tag: "1.{count}.0" # kept up to date
    digest: ""
    pullPolicy: IfNotPresent
  replicaCount: {count}
  podAnnotations: {{}}
  resources:
    limits: {{cpu: 500m, memory: 256Mi}}
    requests:
      cpu: 250m
      memory: 256Mi
  extraEnvVars:
    - name: LOG_LEVEL
      value: 'info'
    - name: JAVA_OPTS
      value: >-
        -Xms64m
        -Xmx128m
  initScript: |
    #!/bin/sh
    # tag: not a key

    echo "image: acme/component"
"#,
            enabled = count % 2 == 0,
        );
        count += 1;
    }
    (text, count)
}

fn edits(c: &mut Criterion) {
    for (name, bytes) in [("20 KB", 20_000), ("5 MB", 5_000_000)] {
        let (text, count) = values(bytes);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("read", |b| {
            b.iter(|| Stream::parse(black_box(&text)).expect("valid YAML").documents().len());
        });
        for (what, new) in [("one value changes", "2.0.0"), ("nothing changes", "")] {
            let middle = count / 2;
            let value = if new.is_empty() {
                format!("1.{middle}.0")
            } else {
                new.to_owned()
            };
            let write = ValueWrite {
                parameter: format!("component{middle:05}.image.tag"),
                value,
                registry_as_in_file: false,
            };
            group.bench_function(what, |b| {
                b.iter(|| {
                    let edited = helm_values::render(Some(black_box(&text)), std::slice::from_ref(&write));
                    let edited = edited.expect("an edit");
                    assert_eq!(matches!(edited, Edited::New(_)), !new.is_empty());
                    edited
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, edits);
criterion_main!(benches);
