use std::collections::HashMap;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    run: RunArgs,
}

fn parse(flags: &[&str]) -> Result<Flags, clap::Error> {
    let matches = flags::as_in_go(Flags::command()).try_get_matches_from(std::iter::once(&"run").chain(flags))?;
    Flags::from_arg_matches(&matches)
}

fn resolve(flags: &[&str], env: &[(&str, &str)]) -> Result<(Settings, Vec<String>), SettingsError> {
    let args = parse(flags).unwrap();
    let env: HashMap<_, _> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::resolve(args.run, &|name| env.get(name).cloned())
}

fn settings(flags: &[&str], env: &[(&str, &str)]) -> Settings {
    resolve(flags, env).unwrap().0
}

#[test]
fn nothing_given_means_the_documented_defaults_and_no_warning() {
    let (settings, warnings) = resolve(&[], &[]).unwrap();
    let expected = Settings {
        interval: GoDuration::from_secs(120),
        minimum_interval: GoDuration::from_secs(10),
        once: false,
        dry_run: false,
        directory: None,
        max_concurrent_apps: None,
        max_concurrent_reconciles: None,
        kubeconfig: None,
        argocd_namespace: None,
        watch_namespaces: WatchScope::Own,
        leader_election: true,
        leader_election_namespace: None,
        disable_kube_events: false,
        registries_conf_path: "/app/config/registries.conf".to_owned(),
        allow_env_ext_credentials: true,
        metadata_refresh_interval: GoDuration::from_secs(3600),
        cache_dir: None,
        git_commit_user: "argocd-image-updater".to_owned(),
        git_commit_email: "noreply@argoproj.io".to_owned(),
        git_commit_message_path: "/app/config/commit.template".into(),
        allow_foreign_repositories: false,
        log_level: LogLevel::Info,
        log_format: LogFormat::Text,
        health_probe_bind_address: ":8081".parse().unwrap(),
    };
    assert_eq!(settings, expected);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn a_flag_wins_over_its_variable_also_when_it_is_empty() {
    let env = [
        ("IMAGE_UPDATER_INTERVAL", "10m"),
        ("ARGOCD_NAMESPACE", "gitops"),
        ("IMAGE_UPDATER_WATCH_NAMESPACES", "*"),
        ("GIT_COMMIT_USER", "bot"),
        ("IMAGE_UPDATER_LOGLEVEL", "DEBUG"),
        ("MAX_CONCURRENT_APPS", "7"),
    ];
    let from_env = settings(&[], &env);
    assert_eq!(from_env.interval, GoDuration::from_secs(600));
    assert_eq!(from_env.argocd_namespace.as_deref(), Some("gitops"));
    assert_eq!(from_env.watch_namespaces, WatchScope::All);
    assert_eq!(from_env.git_commit_user, "bot");
    assert_eq!(from_env.log_level, LogLevel::Debug);
    assert_eq!(from_env.max_concurrent_apps, Some(7));

    let flags = [
        "--interval=5m",
        "--argocd-namespace=",
        "--watch-namespaces=",
        "--loglevel=error",
        "--max-concurrent-apps=100",
    ];
    let given = settings(&flags, &env);
    assert_eq!(given.interval, GoDuration::from_secs(300));
    assert_eq!(given.argocd_namespace, None);
    assert_eq!(given.watch_namespaces, WatchScope::Own);
    assert_eq!(given.log_level, LogLevel::Error);
    assert_eq!(given.max_concurrent_apps, Some(100));
    assert_eq!(settings(&["--registries-conf-path="], &[]).registries_conf_path, "");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let names = [
        "IMAGE_UPDATER_INTERVAL",
        "IMAGE_UPDATER_LOGLEVEL",
        "IMAGE_UPDATER_LOGFORMAT",
        "IMAGE_UPDATER_WATCH_NAMESPACES",
        "IMAGE_UPDATER_KUBE_EVENTS",
        "MAX_CONCURRENT_APPS",
        "GIT_COMMIT_USER",
        "GIT_COMMIT_METHOD",
        "GIT_COMMIT_SIGNING_KEY",
        "ENABLE_WEBHOOK",
        "WEBHOOK_PORT",
        "QUAY_WEBHOOK_SECRET",
        "TLS_MIN_VERSION",
    ];
    let env: Vec<_> = names.iter().map(|name| (*name, "")).collect();
    assert_eq!(resolve(&[], &env).unwrap(), resolve(&[], &[]).unwrap());
}

#[test]
fn an_unusable_variable_gives_its_default_and_a_warning() {
    for (name, value) in [
        ("IMAGE_UPDATER_INTERVAL", "120"),
        ("MAX_CONCURRENT_APPS", "0"),
        ("MAX_CONCURRENT_APPS", "101"),
        ("MAX_CONCURRENT_APPS", "ten"),
        ("MAX_CONCURRENT_RECONCILES", "11"),
        ("MAX_CONCURRENT_RECONCILES", "99999999999999999999"),
        ("IMAGE_UPDATER_KUBE_EVENTS", "1"),
        ("IMAGE_UPDATER_KUBE_EVENTS", "yes"),
        ("ENABLE_WEBHOOK", "on"),
        ("WEBHOOK_PORT", "65536"),
        ("WEBHOOK_RATELIMIT_ALLOWED", "-1"),
    ] {
        let (settings, warnings) = resolve(&[], &[(name, value)]).unwrap();
        assert_eq!(settings, resolve(&[], &[]).unwrap().0, "{name}={value}");
        assert_eq!(warnings.len(), 1, "{name}={value}: {warnings:?}");
        assert!(
            warnings[0].contains(name) && warnings[0].contains("ignored"),
            "{warnings:?}"
        );
    }
}

#[test]
fn a_variable_without_a_harmless_default_stops_the_start() {
    for (name, value) in [
        ("IMAGE_UPDATER_LOGLEVEL", "loud"),
        ("IMAGE_UPDATER_LOGFORMAT", "JSON"),
        ("IMAGE_UPDATER_WATCH_NAMESPACES", ","),
        ("GIT_COMMIT_METHOD", "svn"),
        ("GIT_COMMIT_METHOD", "api"),
        ("GIT_COMMIT_SIGNING_KEY", "0A1B2C"),
        ("GIT_COMMIT_SIGN_OFF", "True"),
    ] {
        let error = resolve(&[], &[(name, value)]).unwrap_err();
        assert!(error.to_string().contains(name), "{name}={value}: {error}");
    }
}

#[test]
fn the_old_variable_for_events_turns_them_off() {
    for (flags, env, disabled) in [
        (&[][..], &[("IMAGE_UPDATER_KUBE_EVENTS", "true")][..], true),
        (&[], &[("IMAGE_UPDATER_KUBE_EVENTS", "False")], false),
        (&[], &[("IMAGE_UPDATER_CREATE_KUBE_EVENTS", "false")], true),
        (
            &[],
            &[
                ("IMAGE_UPDATER_CREATE_KUBE_EVENTS", "true"),
                ("IMAGE_UPDATER_KUBE_EVENTS", "true"),
            ],
            false,
        ),
        (
            &["--disable-kube-events=false"],
            &[("IMAGE_UPDATER_KUBE_EVENTS", "true")],
            false,
        ),
        (&["--kube-events"], &[("IMAGE_UPDATER_KUBE_EVENTS", "true")], false),
        (&["--kube-events=false"], &[], true),
        (&["--disable-kube-events"], &[], true),
    ] {
        assert_eq!(settings(flags, env).disable_kube_events, disabled, "{flags:?} {env:?}");
    }
    assert!(parse(&["--kube-events", "--disable-kube-events"]).is_err());
}

#[test]
fn once_means_no_timer_and_no_probes() {
    let settings = settings(&["--once", "--interval=5m", "--health-probe-bind-address=:9"], &[]);
    assert!(settings.interval.is_zero());
    assert!(settings.health_probe_bind_address.is_off());
}

#[test]
fn what_is_kept_of_registries_has_an_age_that_is_not_negative_and_a_folder_if_one_is_named() {
    let given = settings(&["--metadata-refresh-interval=0", "--cache-dir=/cache"], &[]);
    assert!(given.metadata_refresh_interval.is_zero());
    assert_eq!(given.cache_dir, Some(PathBuf::from("/cache")));
    assert_eq!(settings(&["--cache-dir="], &[]).cache_dir, None);
    let refused = parse(&["--metadata-refresh-interval=-1h"])
        .err()
        .map(|error| error.to_string());
    assert!(refused.is_some_and(|error| error.contains("must not be negative")));
}

#[test]
fn foreign_repositories_are_written_only_when_that_is_asked_for() {
    for (flags, expected) in [
        (&[][..], false),
        (&["--allow-foreign-repositories"], true),
        (&["--allow-foreign-repositories=true"], true),
        (&["--allow-foreign-repositories=false"], false),
    ] {
        assert_eq!(settings(flags, &[]).allow_foreign_repositories, expected, "{flags:?}");
    }
}

#[test]
fn a_flag_of_a_later_feature_is_refused_unless_it_is_left_at_its_default() {
    let defaults = [
        "--git-commit-signing-key=",
        "--git-commit-signing-method=openpgp",
        "--git-commit-sign-off=false",
        "--git-commit-method=git",
        "--git-commit-method=",
        "--enable-webhook=false",
        "--webhook-require-secret",
        "--webhook-port=8082",
        "--docker-webhook-secret=",
        "--ghcr-webhook-secret=",
        "--quay-webhook-secret=",
        "--harbor-webhook-secret=",
        "--aliyun-acr-webhook-secret=",
        "--acr-webhook-secret=",
        "--cloudevents-webhook-secret=",
        "--webhook-ratelimit-allowed=0",
        "--disable-tls=false",
        "--tlsminversion=1.3",
        "--tlsmaxversion=1.3",
        "--tlsciphers=",
        "--enable-http2=false",
    ];
    for flag in defaults {
        assert_eq!(resolve(&[flag], &[]), resolve(&[], &[]), "{flag}");
        let name = flag.split('=').next().unwrap();
        let other = match name {
            "--webhook-port" | "--webhook-ratelimit-allowed" => "7",
            "--git-commit-method" => "api",
            "--webhook-require-secret" => "false",
            _ if flag.ends_with("=false") => "true",
            _ => "other",
        };
        let error = resolve(&[&format!("{name}={other}")], &[]).unwrap_err().to_string();
        assert!(
            error.contains(name) && error.contains("not yet supported"),
            "{flag}: {error}"
        );
        assert!(!error.contains("other"), "{error}");
    }
}

#[test]
fn the_shipped_environment_of_a_later_feature_only_warns() {
    for (name, value) in [
        ("ENABLE_WEBHOOK", "true"),
        ("WEBHOOK_PORT", "9000"),
        ("WEBHOOK_REQUIRE_SECRET", "false"),
        ("QUAY_WEBHOOK_SECRET", "hunter2"),
        ("TLS_MIN_VERSION", "1.2"),
        ("DISABLE_TLS", "TRUE"),
        ("GIT_COMMIT_SIGNING_METHOD", "ssh"),
    ] {
        let (_, warnings) = resolve(&[], &[(name, value)]).unwrap();
        assert!(
            warnings.len() == 1 && warnings[0].contains(name),
            "{name}: {warnings:?}"
        );
        assert!(!warnings[0].contains("hunter2"), "{warnings:?}");
    }
}

#[test]
fn the_arguments_of_the_shipped_manifests_start_with_a_warning_about_metrics() {
    let (_, warnings) = resolve(&["--metrics-bind-address=:8443"], &[]).unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("metrics"), "{warnings:?}");
    assert_eq!(
        resolve(&["--metrics-bind-address=0"], &[]).unwrap().1,
        Vec::<String>::new()
    );
    let users = [
        "--interval=5m",
        "--health-probe-bind-address=:8080",
        "--registries-conf-path=/app/config/registries.conf",
        "--loglevel=info",
        "--leader-election=false",
    ];
    assert!(!settings(&users, &[]).leader_election);
}

#[test]
fn a_short_interval_is_warned_about() {
    for (interval, warned) in [
        ("59s", true),
        ("15s", true),
        ("60s", false),
        ("0", false),
        ("-5s", false),
    ] {
        let (_, warnings) = resolve(&[&format!("--interval={interval}")], &[]).unwrap();
        assert_eq!(warnings.len(), usize::from(warned), "{interval}: {warnings:?}");
    }
}

#[test]
fn the_commit_template_has_its_place_and_an_empty_path_means_none() {
    for (flags, expected) in [
        (&[][..], COMMIT_TEMPLATE_PATH),
        (&["--git-commit-message-path=/etc/message"], "/etc/message"),
        (&["--git-commit-message-path="], ""),
    ] {
        assert_eq!(
            settings(flags, &[]).git_commit_message_path,
            Path::new(expected),
            "{flags:?}"
        );
    }
}
