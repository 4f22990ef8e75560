//! How long a pick takes: `cargo bench --bench select`.

use std::hint::black_box;

use argocd_image_updater::core::{
    select::{self, Knowledge, Policy, Selection, Situation, TagList, TagOrder},
    strategy::{Extract, PolicyOptions, StrategyKind, TagFilter},
};
use criterion::{Criterion, criterion_group, criterion_main};

const TAGS: usize = 10_000;

fn list(name: impl Fn(usize) -> String) -> TagList {
    let texts: Vec<_> = (0..TAGS).map(name).collect();
    TagList::from_texts(texts.iter().map(String::as_str))
}

fn bench(c: &mut Criterion, name: &str, policy: &Policy, tags: &TagList) {
    let situation = Situation::at(jiff::Timestamp::UNIX_EPOCH);
    let known = Knowledge::default();
    c.bench_function(name, |b| {
        b.iter(|| {
            let picked = select::select(black_box(policy), &situation, black_box(tags), TagOrder::None, &known);
            assert!(matches!(&picked, Selection::Decided(decision) if decision.picked.is_ok()));
            picked
        });
    });
}

fn picks(c: &mut Criterion) {
    let versions = list(|n| format!("v{}.{}.{}", n % 7, n % 101, n));
    let semver = Policy::parse(StrategyKind::Semver, "^3.2 || 5.x", TagFilter::default()).expect("a constraint");
    bench(c, "semver, constraint, 10,000 tags", &semver, &versions);

    let builds = list(|n| format!("main-{:07x}-{n}", n.wrapping_mul(2_654_435_761) & 0x0fff_ffff));
    let filter = TagFilter::compile(Some("regexp:^main-[0-9a-f]+-[0-9]+$"), &[]).expect("a filter");
    let options = PolicyOptions {
        filter,
        extract: Some(Extract::compile("^main-[0-9a-f]+-(?P<key>[0-9]+)$").expect("an expression")),
        ..PolicyOptions::default()
    };
    let numerical = Policy::parse(StrategyKind::Numerical, "", options).expect("no constraint");
    bench(c, "allowTags and extract, numerical, 10,000 tags", &numerical, &builds);

    let numbers = list(|n| n.to_string());
    let filter = TagFilter::compile(Some("regexp:^[0-9]+$"), &[]).expect("a filter");
    let plain = Policy::parse(StrategyKind::Numerical, "", filter).expect("no constraint");
    bench(c, "allowTags, numerical, 10,000 tags", &plain, &numbers);
}

criterion_group!(benches, picks);
criterion_main!(benches);
