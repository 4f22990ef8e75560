//! `plan`: the pipeline of `run` up to the plan, printed instead of written.
//!
//! The same engine, with writing turned off, over the same resources: what it says is what the controller would do now.

use std::{io::Write as _, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    document,
    printer::{self, Page, progress},
    run::{self, Exit},
    template_file,
    world::{Access, World, registries_conf},
};
use crate::{
    api::v1alpha1::ImageUpdater,
    cluster::{
        directory::{DirectoryApi, UnreadFile},
        watch::{self, Scope, WatchEvent, Watches},
    },
    core::{
        foreign::ForeignText,
        image::Platform,
        keys::ObjectKey,
        render::message_template::MessageTemplate,
        report::{
            ResourceReport,
            plan_view::{self, Plan, Planned, State, Unreadable},
        },
        resolve::Author,
        schedule::{self, Interval},
        select::ReadLimit,
    },
    engine::{Engine, Options, Task, decide::WritePermit},
    registry::{self, Registries},
    settings::{
        Settings,
        look::{OutputFormat, PlanSettings},
    },
    telemetry,
};

/// The kind under which files that cannot be read are listed.
const FILE: &str = "File";

/// A cluster that cannot be read for so long is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints what a cycle would do.
pub async fn plan(settings: PlanSettings, warnings: Vec<String>) -> anyhow::Result<Exit> {
    telemetry::init(settings.run.log_level, settings.run.log_format);
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let plan = tokio::select! {
        plan = make(&settings) => plan?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    };
    let text = match settings.output {
        OutputFormat::Text => printer::plan::text(&plan, Page::of_stdout(settings.color)),
        OutputFormat::Json => document::json(&plan)?,
        OutputFormat::Yaml => document::yaml(&plan)?,
    };
    printer::to_stdout(&text)?;
    Ok(exit(&plan))
}

/// A problem wins over a change: the plan is not to be trusted before it is solved.
fn exit(plan: &Plan) -> Exit {
    match (plan.summary.problems, plan.summary.changes) {
        (0, 0) => Exit::Success,
        (0, _) => Exit::Changes,
        _ => Exit::Failure,
    }
}

async fn make(settings: &PlanSettings) -> anyhow::Result<Plan> {
    let conf = registries_conf(&settings.run.registries_conf_path, false)?;
    let message = template_file::message(&settings.run.git_commit_message_path)?;
    let registries = Registries::new(Arc::new(conf), registry::Options::default());
    if let Some(problem) = registries.check_settings().await.into_iter().next() {
        return Err(problem).with_context(|| settings.run.registries_conf_path.clone());
    }
    let world = World::connect(&settings.run, Access::Read).await?;
    let scope = scope(world.scope, settings.resource.as_ref());
    let reading = CancellationToken::new();
    let _stop = reading.clone().drop_guard();
    let mut watches = watch::start(&world.cluster, &scope, &reading);
    let mut unreadable = progress::during(read(&mut watches), || "reading the cluster".to_owned()).await?;
    unreadable.extend(world.directory.iter().flat_map(unread));
    if settings.resource.is_none() && watches.updaters.all().is_empty() {
        let nothing = nothing_found(&scope, settings.run.directory.as_deref());
        writeln!(std::io::stderr(), "{}", printer::clean(&nothing))?;
    }

    let (mirrors, _scratch) = super::mirrors::open(None)?;
    let options = options(&settings.run, message, world.argocd_namespace.clone(), settings.explain);
    let engine = Engine::new(world.cluster.clone(), registries, mirrors, options);
    let resources = decide(&engine, &watches).await;
    drop(world.directory);
    shown(resources, unreadable, settings)
}

/// The namespaces to look at; that of the resource that is asked for is among them.
fn scope(scope: Scope, resource: Option<&ObjectKey>) -> Scope {
    match (scope, resource) {
        (Scope::Namespaces(mut names), Some(key)) => {
            names.push(key.namespace.clone());
            Scope::Namespaces(names)
        }
        (scope, _) => scope,
    }
}

/// The files of a folder of which nothing could be read: each may hold what is looked for.
fn unread(folder: &DirectoryApi) -> impl Iterator<Item = Unreadable> {
    folder.unread().iter().map(|UnreadFile { file, message }| Unreadable {
        kind: FILE.to_owned(),
        namespace: String::new(),
        name: file.display().to_string(),
        message: message.clone(),
    })
}

/// That nothing to do is not the same as nothing found, and where it was looked for.
fn nothing_found(scope: &Scope, folder: Option<&Path>) -> String {
    let namespaces = match scope {
        Scope::All => "any namespace".to_owned(),
        Scope::Namespaces(names) => {
            let names: Vec<_> = names.iter().map(|name| ForeignText::new(name).to_string()).collect();
            match names.as_slice() {
                [one] => format!("namespace {one}"),
                several => format!("the namespaces {}", several.join(", ")),
            }
        }
    };
    match (folder, scope) {
        (Some(folder), Scope::All) => format!("there is no ImageUpdater in folder {}", folder.display()),
        (Some(folder), Scope::Namespaces(_)) => format!(
            "there is no ImageUpdater in {namespaces} of folder {}; --watch-namespaces says where to look",
            folder.display()
        ),
        (None, _) => format!(
            "there is no ImageUpdater in {namespaces}; --watch-namespaces says where to look, else --argocd-namespace"
        ),
    }
}

/// Reads all objects once; says which of them cannot be understood.
async fn read(watches: &mut Watches) -> anyhow::Result<Vec<Unreadable>> {
    let mut unreadable = Vec::new();
    let mut failing_since: Option<Instant> = None;
    loop {
        match timeout(Duration::from_millis(50), watches.events.recv()).await {
            Ok(None) => bail!("the cluster cannot be read"),
            Ok(Some(WatchEvent::Synced)) => return Ok(unreadable),
            Ok(Some(WatchEvent::Malformed { kind, key, error })) => unreadable.push(Unreadable {
                kind: kind.to_owned(),
                namespace: key.namespace,
                name: key.name,
                message: error.to_string(),
            }),
            Ok(Some(_)) => {}
            Err(_) => {
                let troubles = watches.health.troubles();
                let since = *failing_since.get_or_insert_with(Instant::now);
                if troubles.is_empty() {
                    failing_since = None;
                } else if since.elapsed() > PATIENCE {
                    bail!("{}", troubles.join("; "));
                }
            }
        }
    }
}

fn options(settings: &Settings, message: MessageTemplate, argocd_namespace: String, explain: bool) -> Options {
    Options {
        argocd_namespace,
        platform: Platform::of_this_program(),
        dry_run: true,
        events: false,
        author: Author {
            name: settings.git_commit_user.clone(),
            email: settings.git_commit_email.clone(),
        },
        message: Arc::new(message),
        allow_env_ext_credentials: settings.allow_env_ext_credentials,
        allow_foreign_repositories: settings.allow_foreign_repositories,
        explain,
        max_deciding: run::max_deciding(settings),
        reads: ReadLimit::AtOnce,
    }
}

/// One cycle over all resources: each of them takes part in deciding who owns a place.
async fn decide(engine: &Engine, watches: &Watches) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut tasks = Vec::new();
    for updater in watches.updaters.all() {
        match task(updater.clone(), watches) {
            Ok(task) => tasks.push(task),
            Err(state) => planned.push(Planned {
                key: key_of(&updater),
                state,
            }),
        }
    }
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let permit = WritePermit::default();
    let cycle = engine.cycle(&tasks, &permit, &sender);
    progress::during(cycle, || {
        let (done, all) = engine.progress();
        format!("asked for {done} of {all} applications")
    })
    .await;
    drop(sender);
    while let Some((index, report)) = receiver.recv().await {
        if let Some(task) = tasks.get(index) {
            planned.push(Planned {
                key: key_of(&task.updater),
                state: State::Decided(Box::new(report)),
            });
        }
    }
    planned
}

fn key_of(updater: &ImageUpdater) -> ObjectKey {
    let meta = &updater.metadata;
    ObjectKey::new(
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

/// What the engine is asked about one resource, or why it is not asked.
fn task(updater: Arc<ImageUpdater>, watches: &Watches) -> Result<Task, State> {
    if updater.metadata.deletion_timestamp.is_some() {
        return Err(State::Deleting);
    }
    if updater.spec.suspend == Some(true) {
        return Err(State::Suspended);
    }
    let defaults = Settings::default();
    let default = Interval::from_flag(defaults.interval);
    let own = updater.spec.interval.as_deref();
    let warnings = match schedule::resource_interval(own, default, defaults.minimum_interval.to_std()) {
        Ok((_, warning)) => warning.into_iter().collect(),
        Err(remark) => {
            return Err(State::Decided(Box::new(ResourceReport {
                stalled: vec![remark],
                ..ResourceReport::default()
            })));
        }
    };
    let namespace = updater.metadata.namespace.as_deref().unwrap_or("");
    Ok(Task {
        applications: watches.applications.list(namespace),
        updater,
        partial: false,
        warnings,
    })
}

/// The document of what was asked for.
fn shown(
    mut resources: Vec<Planned>,
    mut unreadable: Vec<Unreadable>,
    settings: &PlanSettings,
) -> anyhow::Result<Plan> {
    if let Some(key) = &settings.resource {
        resources.retain(|planned| planned.key == *key);
        // An Application that cannot be read might be one of this resource.
        unreadable.retain(|object| {
            let may_be_of = object.kind == "Application" || object.name == key.name;
            object.kind == FILE || (object.namespace == key.namespace && may_be_of)
        });
        let is_there = |object: &Unreadable| object.kind == "ImageUpdater";
        if resources.is_empty() && !unreadable.iter().any(is_there) {
            let file = unreadable.iter().find(|object| object.kind == FILE);
            let hint = file.map_or_else(String::new, |file| {
                format!(", unless it is in {}, which is {}", file.name, file.message)
            });
            bail!("--resource: there is no ImageUpdater {key}{hint}");
        }
    }
    Ok(plan_view::plan(resources, unreadable, settings.explain))
}
