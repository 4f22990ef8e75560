//! The table of `registries check`.

use super::{Ink, Page};
use crate::cli::registries::{Credentials, Report, Row, Tls};

/// The widest that columns of a terminal are; what is longer is cut.
const WIDEST: [usize; 6] = [20, 28, 40, 9, 8, 11];
const TITLES: [&str; 6] = ["NAME", "PREFIX", "API", "REACHABLE", "TLS", "CREDENTIALS"];

/// A line for each registry, below it what to do.
pub fn text(report: &Report, page: Page) -> String {
    let rows: Vec<_> = report.registries.iter().map(|row| (row, cells(row))).collect();
    let mut widths = TITLES.map(|title| title.chars().count());
    for (_, cells) in &rows {
        for (width, (_, text)) in widths.iter_mut().zip(cells) {
            *width = (*width).max(text.chars().count());
        }
    }
    if page.width.is_some() {
        for (width, widest) in widths.iter_mut().zip(WIDEST) {
            *width = (*width).min(widest);
        }
    }
    let titles = TITLES.map(|title| (Ink::Bold, title.to_owned()));
    let mut text = line(page, &titles, widths, Ink::Bold, "NOTE");
    for (row, cells) in &rows {
        let ink = match (row.ok, row.warnings.is_empty()) {
            (true, true) => Ink::Plain,
            (true, false) => Ink::Yellow,
            (false, _) => Ink::Red,
        };
        text.push_str(&line(page, cells, widths, ink, &row.note));
        if !row.remedy.is_empty() {
            text.push_str(&page.row(2, &[], Ink::Yellow, &format!("-> {}", row.remedy)));
        }
    }
    let failed = report.registries.iter().filter(|row| !row.ok).count();
    let all = report.registries.len();
    let warnings = report.registries.iter().map(|row| row.warnings.len()).sum();
    let (ink, summary) = match (failed, warnings) {
        (0, 0) => (Ink::Green, "All is well.".to_owned()),
        (0, warnings) => (Ink::Yellow, format!("All answer; {} above.", counted(warnings))),
        (failed, 0) => (Ink::Red, format!("{failed} of {all} failed.")),
        (failed, warnings) => (
            Ink::Red,
            format!("{failed} of {all} failed; {} above.", counted(warnings)),
        ),
    };
    text.push('\n');
    text.push_str(&page.row(0, &[], ink, &summary));
    text
}

fn counted(warnings: usize) -> String {
    match warnings {
        1 => "1 warning".to_owned(),
        _ => format!("{warnings} warnings"),
    }
}

fn line(page: Page, cells: &[(Ink, String); 6], widths: [usize; 6], ink: Ink, last: &str) -> String {
    let cells: Vec<_> = cells
        .iter()
        .zip(widths)
        .map(|((ink, text), width)| (*ink, text.as_str(), width))
        .collect();
    page.row(0, &cells, ink, last)
}

fn cells(row: &Row) -> [(Ink, String); 6] {
    let (credentials, ink) = match row.credentials {
        Credentials::Anonymous => ("anonymous", Ink::Plain),
        Credentials::Missing => ("missing", Ink::Yellow),
        Credentials::Accepted => ("accepted", Ink::Green),
        Credentials::NotAsked => ("not asked", Ink::Plain),
        Credentials::Refused => ("refused", Ink::Red),
        Credentials::Unreadable => ("unreadable", Ink::Red),
        Credentials::NotTried => ("-", Ink::Dim),
    };
    let (tls, tls_ink) = match row.tls {
        Tls::None => ("none", Ink::Yellow),
        Tls::Insecure => ("insecure", Ink::Yellow),
        Tls::Checked => ("checked", Ink::Plain),
        Tls::OwnCa => ("own CA", Ink::Plain),
        Tls::Mutual => ("mutual", Ink::Plain),
    };
    let (reachable, reachable_ink) = if row.reachable {
        ("yes", Ink::Green)
    } else {
        ("no", Ink::Red)
    };
    let prefix = if row.prefix.is_empty() { "-" } else { &row.prefix };
    [
        (Ink::Plain, row.name.clone()),
        (Ink::Plain, prefix.to_owned()),
        (Ink::Plain, row.api_url.clone()),
        (reachable_ink, reachable.to_owned()),
        (tls_ink, tls.to_owned()),
        (ink, credentials.to_owned()),
    ]
}
