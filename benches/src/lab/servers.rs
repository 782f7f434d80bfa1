//! What the route servers say: times and events in BIRD's log.

use std::time::{Duration, SystemTime};

use holdover_tests::harness::peers::moment;
use holdover_tests::harness::topology::SHARED;

/// How many BFD sessions are up, in BIRD's `show bfd sessions`.
pub fn bfd_up(answer: &str) -> usize {
    answer.lines().filter(|line| line.split_whitespace().nth(2) == Some("Up")).count()
}

/// When BIRD's protocol `name` first lost its session at or after `since`.
pub fn session_down(log: &str, name: &str, since: SystemTime) -> Option<SystemTime> {
    let mark = format!(" {name}: ");
    let lines = events(log, since).filter(|(_, line)| line.contains(&mark));
    let mut down = lines.filter(|(_, line)| {
        ["BFD session down", "BGP session closed"].iter().any(|event| line.ends_with(event))
    });
    Some(down.next()?.0)
}

/// When BIRD's protocol `name` first brought the shared address at or after `since`.
pub fn route_added(log: &str, name: &str, since: SystemTime) -> Option<SystemTime> {
    let mark = format!(" {name}.ipv4 > added");
    let shared = format!(" {SHARED}/32 ");
    Some(events(log, since).find(|(_, line)| line.contains(&mark) && line.contains(&shared))?.0)
}

/// The lines of a log from `since` on, with their times.
fn events(log: &str, since: SystemTime) -> impl Iterator<Item = (SystemTime, &str)> {
    let times = log.lines().filter_map(|line| Some((time(line)?, line)));
    times.skip_while(move |(at, _)| *at < since)
}

/// The time at a line's beginning.
fn time(line: &str) -> Option<SystemTime> {
    let seconds = moment(line.get(..26)?).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-22 11:09:15.770460 <TRACE> bfd1: Session to 2600:3c0f:4:34::101 changed state from Init to Up
2026-11-22 11:09:16.578536 <TRACE> n1: BGP session established
2026-11-22 11:09:16.596763 <TRACE> n1.ipv4 > added [best] 192.0.2.10/32 0L 6G unicast
2026-11-22 11:09:18.433869 <TRACE> bfd1: Session to 2600:3c0f:4:34::101 changed state from Up to Down
2026-11-22 11:09:18.433981 <TRACE> n1: BFD session down
2026-11-22 11:09:18.433981 <TRACE> n1: State changed to stop
2026-11-22 11:09:18.433981 <TRACE> n1: BGP session closed
2026-11-22 11:09:18.434012 <TRACE> n1.ipv4 > removed [replaced] 192.0.2.10/32 0L 6G unicast
2026-11-22 11:09:22.923629 <TRACE> n1.ipv4 > added [best] 192.0.2.10/32 0L 6G unicast
";

    /// So many microseconds after 11:09:00 of that day.
    fn after(micros: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_mins(29_922_429) + Duration::from_micros(micros)
    }

    /// The time in microseconds after 11:09:00.
    fn micros(at: Option<SystemTime>) -> Option<u128> {
        Some((at?.duration_since(after(0)).unwrap().as_nanos() + 500) / 1_000)
    }

    #[test]
    fn the_end_of_a_session_is_found_after_a_moment_and_for_one_protocol() {
        assert_eq!(micros(session_down(LOG, "n1", after(0))), Some(18_433_981));
        assert_eq!(session_down(LOG, "n1", after(18_433_990)), None);
        assert_eq!(session_down(LOG, "n2", after(0)), None);
    }

    #[test]
    fn a_route_is_added_once_for_each_session() {
        assert_eq!(micros(route_added(LOG, "n1", after(0))), Some(16_596_763));
        assert_eq!(micros(route_added(LOG, "n1", after(17_000_000))), Some(22_923_629));
        assert_eq!(route_added(LOG, "n1", after(23_000_000)), None);
    }

    #[test]
    fn bfd_sessions_are_counted_that_are_up() {
        let answer = "bfd1:\nIP address  Interface  State  Since  Interval  Timeout\n\
                      2600::101  eth0  Up  11:09:15.770  0.010  0.030\n2600::102  eth0  Down  11:09:15.770  1.000  0.000\n";
        assert_eq!(bfd_up(answer), 1);
    }
}
