//! `check … http` and `https`: whether a URL answers as it should (RFC 9110, RFC 9112).
//!
//! One GET on a connection of its own, closed afterwards. Redirects are not followed: a 3xx is a status like any other. The
//! body is read to its end or to 64 KiB; one that breaks off is a failure, whatever the status said.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use holdover_core::config::target::{Http, Scheme};
use holdover_core::engine::ProbeFailure;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::failure::{Failure, Outcome};
use super::name::Names;
use super::tcp;
use super::tls::Tls;

/// How much of a body is read, in octets.
const BODY: usize = 64 << 10;
/// How long the lines before a body may be, and how much is read ahead, in octets.
const BUFFER: usize = 64 << 10;
/// The most that is read of a connection, TLS and interim answers (1xx) included: some backends say "100 Continue" for ever.
const ANSWER: usize = 512 << 10;

/// Asks, and compares the answer with what is expected.
pub(super) async fn probe(http: &Http<'_>, own: bool, names: &Names, tls: &Tls, until: Instant) -> Outcome {
    let stream = Bounded { inner: connect(http, own, names, until).await?, left: ANSWER };
    match http.scheme {
        Scheme::Http => exchange(stream, http).await,
        Scheme::Https => {
            exchange(tls.connect(stream, http.server_name(), http.insecure(), until).await?, http).await
        }
    }
}

/// A connection from which no more than so much is read: a backend that never stops takes no more than its share of the
/// thread of checks.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: TcpStream,
    left: usize,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            let text = format!("more than {ANSWER} octets came and no end of the answer");
            return Poll::Ready(Err(io::Error::new(ErrorKind::InvalidData, text)));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        result
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// A connection to the first of the host's addresses that takes one.
async fn connect(http: &Http<'_>, own: bool, names: &Names, until: Instant) -> Result<TcpStream, Failure> {
    if let Some(address) = http.address {
        return tcp::connect(SocketAddr::new(address, http.port), own).await;
    }
    let mut failure = Failure::new(ProbeFailure::Resolve, format!("{}: it has no address", http.host));
    for address in names.addresses(http.host, http.port, until).await? {
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
    let mut builder = hyper::client::conn::http1::Builder::new();
    let handshake = builder.max_buf_size(BUFFER).handshake(TokioIo::new(stream)).await;
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
