//! The command `template`, as a user runs it.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// Runs `template` with these arguments; what it reads from standard input is `template`.
fn run(arguments: &[&str], template: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_argocd-image-updater"))
        .arg("template")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that is not interested ends without reading.
    let _ = stdin.write_all(template.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn without_a_path_it_prints_the_built_in_message() {
    for arguments in [&[][..], &["--kind=message"]] {
        let run = run(arguments, "");
        assert!(run.status.success());
        let lines: Vec<_> = text(&run.stdout).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert_eq!(lines[0], "build: automatic update of example-app");
        assert_eq!(lines[2], "updates image example/example tag '1.0.0' to '1.0.1'");
        let digests = lines[3]
            .strip_prefix("updates image example/updater tag 'sha256:")
            .expect("digests");
        let (old, new) = digests.split_once("' to 'sha256:").expect("two digests");
        assert_eq!((old.len(), new.len()), (64, 65), "{digests}");
        assert_ne!(old, new.trim_end_matches('\''));
        assert_eq!((lines[1].as_str(), lines[4].as_str()), ("", ""));
        assert_eq!(text(&run.stderr), "");
    }
}

#[test]
fn a_template_of_a_file_or_of_standard_input_is_printed_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("commit.template");
    for (template, expected) in [
        ("update {{ .AppName }}", "update example-app\n"),
        ("{{ len .AppChanges }}\n", "2\n\n"),
        (
            "{{ range .AppChanges }}{{ .Image }};{{ end }}",
            "example/example;example/updater;\n",
        ),
        ("a\u{1b}[31mb\tc", "a\u{fffd}[31mb\tc\n"),
    ] {
        std::fs::write(&file, template).expect("a writable folder");
        let of_file = run(&[file.to_str().expect("a path")], "");
        assert_eq!(text(&of_file.stdout), expected, "{template}");
        let of_stdin = run(&["-"], template);
        assert_eq!(text(&of_stdin.stdout), expected, "{template}");
        assert_eq!(
            (text(&of_file.stderr), text(&of_stdin.stderr)),
            (String::new(), String::new())
        );
        assert!(of_file.status.success() && of_stdin.status.success());
    }
}

#[test]
fn a_template_that_tells_labels_is_shown_with_and_without_them() {
    let template = "{{ range .AppChanges }}{{ index .Labels \"org.opencontainers.image.version\" }}|\
                    {{ .Labels.ticket }};{{ end }}\n";
    for (flags, labels) in [
        (&["-"][..], "1.0.1|<no value>;1.0.1|<no value>;"),
        (&["-", "--label=ticket=SHOP-17=b"], "1.0.1|SHOP-17=b;1.0.1|SHOP-17=b;"),
        (
            &["-", "--label", "ticket=a", "--label=org.opencontainers.image.version=2"],
            "2|a;2|a;",
        ),
    ] {
        let run = run(flags, template);
        let expected =
            format!("== When the images have labels\n{labels}\n\n== When they have none\n|<no value>;|<no value>;\n\n");
        assert_eq!(text(&run.stdout), expected, "{flags:?}: {}", text(&run.stderr));
    }
}

#[test]
fn a_branch_is_known_by_its_fields() {
    let told = "this is a branch, by its fields; --kind=message tells otherwise\n";
    for (flags, template, expected, stderr) in [
        (
            &["-"][..],
            "iu/{{ .AppNamespace }}/{{ .AppName }}-{{ slice .SHA256 0 4 }}",
            "iu/argocd/example-app-",
            told,
        ),
        (&["-"], "{{ .TargetKey }}", "0f1e2d3c\n", told),
        (
            &["-", "--kind=branch"],
            "{{ range .Images }}{{ .Alias }}-{{ .NewTag }}/{{ end }}x",
            "example-1.0.1/updater-sha256",
            "",
        ),
        (&["-", "--kind=branch"], "fixed\n", "fixed\n", ""),
        (&["-"], "fixed", "fixed\n", ""),
        (&["--kind=branch"], "", "image-updater-0f1e2d3c-", ""),
        (
            &["-", "--kind=branch"],
            " ",
            "image-updater-0f1e2d3c-",
            "standard input has no text: this is the built-in template\n",
        ),
    ] {
        let run = run(flags, template);
        if template.contains("NewTag") {
            // A digest has a colon, which no branch has.
            assert_eq!(run.status.code(), Some(1));
            assert!(text(&run.stderr).contains(expected), "{}", text(&run.stderr));
            continue;
        }
        assert!(text(&run.stdout).starts_with(expected), "{template}: {run:?}");
        assert_eq!(text(&run.stderr), stderr, "{template}");
        assert!(run.status.success());
    }
}

#[test]
fn what_cannot_be_used_is_told_with_its_line_and_ends_with_1() {
    let nothing = "/does/not/exist";
    for (flags, template, expected) in [
        (&[nothing][..], "", "/does/not/exist cannot be read: "),
        (
            &["-"],
            "a\nb {{ nope }}",
            "standard input: line 2: there is no function \"nope\"",
        ),
        (&["-"], "{{ range .AppChanges }}", "standard input: line 1: "),
        (&["-"], "a\n{{ .Nope }}", "standard input: line 2: "),
        (
            &["-"],
            "{{ .Nope }}",
            "; commits would say \"build: update of application example-app\"",
        ),
        (
            &["-"],
            "{{/* nothing */}}",
            "standard input: the template gives a blank message",
        ),
        (&["-", "--kind=branch"], "{{ .AppChanges }}", "standard input: line 1: "),
        (
            &["-", "--kind=branch"],
            "main:{{ .AppName }}",
            "gives \"main:example-app\", which git refuses: it contains",
        ),
        (&["-", "--label=x"], "", "it must be KEY=VALUE"),
        (&["-", "--kind=file"], "", "--kind"),
        (&["-", "b"], "", "unexpected argument 'b'"),
    ] {
        let run = run(flags, template);
        assert_eq!(run.status.code(), Some(1), "{flags:?} {template:?}");
        assert_eq!(text(&run.stdout), "", "{flags:?} {template:?}");
        let stderr = text(&run.stderr);
        assert!(
            stderr.starts_with("error: ") && stderr.contains(expected),
            "{template:?}: {stderr}"
        );
    }
}

#[test]
fn the_page_about_templates_shows_what_is_true() {
    let page = include_str!("../../docs/templates.md");
    let blocks: Vec<_> = page.split("```").skip(1).step_by(2).collect();
    let (template, console) = (blocks[0].trim_start_matches('\n'), blocks[1]);
    let shown = console.split_once("commit.template\n").expect("a command").1;
    let shown = shown.strip_suffix("...\n").expect("the rest is left out");

    let run = run(&["-"], template);

    let printed = text(&run.stdout);
    assert!(printed.starts_with(shown), "{printed}{}", text(&run.stderr));
    assert!(
        printed.contains("* example/example 1.0.0 -> 1.0.1\n"),
        "without labels: {printed}"
    );
    let built_in = blocks[2].trim_start_matches('\n');
    assert_eq!(
        built_in,
        argocd_image_updater::core::render::message_template::DEFAULT_TEMPLATE
    );
}

#[test]
fn help_teaches_every_field_and_function() {
    let help = text(&run(&["--help"], "").stdout);
    for word in [
        ".AppName",
        ".AppChanges",
        ".Image",
        ".OldTag",
        ".NewTag",
        ".Labels",
        ".Images",
        ".Name",
        ".Alias",
        ".SHA256",
        ".AppNamespace",
        ".TargetKey",
        "printf",
        "urlquery",
        "--kind",
        "--label",
        "git.commit-message-template",
    ] {
        assert!(help.contains(word), "{word}");
    }
}
