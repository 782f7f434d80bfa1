//! `drain`, `undrain`, `promote`, `demote` and `force`, asked for over the control socket.

use std::time::{Duration, SystemTime};

use holdover_core::config::{Millis, nearest};
use holdover_core::engine::record::Level;
use holdover_core::engine::{CommandResult, Wish};
use tokio::net::unix::UCred;
use tokio::sync::oneshot;

use super::control::{Answer, No, silence};
use super::wishes::{self, Entry};
use super::{Manager, text};
use crate::bridge::{Granted, ToEngine};

/// How long the engine may take beyond what it waits for itself.
const MARGIN: Duration = Duration::from_secs(2);
/// How long to pause while somebody else waits.
const TURN: Duration = Duration::from_millis(50);

/// Behind the verb: answer when every neighbor has acknowledged it.
const WAIT: &str = "--wait";
/// Behind the verb: keep it over a restart.
const PERSIST: &str = "--persist";

/// What is asked for.
struct Request<'a> {
    wish: Wish,
    /// The service's name; `None`: all.
    service: Option<&'a str>,
    wait: bool,
    persist: bool,
}

/// The wish that a verb stands for.
pub(super) fn of_verb(verb: &str) -> Option<Wish> {
    let all = [Wish::None, Wish::Drain, Wish::Promote, Wish::Demote, Wish::Force];
    let verb = if verb == "auto" { "undrain" } else { verb };
    all.into_iter().find(|&wish| wishes::word(wish) == verb)
}

/// Grants a wish, or says why not.
pub(super) async fn grant(manager: &Manager, wish: Wish, words: &[&str], client: Option<UCred>) -> Answer {
    let request = read(wish, words)?;
    let services = named(manager, request.service)?;
    let granted = ask(manager, &request, false, super::ANSWER_PATIENCE).await;
    let result = granted.ok_or_else(|| silence(manager))?.result;
    if let Some(no) = refusal(manager, &request, result) {
        return Err(no);
    }
    let kept = note(manager, &request, &services, client);
    let subject = services.join(", ");
    let unchanged = result == CommandResult::Unchanged;
    let mut answer = match (request.wish, unchanged) {
        (_, true) => format!("{subject}: it was so already\n"),
        (Wish::None, _) => format!("{subject}: takes part again\n"),
        (Wish::Drain, _) => format!("{subject}: draining\n"),
        (Wish::Promote, _) => format!("{subject}: promoted; it is active as long as it is healthy\n"),
        (Wish::Demote, _) => format!("{subject}: demoted; it stands by\n"),
        (Wish::Force, _) => format!("{subject}: forced; it is active whatever its checks say\n"),
    };
    if request.wait {
        answer += &wait(manager, &request, &subject).await?;
    }
    kept.map_err(|error| No::from(format!("{answer}but a restart undoes it: {error}")))?;
    Ok(answer)
}

fn read<'a>(wish: Wish, words: &[&'a str]) -> Result<Request<'a>, No> {
    let mut request = Request { wish, service: None, wait: false, persist: false };
    let verb = wishes::word(wish);
    for &word in words {
        match word {
            WAIT if wish == Wish::Drain => request.wait = true,
            PERSIST if wish != Wish::None => request.persist = true,
            _ if word.starts_with("--") => return Err(format!("`{verb}` has no option `{word}`").into()),
            _ if request.service.is_some() => {
                return Err(format!("`{verb}` takes one service: say it once for each").into());
            }
            _ => request.service = Some(word),
        }
    }
    if request.service.is_none() && !matches!(wish, Wish::Drain | Wish::None) {
        return Err(format!("`{verb}` needs the name of a service").into());
    }
    Ok(request)
}

/// The services that are meant.
fn named(manager: &Manager, service: Option<&str>) -> Result<Vec<String>, No> {
    let configurations = manager.configurations.borrow();
    let view = configurations.running.view();
    let names = || view.services.iter().map(|service| view.text(service.name));
    if names().next().is_none() {
        let what =
            service.map_or_else(|| "no service".to_owned(), |service| format!("no service `{service}`"));
        return Err(format!("there is {what}: the configuration has no `failover` block").into());
    }
    let Some(service) = service else { return Ok(names().map(str::to_owned).collect()) };
    if names().any(|name| name == service) {
        return Ok(vec![service.to_owned()]);
    }
    let all = names().collect::<Vec<_>>().join(", ");
    let hint = nearest(service, names())
        .map_or_else(|| format!("; there are: {all}"), |name| format!("; did you mean `{name}`?"));
    Err(format!("there is no service `{service}`{hint}").into())
}

async fn ask(manager: &Manager, request: &Request<'_>, wait: bool, patience: Duration) -> Option<Granted> {
    let (service, wish) = (request.service.map(str::to_owned), request.wish);
    let (answer, answered) = oneshot::channel();
    manager.engine.say(ToEngine::Wish { service, wish, wait, answer }).ok()?;
    tokio::time::timeout(patience, answered).await.ok()?.ok()
}

/// Why a wish is not in force.
fn refusal(manager: &Manager, request: &Request<'_>, result: CommandResult) -> Option<No> {
    let service = request.service.unwrap_or("");
    Some(match result {
        CommandResult::NoSuchService => match named(manager, request.service) {
            Err(no) => no,
            Ok(_) => format!("there is no service `{service}` any more").into(),
        },
        CommandResult::Stopping => "the daemon is stopping".to_owned().into(),
        CommandResult::NoStandby => format!(
            "{service} cannot stand by: its block has no `standby route-map …`, so there is nothing to announce that \
             another machine would win against; `holdover drain {service}` withdraws it"
        )
        .into(),
        CommandResult::Replaced => format!("{service}: somebody wished something else meanwhile").into(),
        _ => return None,
    })
}

/// Waits until every neighbor has acknowledged it.
async fn wait(manager: &Manager, request: &Request<'_>, subject: &str) -> Answer {
    let (delay, timeout) = drain_times(manager, request.service);
    let patience = delay + timeout + MARGIN;
    loop {
        let granted = ask(manager, request, true, patience).await.ok_or_else(|| silence(manager))?;
        if granted.result == CommandResult::Busy {
            tokio::time::sleep(TURN).await;
            continue;
        }
        if let Some(no) = refusal(manager, request, granted.result) {
            return Err(no);
        }
        if granted.result == CommandResult::Done {
            return Ok(format!("{subject}: withdrawn, and every neighbor has acknowledged it\n"));
        }
        let silent: Vec<_> = granted.silent.iter().map(ToString::to_string).collect();
        let text = format!(
            "{subject}: withdrawn, but within {} s not acknowledged by {}",
            timeout.as_secs_f32(),
            silent.join(", ")
        );
        return Err(No { unconfirmed: true, text });
    }
}

/// The longest drain-delay and drain-timeout of the services that are meant.
fn drain_times(manager: &Manager, service: Option<&str>) -> (Duration, Duration) {
    let configurations = manager.configurations.borrow();
    let view = configurations.running.view();
    let meant = || view.services.iter().filter(|one| service.is_none_or(|name| view.text(one.name) == name));
    let longest = |times: &mut dyn Iterator<Item = Millis>| {
        Duration::from_millis(times.max().unwrap_or_default().get().into())
    };
    let delay = longest(&mut meant().map(|service| service.drain_delay_ms));
    (delay, longest(&mut meant().map(|service| service.drain_timeout_ms)))
}

/// Takes note of who wanted it, and keeps it over a restart if that was asked. Errors: the file cannot be written, and why.
fn note(
    manager: &Manager,
    request: &Request<'_>,
    services: &[String],
    client: Option<UCred>,
) -> Result<(), String> {
    let entry = Entry {
        wish: request.wish,
        user: client.map_or_else(|| "unknown".to_owned(), |client| wishes::user_name(client.uid())),
        process: client.and_then(|client| client.pid()),
        since: SystemTime::now(),
        persists: request.persist,
    };
    let kept = manager.wishes.borrow_mut().set(services, &entry);
    let entry = Entry { persists: entry.persists && kept.is_ok(), ..entry };
    for service in services {
        manager.catch_up();
        manager.log.note(Level::Info, "wish", format!("service {service}: {}", text::said(&entry)));
    }
    kept.map_err(|error| {
        let why = format!("cannot write {}: {error}", manager.wishes.borrow().path().display());
        let what = wishes::word(entry.wish);
        let message = format!("`{what}` of {} is not kept over a restart: {why}", services.join(", "));
        manager.log.note(Level::Warning, "wish_not_kept", message);
        why
    })
}
