//! How the git server answers: what stands in front of `git http-backend`, and `git http-backend` as CGI.

use std::{
    collections::VecDeque,
    process::Stdio,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, stream};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::ChildStdout,
};

use super::{Inner, clean};

/// Before it sends a large pack git asks with an empty request whether it may.
pub(super) fn is_probe(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "4")
}

pub(super) async fn handle(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    inner.count(request.method(), &path, request.headers());
    inner.step(false).await;
    let (delay, fail_with, redirect_to, authorization) = {
        let switches = inner.switches();
        (
            switches.delay,
            switches.fail_with,
            switches.redirect_to,
            switches.authorization.clone(),
        )
    };
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    if let Some(status) = fail_with.and_then(|code| StatusCode::from_u16(code).ok()) {
        return (status, "the server is told to fail").into_response();
    }
    if let Some(other) = redirect_to {
        let place = format!("http://{other}{path}?{query}");
        return (StatusCode::FOUND, [(header::LOCATION, place)]).into_response();
    }
    if let Some(expected) = &authorization {
        let given = request.headers().get(header::AUTHORIZATION);
        if given.is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
            let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
            return (StatusCode::UNAUTHORIZED, challenge, "who are you?").into_response();
        }
    }
    inner.count_listing(&path, &query);
    if path.ends_with("/git-receive-pack") && !is_probe(request.headers()) {
        let repository = path.trim_start_matches('/').split(".git/").next().unwrap_or_default();
        let rejection = inner.switches().rejections.pop_front();
        if let Some(reason) = rejection {
            return reject(request, &reason).await;
        }
        let next = inner.switches().sneak.get_mut(repository).and_then(VecDeque::pop_front);
        if let Some((branch, path, text)) = next {
            inner.commit(repository, &branch, "somebody was faster", &[(&path, &text)]);
        }
    }
    backend(&inner, request, &path, &query)
        .await
        .unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

/// The largest push that is rejected, in bytes.
const MAX_REJECTED: usize = 16 << 20;

/// Answers a push with `ng <reference> <reason>` for every reference (gitprotocol-pack: report-status in side band 1).
async fn reject(request: Request, reason: &str) -> Response {
    let body = axum::body::to_bytes(request.into_body(), MAX_REJECTED).await;
    let body = body.expect("a push is read to its end");
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let mut report = line("unpack ok\n");
    let mut rest = &body[..];
    // Commands are lines of `<old> <new> <reference>`; capabilities follow a zero byte, and a flush line ends them.
    while let Some(length) = rest.get(..4).and_then(|head| std::str::from_utf8(head).ok()) {
        let length = usize::from_str_radix(length, 16).unwrap_or_default();
        let Some(command) = rest.get(4..length) else { break };
        let command = String::from_utf8_lossy(command);
        let reference = command
            .split('\0')
            .next()
            .unwrap_or_default()
            .trim_end()
            .rsplit(' ')
            .next();
        report += &line(&format!("ng {} {reason}\n", reference.unwrap_or_default()));
        rest = &rest[length..];
    }
    report += "0000";
    let answer = format!("{}0000", line(&format!("\u{1}{report}")));
    let kind = [(header::CONTENT_TYPE, "application/x-git-receive-pack-result")];
    (kind, answer).into_response()
}

/// Runs `git http-backend` for one request, streaming both ways.
async fn backend(inner: &Arc<Inner>, request: Request, path: &str, query: &str) -> std::io::Result<Response> {
    let mut command = tokio::process::Command::new("git");
    clean(command.as_std_mut())
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", inner.root.path())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", request.method().as_str())
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", text_of(request.headers(), "content-type"))
        .env("HTTP_CONTENT_ENCODING", text_of(request.headers(), "content-encoding"))
        .env("GIT_PROTOCOL", text_of(request.headers(), "git-protocol"))
        .env("REMOTE_USER", "tester")
        .env("REMOTE_ADDR", "127.0.0.1");
    // Without a length (chunked) the backend reads to the end.
    if let Some(length) = request.headers().get(header::CONTENT_LENGTH) {
        command.env("CONTENT_LENGTH", length.to_str().unwrap_or_default());
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn()?;
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let mut body = request.into_body().into_data_stream();
    let steps = Arc::clone(inner);
    tokio::spawn(async move {
        while let Some(Ok(piece)) = body.next().await {
            steps.step(false).await;
            if stdin.write_all(&piece).await.is_err() {
                break;
            }
        }
    });
    let response = answer(inner, BufReader::new(stdout)).await?;
    tokio::spawn(async move { child.wait().await });
    Ok(response)
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Turns what a CGI program prints into a response.
async fn answer(inner: &Arc<Inner>, mut stdout: BufReader<ChildStdout>) -> std::io::Result<Response> {
    let (mut status, mut headers) = (StatusCode::OK, HeaderMap::new());
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).await? == 0 {
            return Err(std::io::Error::other("git http-backend ended without an answer"));
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            status = code.parse().unwrap_or(StatusCode::BAD_GATEWAY);
        } else if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let state = (stdout, PackWatch::new(Arc::clone(inner)));
    let pieces = stream::unfold(state, |(mut stdout, mut watch)| async move {
        let mut piece = vec![0; 32 << 10];
        watch.inner.step(watch.seen).await;
        let count = match stdout.read(&mut piece).await {
            Ok(0) => return None,
            Ok(count) => count,
            Err(error) => return Some((Err(error), (stdout, watch))),
        };
        piece.truncate(count);
        watch.see(&piece);
        Some((Ok(piece), (stdout, watch)))
    });
    Ok((status, headers, Body::from_stream(pieces)).into_response())
}

/// Counts the pack of a response: protocol 2 announces it by a line of its own.
struct PackWatch {
    inner: Arc<Inner>,
    seen: bool,
    /// The end of what came before, in which the line may have begun.
    tail: Vec<u8>,
}

impl PackWatch {
    const LINE: &'static [u8] = b"packfile\n";

    fn new(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            seen: false,
            tail: Vec::new(),
        }
    }

    fn see(&mut self, piece: &[u8]) {
        if self.seen {
            return;
        }
        self.tail.extend_from_slice(piece);
        if self.tail.windows(Self::LINE.len()).any(|window| window == Self::LINE) {
            self.seen = true;
            self.inner.fetches.fetch_add(1, Ordering::SeqCst);
        }
        let keep = self.tail.len().min(Self::LINE.len());
        self.tail.drain(..self.tail.len() - keep);
    }
}
