//! `check … http` and `https`: whether a URL answers as it should (RFC 9110, RFC 9112).
//!
//! One GET on a connection of its own, closed afterwards. Redirects are not followed: a 3xx is a status like any other. The
//! body is read to its end or to 64 KiB; one that breaks off is a failure, whatever the status said.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;

use holdover_core::config::target::{Http, Scheme};
use holdover_core::engine::ProbeFailure;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::failure::{Failure, Outcome};
use super::tcp;
use super::tls::Tls;

/// How much of a body is read, in octets.
const BODY: usize = 64 << 10;

/// Asks, and compares the answer with what is expected.
pub(super) async fn probe(http: &Http<'_>, own: bool, tls: &Tls) -> Outcome {
    let stream = connect(http, own).await?;
    match http.scheme {
        Scheme::Http => exchange(stream, http).await,
        Scheme::Https => {
            exchange(tls.connect(stream, http.server_name(), http.insecure()).await?, http).await
        }
    }
}

/// A connection to the first of the host's addresses that takes one.
async fn connect(http: &Http<'_>, own: bool) -> Result<TcpStream, Failure> {
    if let Some(address) = http.address {
        return tcp::connect(SocketAddr::new(address, http.port), own).await;
    }
    let unresolved = |why: String| Failure::new(ProbeFailure::Resolve, format!("{}: {why}", http.host));
    let found = tokio::net::lookup_host((http.host, http.port)).await;
    let mut failure = unresolved("it has no address".to_owned());
    for address in found.map_err(|error| unresolved(error.to_string()))? {
        match tcp::connect(address, own).await {
            Ok(stream) => return Ok(stream),
            Err(one) => failure = one,
        }
    }
    Err(failure)
}

fn request(http: &Http<'_>) -> Result<Request<Empty<Bytes>>, Failure> {
    let unfit = |what: &str| Failure::new(ProbeFailure::NotStarted, format!("{what} cannot be sent"));
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(http.authority).map_err(|_| unfit(http.authority))?);
    headers.insert(USER_AGENT, HeaderValue::from_static("holdover"));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in http.headers() {
        let (Ok(field), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value.to_string()))
        else {
            return Err(unfit(name));
        };
        headers.insert(field, value);
    }
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = http.path.parse().map_err(|_| unfit(http.path))?;
    *request.headers_mut() = headers;
    Ok(request)
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, http: &Http<'_>) -> Outcome {
    let request = request(http)?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| failure(&error))?;
    let talk = async move {
        let response = sender.send_request(request).await.map_err(|error| failure(&error))?;
        judge(response, http).await
    };
    let (mut talk, connection) = (pin!(talk), pin!(connection));
    tokio::select! {
        verdict = &mut talk => verdict,
        // The connection's own end: what came before it is still to be heard, its error as well.
        _ = connection => talk.await,
    }
}

async fn judge(response: Response<Incoming>, http: &Http<'_>) -> Outcome {
    let status = response.status().as_u16();
    if !http.expects(status) {
        return Err(Failure::plain(ProbeFailure::BadStatus(status)));
    }
    let wanted = http.body().map(|text| text.to_string());
    let holds = |body: &[u8]| {
        wanted
            .as_ref()
            .is_some_and(|text| body.windows(text.len().max(1)).any(|part| part == text.as_bytes()))
    };
    let (mut incoming, mut body) = (response.into_body(), Vec::new());
    while body.len() < BODY {
        let Some(frame) = incoming.frame().await else { break };
        let frame = frame.map_err(|error| failure(&error))?;
        if let Some(data) = frame.data_ref() {
            body.extend_from_slice(&data[..data.len().min(BODY - body.len())]);
        }
    }
    match wanted {
        Some(ref text) if !text.is_empty() && !holds(&body) => {
            Err(Failure::new(ProbeFailure::BadBody, format!("no \"{text}\" in {} octets", body.len())))
        }
        _ => Ok(()),
    }
}

fn failure(error: &hyper::Error) -> Failure {
    let inner = error.source().and_then(|inner| inner.downcast_ref::<io::Error>());
    match inner.filter(|inner| inner.kind() != ErrorKind::UnexpectedEof).map(Failure::of_network) {
        Some(failure) if failure.why != ProbeFailure::Other => failure,
        // The body breaks off, or there was no HTTP.
        _ => {
            Failure::new(ProbeFailure::BadBody, inner.map_or_else(|| error.to_string(), io::Error::to_string))
        }
    }
}

#[cfg(test)]
mod tests;
