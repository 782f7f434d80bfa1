//! Answers of every kind, from a server that a test plays.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use holdover_core::config::CheckKind;
use holdover_core::config::target::Target;

use super::super::helper::Helpers;
use super::super::tests::{block_on, silent};
use super::*;

/// Asks a server that answers with this; gives the verdict and what was asked.
fn ask(path: &str, answer: &str) -> (Outcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.to_owned();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut octets) = (Vec::new(), [0; 1_024]);
        while !request.ends_with(b"\r\n\r\n") {
            let length = stream.read(&mut octets).unwrap();
            request.extend_from_slice(&octets[..length]);
        }
        let _ = stream.write_all(answer.as_bytes());
        String::from_utf8(request).unwrap()
    });
    let text = format!("http://127.0.0.1:{port}{path}");
    let Target::Http(http) = Target::parse(CheckKind::Http, &text) else { panic!("{text}") };
    let outcome = block_on(async {
        let (names, tls) = (Names::new(silent()), Tls::new(Helpers::new("a test", 1)));
        probe(&http, true, &names, &tls, Instant::now() + Duration::from_secs(10)).await
    });
    (outcome, server.join().unwrap())
}

fn why(path: &str, answer: &str) -> ProbeFailure {
    ask(path, answer).0.unwrap_err().why
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nall's well";

#[test]
fn the_request_is_one_get_that_ends_the_connection() {
    let (outcome, request) =
        ask("/health?deep=1 header \"X-Probe: a b\" header \"Host: www.example.org\"", OK);
    outcome.unwrap();
    assert!(request.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{request}");
    for line in ["host: www.example.org", "x-probe: a b", "connection: close", "user-agent: holdover"] {
        assert_eq!(request.matches(&format!("{line}\r\n")).count(), 1, "{request}");
    }
}

#[test]
fn the_status_must_be_expected() {
    ask("/", OK).0.unwrap();
    ask("/", "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").0.unwrap();
    assert_eq!(why("/ expect 200-299", "HTTP/1.1 301 Moved\r\n\r\n"), ProbeFailure::BadStatus(301));
    assert_eq!(why("/", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), ProbeFailure::BadStatus(503));
    ask("/ expect 503,204", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").0.unwrap();
}

#[test]
fn the_body_must_hold_the_text() {
    ask("/ body \"all's well\"", OK).0.unwrap();
    assert_eq!(why("/ body \"all is well\"", OK), ProbeFailure::BadBody);
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nall's \r\n4\r\nwell\r\n0\r\n\r\n";
    ask("/ body \"all's well\"", chunked).0.unwrap();
    // Nobody reads more than 64 KiB.
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}needle", "x".repeat(BODY));
    assert_eq!(why("/ body needle", &long), ProbeFailure::BadBody);
    ask("/", &long).0.unwrap();
}

#[test]
fn what_breaks_off_or_is_no_http_fails() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nall",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let (outcome, _) = ask("/", answer);
        let failure = outcome.unwrap_err();
        assert!(
            matches!(failure.why, ProbeFailure::BadBody | ProbeFailure::Refused),
            "{answer:?}: {failure}"
        );
    }
}

#[test]
fn an_answer_that_never_begins_neither_lasts_nor_starves_others() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!("http://{}/ interval 1s", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1_024]);
        let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000);
        while stream.write_all(interim.as_bytes()).is_ok() {}
    });
    let Target::Http(http) = Target::parse(CheckKind::Http, text.split(' ').next().unwrap()) else {
        panic!()
    };
    let failure = block_on(async {
        let (names, tls) = (Names::new(silent()), Tls::new(Helpers::new("a test", 1)));
        probe(&http, true, &names, &tls, Instant::now() + Duration::from_secs(10)).await.unwrap_err()
    });
    assert!(
        failure.why == ProbeFailure::BadBody && failure.detail.contains("no end of the answer"),
        "{failure}"
    );
    server.join().unwrap();
}
