//! A plan as text.

use super::{Ink, Page, short_version, tags, values};
use crate::core::report::plan_view::{
    ApplicationPlan, FilePlan, GitPlan, ImagePlan, Outcome, Plan, Refusal, ResourcePlan, ResourceState, Summary,
    ValueChange,
};

/// The widest columns on a terminal; what is longer is cut.
const WIDEST_ALIAS: usize = 24;
const WIDEST_VERSION: usize = 48;
/// The width of the words at the beginning of a line, `problem`.
const WORD: usize = 7;
/// The most lines of the diff of one file.
const MOST_DIFF_LINES: usize = 100;

/// The plan, for people.
pub fn text(plan: &Plan, page: Page) -> String {
    let columns = Columns::of(plan, page);
    let mut text = String::new();
    for object in &plan.unreadable {
        let name = match object.namespace.as_str() {
            "" => object.name.clone(),
            namespace => format!("{namespace}/{}", object.name),
        };
        let what = format!("{} {name} cannot be read: ", object.kind);
        text.push_str(&page.row(0, &[(Ink::Red, "problem", WORD)], Ink::Plain, &(what + &object.message)));
    }
    if !plan.unreadable.is_empty() {
        text.push('\n');
    }
    for resource in &plan.resources {
        text.push_str(&of_resource(resource, columns, page));
        text.push('\n');
    }
    text + &page.row(0, &[], Ink::Bold, &closing(plan))
}

/// How wide the columns are.
#[derive(Clone, Copy)]
struct Columns {
    alias: usize,
    version: usize,
}

impl Columns {
    fn of(plan: &Plan, page: Page) -> Self {
        let applications = plan.resources.iter().flat_map(|resource| &resource.applications);
        let images = applications.flat_map(|application| &application.images);
        let mut columns = Self { alias: 0, version: 0 };
        for image in images {
            columns.alias = columns.alias.max(super::clean(&image.alias).chars().count());
            columns.version = columns.version.max(super::clean(&versions(image)).chars().count());
        }
        if page.width.is_some() {
            columns.alias = columns.alias.min(WIDEST_ALIAS);
            columns.version = columns.version.min(WIDEST_VERSION);
        }
        columns
    }
}

fn of_resource(resource: &ResourcePlan, columns: Columns, page: Page) -> String {
    let mut text = page.cut(
        0,
        Ink::Bold,
        &format!("ImageUpdater {}/{}", resource.namespace, resource.name),
    );
    let state = match resource.state {
        ResourceState::Suspended => Some("suspended (spec.suspend is true): nothing is asked, decided or written"),
        ResourceState::Deleting => Some("it is being deleted: nothing is asked, decided or written"),
        ResourceState::Active if resource.applications.is_empty() => Some("no application is selected by its rules"),
        ResourceState::Active | ResourceState::Stalled => None,
    };
    for (word, ink, remarks) in [
        ("stalled", Ink::Red, &resource.stalled),
        ("warning", Ink::Yellow, &resource.warnings),
    ] {
        for remark in remarks {
            let told = if remark.field.is_empty() {
                remark.message.clone()
            } else {
                format!("{}: {}", remark.field, remark.message)
            };
            text.push_str(&page.row(2, &[(ink, word, WORD)], Ink::Plain, &told));
        }
    }
    if let Some(state) = state {
        text.push_str(&page.row(2, &[], Ink::Dim, state));
    }
    for application in &resource.applications {
        text.push('\n');
        text.push_str(&of_application(application, columns, page));
    }
    text
}

fn of_application(application: &ApplicationPlan, columns: Columns, page: Page) -> String {
    let title = format!("Application {}/{}", application.namespace, application.name);
    let mut text = page.cut(2, Ink::Bold, &title);
    if let Some(Refusal {
        reason,
        message,
        needs_person,
    }) = &application.refused
    {
        let (word, ink) = if *needs_person {
            ("problem", Ink::Red)
        } else {
            ("stays", Ink::Dim)
        };
        text.push_str(&page.row(4, &[(ink, word, WORD)], Ink::Plain, &format!("{reason}: {message}")));
    }
    for image in &application.images {
        text.push_str(&of_image(image, columns, page));
    }
    text.push_str(&of_changes(&application.changes, page));
    if let Some(git) = &application.git {
        text.push_str(&of_git(git, page));
    }
    text
}

fn of_image(image: &ImagePlan, columns: Columns, page: Page) -> String {
    let (word, ink) = match image.outcome {
        Outcome::Change => ("change", Ink::Green),
        Outcome::Stays => ("stays", Ink::Dim),
        Outcome::Problem => ("problem", Ink::Red),
    };
    let told = match &image.reason {
        Some(reason) => format!("{reason}: {}", image.message),
        None => image.message.clone(),
    };
    let cells = [
        (ink, word, WORD),
        (Ink::Plain, image.alias.as_str(), columns.alias),
        (ink, &versions(image), columns.version),
    ];
    let rest = if image.outcome == Outcome::Problem {
        Ink::Plain
    } else {
        Ink::Dim
    };
    let mut text = page.row(4, &cells, rest, &told);
    if let Some(story) = &image.tags {
        text.push_str(&tags::lines(page, 4 + WORD + 2, story));
    }
    text
}

/// The current version, and the chosen one when that is another. What is held back because of a problem is no step: the
/// reason tells it.
fn versions(image: &ImagePlan) -> String {
    let current = image.current.as_deref().map_or_else(|| "-".to_owned(), short_version);
    if image.outcome == Outcome::Problem {
        return current;
    }
    match image.chosen.as_deref().map(short_version) {
        Some(chosen) if chosen != current => format!("{current} -> {chosen}"),
        _ => current,
    }
}

/// The lines that go and come, below the list that they stand in.
fn of_changes(changes: &[ValueChange], page: Page) -> String {
    let mut text = String::new();
    let mut path = "";
    for change in changes {
        if change.path != path {
            path = &change.path;
            text.push('\n');
            text.push_str(&page.cut(4, Ink::Plain, path));
        }
        for (sign, ink, side) in [("-", Ink::Red, &change.before), ("+", Ink::Green, &change.after)] {
            if let Some(value) = side {
                text.push_str(&page.signed(4, ink, sign, &values::one_line(value)));
            }
        }
    }
    text
}

fn of_git(git: &GitPlan, page: Page) -> String {
    let base = git.base_branch.as_deref().unwrap_or("the default branch");
    let branch = match &git.push_branch {
        Some(push) => format!("{push} (from {base})"),
        None => base.to_owned(),
    };
    let mut text = "\n".to_owned();
    for (name, value) in [
        ("repository", git.repository.as_str()),
        ("branch", &branch),
        ("file", &git.file),
    ] {
        text.push_str(&page.row(4, &[(Ink::Dim, name, 10)], Ink::Plain, value));
    }
    if !git.files.is_empty() {
        for file in &git.files {
            text.push('\n');
            text.push_str(&of_file(file, page));
        }
        if let Some(more) = git.more_files {
            text.push_str(&page.row(4, &[], Ink::Dim, &format!("and {more} more files")));
        }
        return text;
    }
    text.push_str(&page.row(4, &[], Ink::Dim, "holds afterwards, unless it does already:"));
    for value in &git.values {
        let line = match &value.name {
            Some(name) if value.path != "kustomize.images" => format!("{} {name}: {}", value.path, value.value),
            _ => format!("{} {}", value.path, value.value),
        };
        text.push_str(&page.signed(4, Ink::Green, "+", &line));
    }
    text
}

/// The diff of one file, cut where nobody reads on.
fn of_file(file: &FilePlan, page: Page) -> String {
    let mut text = String::new();
    let lines: Vec<&str> = file.diff.lines().collect();
    let (shown, left) = lines.split_at(lines.len().min(MOST_DIFF_LINES));
    for (index, line) in shown.iter().enumerate() {
        let ink = match (index, line.chars().next()) {
            (0 | 1, _) => Ink::Bold,
            (_, Some('+')) => Ink::Green,
            (_, Some('-')) => Ink::Red,
            (_, Some('@' | '\\')) => Ink::Dim,
            _ => Ink::Plain,
        };
        text.push_str(&page.verbatim(4, ink, line));
    }
    if !left.is_empty() {
        let told = format!("{} more lines of this diff; -o json shows more of it", left.len());
        text.push_str(&page.row(4, &[], Ink::Dim, &told));
    }
    text
}

/// What it comes to. Resources that nothing was decided for are told, as their images are not among those that are counted.
fn closing(plan: &Plan) -> String {
    let Summary {
        resources,
        applications,
        images,
        changes,
        problems,
    } = plan.summary;
    let of = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let person = match problems {
        0 => String::new(),
        count => format!("; {} a person", of(count, "problem needs", "problems need")),
    };
    let suspended = plan.resources.iter();
    let suspended = suspended
        .filter(|resource| resource.state == ResourceState::Suspended)
        .count();
    let told = format!(
        "nothing was decided for {}",
        of(suspended, "suspended resource", "suspended resources")
    );
    if suspended == resources && suspended > 0 {
        return format!("Suspended: {told}{person}. Nothing was written.");
    }
    let told = if suspended > 0 {
        format!("; {told}")
    } else {
        String::new()
    };
    format!(
        "{changes} of {} in {} of {} would change{told}{person}. Nothing was written.",
        of(images, "image", "images"),
        of(applications, "application", "applications"),
        of(resources, "resource", "resources"),
    )
}

#[cfg(test)]
mod tests;
