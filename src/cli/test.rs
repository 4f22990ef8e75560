//! `test`: which tag of one image would be picked, asked of its registry alone.
//!
//! The answer is one line on standard output, so that a script can use it; why there is none, and what is strange, goes
//! to standard error. A cluster is only contacted when the credentials lie in a Secret.

use std::{collections::BTreeMap, io::Write as _, num::NonZeroU32, sync::Arc};

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::{
    printer::{self, Page, progress, tags},
    run::Exit,
    world::registries_conf,
};
use crate::{
    cluster::{Cluster, connect},
    core::{
        duration::GoDuration,
        foreign::ForeignText,
        image::{ImageRef, ImageVersion, Platform, Platforms},
        registries::{Place, Places},
        report::plan_view,
        resolve::{CurrentFrom, ManifestTarget, TrackedImage, credential_ref::CredentialRef},
        select::{FirstSeen, ReadLimit},
        strategy::{Extract, FilterList, Policy, PolicyOptions, SortOrder, StrategyKind, TagFilter},
    },
    engine::{
        credentials::Secrets,
        observe::{Asker, Observer, Pick},
    },
    registry::{self, Registries},
    settings::{REGISTRIES_CONF_PATH, look::TestArgs},
    telemetry::{self, LogFormat, LogLevel},
};

/// Prints the tag that would be picked.
pub async fn test(args: TestArgs) -> anyhow::Result<Exit> {
    telemetry::init(args.loglevel.unwrap_or(LogLevel::Warn), LogFormat::Text);
    let image = image(&args)?;
    let explain = args.explain.unwrap_or(false);
    let page = Page::of_stdout(args.color.unwrap_or_default());
    let pick = tokio::select! {
        pick = pick(&args, &image, explain) => pick?,
        _ = tokio::signal::ctrl_c() => return Err(anyhow!("interrupted")),
    };
    let chosen = pick.candidate.as_ref().ok().map(|candidate| ImageRef {
        version: Some(candidate.version()),
        ..image.reference.clone()
    });
    let mut text = chosen.map_or_else(String::new, |chosen| chosen.full_name_with_version() + "\n");
    text.push_str(&tags::lines(page, 2, &plan_view::tags(&pick.story)));
    printer::to_stdout(&text)?;
    match pick.candidate {
        Ok(_) => Ok(Exit::Success),
        Err(verdict) if verdict.reason.needs_attention() => Err(anyhow!("{verdict}")),
        Err(verdict) => {
            // Nothing to pick is an answer, and no tag either.
            writeln!(std::io::stderr(), "nothing: {}", printer::clean(&verdict.to_string()))?;
            Ok(Exit::Success)
        }
    }
}

/// The image as a resource with these settings would configure it.
fn image(args: &TestArgs) -> anyhow::Result<TrackedImage> {
    if args.image.contains('*') {
        return Err(anyhow!(
            "{:?}: * works in resources only (imageName), where it stands for images that run; name one image",
            ForeignText::new(&args.image)
        ));
    }
    let mut reference = ImageRef::parse(&args.image)?;
    if let Some(version) = reference.version.take()
        && args.semver_constraint.is_none()
    {
        tracing::warn!(
            "{} behind the image is not used; give it as --semver-constraint to bound the pick, or as --current to tell \
             what runs",
            ForeignText::new(version.text())
        );
    }
    let credentials = args.credentials.as_deref().filter(|text| !text.is_empty());
    let credentials = credentials
        .map(CredentialRef::parse)
        .transpose()
        .context("--credentials")?;
    Ok(TrackedImage {
        alias: String::new(),
        policy: Arc::new(policy(args)?),
        force_update: false,
        current_from: CurrentFrom::Live,
        credentials,
        platforms: platforms(&args.platforms)?,
        signatures: None,
        manifest_target: ManifestTarget::Default,
        reference,
    })
}

fn policy(args: &TestArgs) -> anyhow::Result<Policy> {
    let name = args.update_strategy.as_deref().unwrap_or("").trim();
    let strategy = match StrategyKind::parse(name) {
        _ if name.is_empty() => StrategyKind::Semver,
        (strategy, true) => strategy,
        (_, false) => {
            let names: Vec<_> = StrategyKind::ALL.iter().map(|kind| kind.name()).collect();
            let name = ForeignText::new(name);
            return Err(anyhow!(
                "--update-strategy: {name:?} is no strategy; use one of {}",
                names.join(", ")
            ));
        }
    };
    let extract = args.extract.as_deref().filter(|text| !text.is_empty());
    let order = match args.order.as_deref().unwrap_or("").to_ascii_lowercase().as_str() {
        "" | "asc" => SortOrder::Asc,
        "desc" => SortOrder::Desc,
        _ => return Err(anyhow!("--order must be asc or desc")),
    };
    let options = PolicyOptions {
        filter: filter(args)?,
        extract: extract.map(Extract::compile).transpose().context("--extract")?,
        order,
        minimum_age: args.minimum_age.filter(|age| !age.is_zero()).map(GoDuration::to_std),
        allow_downgrade: false,
        pin_digest: args.pin_digest.unwrap_or(false),
    };
    let constraint = args.semver_constraint.as_deref().unwrap_or("");
    Policy::parse(strategy, constraint, options).map_err(|verdict| anyhow!("--semver-constraint: {verdict}"))
}

fn filter(args: &TestArgs) -> anyhow::Result<TagFilter> {
    TagFilter::compile(args.allow_tags.as_deref(), &args.ignore_tags).map_err(|error| {
        let flag = match error.list() {
            FilterList::Allow => "--allow-tags",
            FilterList::Ignore => "--ignore-tags",
        };
        anyhow!("{flag}: {error}")
    })
}

fn platforms(texts: &[String]) -> anyhow::Result<Platforms> {
    let texts: Vec<&str> = texts
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .collect();
    let platforms = Platforms::parse(&texts, Platform::of_this_program()).context("--platforms")?;
    for text in texts {
        let os = text.split('/').next().unwrap_or("");
        if !["linux", "windows"].contains(&os) {
            tracing::warn!("--platforms: {:?} is an unusual operating system", ForeignText::new(os));
        }
    }
    Ok(platforms)
}

async fn pick(args: &TestArgs, image: &TrackedImage, explain: bool) -> anyhow::Result<Pick> {
    let conf = match args.registries_conf_path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => registries_conf(path, true)?,
        None => registries_conf(REGISTRIES_CONF_PATH, false)?,
    };
    let options = registry::Options {
        limit: args.rate_limit.and_then(NonZeroU32::new),
        ..registry::Options::default()
    };
    let registries = Registries::new(Arc::new(conf), options);
    if let Some(problem) = registries.check_settings().await.into_iter().next() {
        return Err(problem).context("registries");
    }
    let secrets = secrets(args, image, &registries).await?;
    let observer = Observer::new(registries, secrets).reading(ReadLimit::AtOnce);
    let live = args.current.as_deref().filter(|text| !text.is_empty()).map(version);
    let asker = Asker {
        namespace: image
            .credentials
            .as_ref()
            .and_then(CredentialRef::namespace)
            .unwrap_or(""),
        live: live.as_ref(),
        beside: &[],
        written: None,
        first_seen: &FirstSeen::default(),
        unverified: &BTreeMap::new(),
        explain,
    };
    let cycle = observer.cycle(Timestamp::now());
    let work = Box::pin(observer.pick(&cycle, image, asker));
    let told = || format!("asking for {}", ForeignText::new(&image.reference.full_name()));
    Ok(progress::during(work, told).await)
}

/// `tag`, or `tag@digest`.
fn version(text: &str) -> ImageVersion {
    let (tag, digest) = text.split_once('@').unwrap_or((text, ""));
    ImageVersion {
        tag: tag.to_owned(),
        digest: digest.to_owned(),
    }
}

/// Where Secrets come from: the cluster, when the credentials lie in one.
async fn secrets(args: &TestArgs, image: &TrackedImage, registries: &Registries) -> anyhow::Result<Secrets> {
    let Places { mirrors, registry } = registries.places(&image.reference);
    let of_registry = |place: &Place| place.profile.credentials.clone().and_then(Result::ok);
    let own = image.credentials.clone().or_else(|| of_registry(&registry));
    let of_mirrors = mirrors.iter().filter_map(|(_, place)| of_registry(place));
    let is_secret = of_mirrors.chain(own).any(|reference| reference.namespace().is_some());
    if !is_secret {
        return Ok(Secrets::Unavailable("no cluster is connected".to_owned()));
    }
    let kubeconfig = args.kubeconfig.as_deref().filter(|path| !path.as_os_str().is_empty());
    let (client, _) = connect::client(kubeconfig)
        .await
        .context("the credentials lie in a Secret")?;
    Ok(Secrets::Cluster(Cluster::new(client)))
}
