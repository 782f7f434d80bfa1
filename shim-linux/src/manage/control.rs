//! The control socket: a client says one line, and gets `ok`, `error` or `unconfirmed` on a line, and text.

use std::rc::Rc;

use holdover_core::engine::record::Level;
use holdover_core::engine::view::ServiceView;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::{ACCEPT_PAUSE, Aside, Manager, json, text, wish};
use crate::bridge::{Piece, ToEngine};
use crate::io::timer::now;
use crate::load;
use crate::snapshot::{RouteRow, SteerRow};

/// The longest line that is read.
const LINE: u64 = 1_024;

/// Behind a request: answer in JSON.
const JSON: &str = "json";

/// Text to print, or what went wrong.
pub(super) type Answer = Result<String, No>;

/// What went wrong.
#[derive(Debug)]
pub(super) struct No {
    /// It was done, but not everybody has confirmed it.
    pub(super) unconfirmed: bool,
    /// What to tell.
    pub(super) text: String,
}

impl From<String> for No {
    fn from(text: String) -> Self {
        Self { unconfirmed: false, text }
    }
}

/// Serves clients. One that cannot be accepted, because a descriptor or memory is missing, waits until there is some.
pub(super) async fn listen(manager: Rc<Manager>, control: UnixListener) {
    let mut failed = false;
    loop {
        match control.accept().await {
            Ok((client, _)) => {
                failed = false;
                tokio::task::spawn_local(serve(Rc::clone(&manager), client));
            }
            Err(error) => {
                if !std::mem::replace(&mut failed, true) {
                    let message = format!("cannot accept on the control socket: {error}; it is tried again");
                    manager.log.note(Level::Warning, "control_deaf", message);
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one client.
pub(super) async fn serve(manager: Rc<Manager>, mut client: UnixStream) {
    let mut line = String::new();
    let credentials = client.peer_cred().ok();
    let (read, mut write) = client.split();
    if BufReader::new(read.take(LINE)).read_line(&mut line).await.is_err() {
        return;
    }
    let words: Vec<_> = line.split_whitespace().collect();
    let answer = match answer(&manager, &words, credentials).await {
        Ok(text) => format!("ok\n{text}"),
        Err(No { unconfirmed: false, text }) => format!("error\n{text}\n"),
        Err(No { unconfirmed: true, text }) => format!("unconfirmed\n{text}\n"),
    };
    // A client that went away needs no answer.
    let _ = write.write_all(answer.as_bytes()).await;
    let _ = write.shutdown().await;
}

async fn answer(manager: &Manager, words: &[&str], client: Option<UCred>) -> Answer {
    if let [verb, rest @ ..] = words
        && let Some(wish) = wish::of_verb(verb)
    {
        return wish::grant(manager, wish, rest, client).await;
    }
    match *words {
        ["show", "running-config", ref how @ ..] => Ok(running_config(manager, how)),
        ["show", "routes", ref how @ ..] => {
            routes(manager, how.contains(&JSON)).await.ok_or_else(|| silence(manager).into())
        }
        ["show", what, ref how @ ..] => show(manager, what, how.contains(&JSON)).await,
        ["reload"] => Ok(manager.reload_in_turn().await.map(|()| String::new())?),
        ["stop"] if manager.engine.say(ToEngine::Stop).is_ok() => Ok(String::new()),
        ["stop"] => Err(silence(manager).into()),
        _ => Err(format!("unknown request: {}", words.join(" ")).into()),
    }
}

fn running_config(manager: &Manager, how: &[&str]) -> String {
    let text = load::print(manager.configurations.borrow().running, how.contains(&"secrets"));
    if how.contains(&JSON) { pretty(&json!({ "version": 1, "running_config": text })) } else { text }
}

async fn show(manager: &Manager, what: &str, as_json: bool) -> Answer {
    let silent_seconds = match manager.engine.ask(ToEngine::Publish).await {
        Some(()) => None,
        None => Some(silent_for(manager)),
    };
    let aside = Aside { refused: manager.refused.borrow().clone(), silent_seconds };
    let now = now();
    manager.engine.board.read(|snapshot| match (what, as_json) {
        ("summary", true) => {
            let view = snapshot.summary().ok_or_else(|| silence(manager))?;
            Ok(pretty(&json::summary(&view, now, &aside)))
        }
        ("summary", false) => text::summary(snapshot, now, &aside).ok_or_else(|| silence(manager).into()),
        ("neighbors", true) => {
            let rows: Vec<_> = snapshot.peers().map(|view| json::neighbor(&view, now)).collect();
            Ok(pretty(&with_silence(json!({ "version": 1, "neighbors": rows }), &aside)))
        }
        ("neighbors", false) => Ok(text::neighbors(snapshot, now, &aside)),
        ("bfd", true) => {
            let view = snapshot.summary().ok_or_else(|| silence(manager))?;
            Ok(pretty(&with_silence(json::bfd(&view, snapshot.peers(), now), &aside)))
        }
        ("bfd", false) => text::bfd(snapshot, now, &aside).ok_or_else(|| silence(manager).into()),
        ("services", true) => {
            let wishes = manager.wishes.borrow();
            let entry =
                |view: &ServiceView<'_>| wishes.get(view.name).filter(|entry| entry.wish == view.wish);
            let rows: Vec<_> =
                snapshot.services().map(|view| json::service(&view, now, entry(&view))).collect();
            let checks: Vec<_> = snapshot.checks().map(|view| json::check(&view, now)).collect();
            Ok(pretty(&with_silence(json!({ "version": 1, "services": rows, "checks": checks }), &aside)))
        }
        ("services", false) => Ok(text::services(snapshot, now, &aside, &manager.wishes.borrow())),
        _ => Err(format!("there is no `show {what}`").into()),
    })
}

async fn routes(manager: &Manager, as_json: bool) -> Option<String> {
    let routes: Vec<RouteRow> = whole(manager, |from, answer| ToEngine::Routes { from, answer }).await?;
    let steered: Vec<SteerRow> = whole(manager, |from, answer| ToEngine::Steered { from, answer }).await?;
    if !as_json {
        return Some(text::routes(&routes, &steered));
    }
    let routes: Vec<_> = routes.iter().map(json::route).collect();
    let steered: Vec<_> = steered.iter().map(json::steered).collect();
    Some(pretty(&json!({ "version": 1, "routes": routes, "steered": steered })))
}

/// A long table, asked for piece by piece.
async fn whole<T>(
    manager: &Manager,
    word: impl Fn(usize, oneshot::Sender<Piece<T>>) -> ToEngine,
) -> Option<Vec<T>> {
    let (mut rows, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let piece = manager.engine.ask(|answer| word(from, answer)).await?;
        rows.extend(piece.rows);
        next = piece.next;
    }
    Some(rows)
}

fn silent_for(manager: &Manager) -> f64 {
    let millis = now().since(manager.engine.board.turned()).as_millis();
    f64::from(u32::try_from(millis).unwrap_or(u32::MAX)) / 1_000.0
}

pub(super) fn silence(manager: &Manager) -> String {
    format!("the engine has not answered for {:.1} s", silent_for(manager))
}

fn with_silence(mut value: Value, aside: &Aside) -> Value {
    if let (Some(seconds), Some(object)) = (aside.silent_seconds, value.as_object_mut()) {
        object.insert("engine_silent_seconds".to_owned(), json!(seconds));
    }
    value
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
