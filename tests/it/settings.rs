//! The command line as users and manifests write it, on the program itself.

use std::{
    process::{Command, Output},
    sync::Mutex,
};

use argocd_image_updater::{
    cli::args::{self, Command as Parsed},
    settings::{Settings, SettingsError, WatchScope},
};

/// Every flag that has to be there: its name, its default, and its variable.
const FLAGS: &[(&str, &str, &str)] = &[
    ("metrics-bind-address", "0", ""),
    ("metrics-secure", "true", ""),
    ("health-probe-bind-address", ":8081", ""),
    ("enable-http2", "false", ""),
    ("leader-election", "true", ""),
    ("leader-election-namespace", "none", ""),
    ("dry-run", "false", ""),
    ("interval", "2m", "IMAGE_UPDATER_INTERVAL"),
    ("loglevel", "info", "IMAGE_UPDATER_LOGLEVEL"),
    ("logformat", "text", "IMAGE_UPDATER_LOGFORMAT"),
    ("kubeconfig", "none", ""),
    ("once", "false", ""),
    ("registries-conf-path", "/app/config/registries.conf", ""),
    ("max-concurrent-apps", "10", "MAX_CONCURRENT_APPS"),
    ("max-concurrent-reconciles", "1", "MAX_CONCURRENT_RECONCILES"),
    ("argocd-namespace", "none", "ARGOCD_NAMESPACE"),
    ("watch-namespaces", "none", "IMAGE_UPDATER_WATCH_NAMESPACES"),
    ("warmup-cache", "true", ""),
    ("disable-kube-events", "false", "IMAGE_UPDATER_KUBE_EVENTS"),
    ("git-commit-user", "argocd-image-updater", "GIT_COMMIT_USER"),
    ("git-commit-email", "noreply@argoproj.io", "GIT_COMMIT_EMAIL"),
    ("git-commit-signing-key", "none", "GIT_COMMIT_SIGNING_KEY"),
    ("git-commit-signing-method", "openpgp", "GIT_COMMIT_SIGNING_METHOD"),
    ("git-commit-sign-off", "false", "GIT_COMMIT_SIGN_OFF"),
    ("git-commit-message-path", "/app/config/commit.template", ""),
    ("git-commit-method", "git", "GIT_COMMIT_METHOD"),
    ("enable-webhook", "false", "ENABLE_WEBHOOK"),
    ("webhook-require-secret", "true", "WEBHOOK_REQUIRE_SECRET"),
    ("webhook-port", "8082", "WEBHOOK_PORT"),
    ("docker-webhook-secret", "none", "DOCKER_WEBHOOK_SECRET"),
    ("ghcr-webhook-secret", "none", "GHCR_WEBHOOK_SECRET"),
    ("quay-webhook-secret", "none", "QUAY_WEBHOOK_SECRET"),
    ("harbor-webhook-secret", "none", "HARBOR_WEBHOOK_SECRET"),
    ("aliyun-acr-webhook-secret", "none", "ALIYUN_ACR_WEBHOOK_SECRET"),
    ("acr-webhook-secret", "none", "ACR_WEBHOOK_SECRET"),
    ("cloudevents-webhook-secret", "none", "CLOUDEVENTS_WEBHOOK_SECRET"),
    ("webhook-ratelimit-allowed", "0", "WEBHOOK_RATELIMIT_ALLOWED"),
    ("disable-tls", "false", "DISABLE_TLS"),
    ("tlsminversion", "1.3", "TLS_MIN_VERSION"),
    ("tlsmaxversion", "1.3", "TLS_MAX_VERSION"),
    ("tlsciphers", "none", "TLS_CIPHERS"),
    // New ones.
    ("minimum-interval", "10s", ""),
    ("cache-dir", "none", ""),
    ("metadata-refresh-interval", "1h", ""),
    ("directory", "none", ""),
    ("allow-env-ext-credentials", "true", ""),
    ("allow-foreign-repositories", "false", ""),
    ("kube-events", "true", "IMAGE_UPDATER_CREATE_KUBE_EVENTS"),
];

fn parse(line: &[&str]) -> Result<Parsed, args::UsageError> {
    args::parse(std::iter::once(&"argocd-image-updater").chain(line).map(Into::into))
}

fn settings(line: &[&str]) -> Settings {
    match parse(line) {
        Ok(Parsed::Run(args)) => Settings::resolve(*args, &|_| None).expect("settings").0,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn program(line: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_argocd-image-updater"))
        .args(line)
        .output()
        .expect("the program starts")
}

#[test]
fn help_tells_every_flag_with_its_default_and_its_variable() {
    let Ok(Parsed::Help(help)) = parse(&["run", "--help"]) else {
        panic!("no help")
    };
    let mut told = Vec::new();
    for part in help.split("\n      --").skip(1) {
        let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = words.split(['[', ' ']).next().expect("a name").to_owned();
        let Some((_, default, variable)) = FLAGS.iter().find(|(flag, ..)| *flag == name) else {
            panic!("--{name} is not in the table of this test")
        };
        assert!(
            words.contains(&format!("[default: {default}]"))
                || words.contains(&format!("[default: {default},"))
                || words.contains(&format!("[default: {default};")),
            "--{name}: {words}"
        );
        assert_eq!(words.contains("[env: "), !variable.is_empty(), "--{name}: {words}");
        assert!(
            variable.is_empty() || words.contains(&format!("[env: {variable}]")),
            "--{name}: {words}"
        );
        told.push(name);
    }
    let missing: Vec<_> = FLAGS
        .iter()
        .filter(|(flag, ..)| !told.iter().any(|name| name == flag))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_variable_that_help_names_is_read() {
    let read = Mutex::new(Vec::new());
    let Ok(Parsed::Run(args)) = parse(&["run"]) else {
        panic!("not run")
    };
    Settings::resolve(*args, &|name| {
        read.lock().expect("no panic").push(name.to_owned());
        None
    })
    .expect("settings");
    let read = read.into_inner().expect("no panic");
    for (flag, _, variable) in FLAGS.iter().filter(|(.., variable)| !variable.is_empty()) {
        assert!(read.iter().any(|name| name == variable), "--{flag}: {variable}");
    }
}

#[test]
fn flags_may_stand_before_the_subcommand_and_the_last_of_equal_ones_wins() {
    for line in [
        &["--interval=5m", "run"][..],
        &["--interval", "5m", "run"],
        &["--interval=9m", "run", "--interval=5m"],
        &["run", "--interval=9m", "--interval", "5m"],
        &["--metrics-bind-address=:8443", "run", "--interval=5m"],
        &["--dry-run", "--interval", "5m", "run", "--once=false"],
        &["--loglevel", "run", "run", "--loglevel=info", "--interval=5m"],
    ] {
        match line {
            // The value is taken from the next word, as in Go, also when it is a word that means something elsewhere.
            ["--loglevel", ..] => assert!(parse(line).is_err(), "{line:?}"),
            _ => assert_eq!(settings(line).interval.to_string(), "5m", "{line:?}"),
        }
    }
    assert_eq!(settings(&["run", "--interval", "-5s"]).interval.to_string(), "-5s");
}

#[test]
fn boolean_flags_take_no_value_or_one_after_an_equals_sign() {
    for (flag, expected) in [
        ("--dry-run", true),
        ("--dry-run=true", true),
        ("--dry-run=True", true),
        ("--dry-run=TRUE", true),
        ("--dry-run=t", true),
        ("--dry-run=T", true),
        ("--dry-run=1", true),
        ("--dry-run=false", false),
        ("--dry-run=False", false),
        ("--dry-run=FALSE", false),
        ("--dry-run=f", false),
        ("--dry-run=F", false),
        ("--dry-run=0", false),
    ] {
        assert_eq!(settings(&["run", flag]).dry_run, expected, "{flag}");
    }
    for wrong in [
        &["run", "--dry-run", "false"][..],
        &["run", "--dry-run=yes"],
        &["run", "--dry-run="],
        &["run", "-dry-run"],
    ] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn what_is_out_of_range_on_the_command_line_is_refused() {
    for flag in [
        "--max-concurrent-apps=0",
        "--max-concurrent-apps=101",
        "--max-concurrent-reconciles=0",
        "--max-concurrent-reconciles=11",
        "--webhook-port=65536",
        "--webhook-ratelimit-allowed=-1",
        "--interval=120",
        "--minimum-interval=-1s",
        "--loglevel=loud",
        "--logformat=JSON",
        "--watch-namespaces=,",
        "--git-commit-method=svn",
        "--health-probe-bind-address=8081",
    ] {
        let name = flag.split('=').next().expect("a name");
        match parse(&["run", flag]) {
            Err(error) => assert!(error.to_string().contains(name), "{flag}: {error}"),
            Ok(_) => panic!("{flag} is accepted"),
        }
    }
    assert_eq!(
        settings(&["run", "--watch-namespaces= * "]).watch_namespaces,
        WatchScope::All
    );
}

#[test]
fn a_secret_is_never_told() {
    let Ok(Parsed::Run(args)) = parse(&["run", "--quay-webhook-secret=hunter2"]) else {
        panic!("not run")
    };
    assert!(!format!("{args:?}").contains("hunter2"));
    let error = Settings::resolve(*args, &|_| None).expect_err("webhooks are not there yet");
    assert!(
        matches!(error, SettingsError::NotYet { .. }) && !error.to_string().contains("hunter2"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_understood_ends_with_1_and_says_how_it_is_used() {
    for line in [
        &["fly"][..],
        &["run", "--fly"],
        &["--interval=5m"],
        &["crd", "--dry-run"],
        &["completion", "tcsh"],
        &["run", "now"],
    ] {
        let output = program(line);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line:?}: {told}");
        assert!(
            told.starts_with("error: ") && told.contains("--help"),
            "{line:?}: {told}"
        );
        assert!(output.stdout.is_empty(), "{line:?}");
    }
    let told = program(&["run", "--fly"]).stderr;
    assert!(String::from_utf8_lossy(&told).contains("Usage: argocd-image-updater run"));
}

#[test]
fn help_version_and_scripts_are_printed_with_status_0() {
    for (line, expected) in [
        (&[][..], "Usage: argocd-image-updater"),
        (&["--help"], "Usage: argocd-image-updater"),
        (&["help"], "Usage: argocd-image-updater"),
        (&["help", "run"], "--interval"),
        (&["run", "-h"], "--interval"),
        (&["--interval=5m", "run", "--help"], "--interval"),
        (&["crd"], "kind: CustomResourceDefinition"),
        (&["completion", "bash"], "argocd-image-updater"),
        (&["completion", "zsh"], "#compdef argocd-image-updater"),
        (&["completion", "fish"], "complete -c argocd-image-updater"),
        (&["completion", "powershell"], "Register-ArgumentCompleter"),
    ] {
        let output = program(line);
        assert_eq!(output.status.code(), Some(0), "{line:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(expected), "{line:?}");
    }
}

#[test]
fn version_has_six_lines_or_one() {
    let output = program(&["version"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let names: Vec<_> = text
        .lines()
        .map(|line| line.split(": ").next().unwrap_or_default())
        .collect();
    let expected = [
        "argocd-image-updater",
        "  BuildDate",
        "  GitCommit",
        "  GoVersion",
        "  GoCompiler",
        "  Platform",
    ];
    assert_eq!(names, expected, "{text}");
    let short = String::from_utf8(program(&["version", "--short"]).stdout).expect("text");
    let first = text.lines().next().unwrap_or_default();
    assert_eq!(first, format!("argocd-image-updater: {}", short.trim_end()));
    assert!(
        short.starts_with(concat!("v", env!("CARGO_PKG_VERSION"), "+")),
        "{short}"
    );
}
