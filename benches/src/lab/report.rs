//! The documents: `failover.md`, the plot, the configurations. All figures come from the lines of one run.

use std::fmt::Write as _;
use std::path::Path;

use holdover_tests::harness::peers::bird;
use holdover_tests::harness::topology::{NODES, ROUTE_SERVERS};
use holdover_tests::harness::{Context as _, Result};

use super::cell::{Cell, cell};
use super::daemon::{Daemon, Node, Step};
use super::machine::{BUSY, Circumstances};
use super::plan::{DEFAULTS, Goal, Job, Measure, Row, TUNED};
use super::record::Line;
use super::setup::Setup;
use super::stats::{Summary, summary};
use super::svg;

/// The page.
const PAGE: &str = "failover.md";
/// The plot, from the page.
const PLOT: &str = "img/failover.svg";
/// The folder of configurations, from the page.
const CONFIGURATIONS: &str = "lab";
/// The raw results, beside the configurations.
const RESULTS: &str = "results.jsonl";
/// In the documents, where the lab's files lie: in a run that is a folder with a name of its own.
const FOLDER: &str = "/run/lab";

/// Writes all documents into `folder`.
pub fn write(folder: &Path, lines: &[Line]) -> Result<()> {
    let circumstances = &circumstances(lines)?;
    let daemons = daemons(lines);
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        let parent = path.parent().context("no folder")?;
        std::fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    };
    // What an earlier run wrote there and this one did not use would be taken for used.
    let _ = std::fs::remove_dir_all(folder.join(CONFIGURATIONS));
    for (name, text) in configurations(lines, &daemons) {
        put(&format!("{CONFIGURATIONS}/{name}"), &text)?;
    }
    let raw: Vec<String> = lines.iter().map(serde_json::to_string).collect::<serde_json::Result<_>>()?;
    put(&format!("{CONFIGURATIONS}/{RESULTS}"), &(raw.join("\n") + "\n"))?;
    put(PLOT, &svg::plot(lines, &daemons))?;
    put(PAGE, &page(lines, circumstances, &daemons))
}

/// The runs that made the results, each going on with the one before.
fn runs(lines: &[Line]) -> impl Iterator<Item = &Circumstances> {
    lines.iter().filter_map(|line| match line {
        Line::Circumstances(circumstances) => Some(circumstances),
        _ => None,
    })
}

/// The circumstances of all runs: the last one's, and what differs among them side by side.
fn circumstances(lines: &[Line]) -> Result<Circumstances> {
    let last = runs(lines).last().context("the raw results do not say where they come from")?;
    let all = |between: &str, what: fn(&Circumstances) -> &str| {
        let mut values: Vec<&str> = runs(lines).map(what).collect();
        values.dedup();
        values.join(between)
    };
    Ok(Circumstances {
        command: all("`, then `", |run| &run.command),
        date: all(", ", |run| &run.date),
        processor: all(", ", |run| &run.processor),
        kernel: all(", ", |run| &run.kernel),
        system: all(", ", |run| &run.system),
        revision: all(", ", |run| &run.revision),
        versions: runs(lines).flat_map(|run| run.versions.clone()).collect(),
        repetitions: runs(lines).map(|run| run.repetitions).max().unwrap_or_default(),
        ..last.clone()
    })
}

/// The daemons of which something was measured, or tried: a run may have been cut short.
fn daemons(lines: &[Line]) -> Vec<Daemon> {
    let is_of = |line: &Line, name: &str| match line {
        Line::Repetition(it) => it.daemon == name,
        Line::Failure(it) => it.daemon == name,
        _ => false,
    };
    let measured = |daemon: &Daemon| lines.iter().any(|line| is_of(line, daemon.name()));
    Daemon::ALL.into_iter().filter(measured).collect()
}

/// The page.
fn page(lines: &[Line], circumstances: &Circumstances, daemons: &[Daemon]) -> String {
    let whence = match runs(lines).count() {
        1 => "that run".to_owned(),
        count => format!("those {count} runs, each going on with the one before"),
    };
    let mut text = format!(
        "# Failover, measured\n\nWritten by `{}` on {}; every figure is from {whence}.\n\n\
         Two machines share an address and announce it to four route servers. Something happens to the one that has the\n\
         traffic. A client that asks every millisecond says how long nobody answers.\n\n![How long the address does not \
         answer, by fault and daemon, on a logarithmic scale; the tables below hold the same figures]({PLOT})\n\n",
        circumstances.command, circumstances.date
    );
    let others = summary(busy(lines));
    if let Some(Summary { median, greatest, .. }) = others.filter(|others| others.median > BUSY) {
        let (median, greatest) = (median * 100.0, greatest * 100.0);
        let _ = writeln!(
            text,
            "**The machine was busy**: {median:.0} % of its processors (at most {greatest:.0} %) with other things. These \
             figures are worse than they need be.\n"
        );
    }
    text.push_str("## Each daemon at its best\n\n");
    table(&mut text, TUNED, daemons, lines, circumstances.repetitions);
    text.push_str(
        "\nMedian (least–greatest). *Goal*: what Holdover must reach, median. *Moves after*: from the fault to the first\n\
         answer of the other machine, the first machine's service answering meanwhile; all else is from the last answer of\n\
         the first machine to the first of the other, that is, the outage.\n\n## Each daemon as it comes\n\nHoldover and \
         FRR with the provider's template and nothing else, the others with the least that announces the route.\n\n",
    );
    table(&mut text, DEFAULTS, daemons, lines, circumstances.repetitions);
    text.push_str(&method(circumstances));
    text.push_str(&tools(lines, circumstances, daemons));
    text.push_str(SURPRISES);
    text.push_str(&not_measured(lines));
    text
}

/// How much of the processors other things took, each time it was looked at.
fn busy(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines.iter().filter_map(|line| if let Line::Busy(share) = line { Some(*share) } else { None })
}

/// A table: a fault a row, a daemon a column, the goal beside Holdover.
fn table(text: &mut String, rows: &[Row], daemons: &[Daemon], lines: &[Line], asked: usize) {
    let goals = daemons.contains(&Daemon::Holdover);
    let mut head = vec!["fault"];
    let mut rule = vec!["---"];
    for daemon in daemons {
        head.push(daemon.title());
        rule.push("---");
        if *daemon == Daemon::Holdover {
            head.extend(["goal", "reached"]);
            rule.extend(["---", "---"]);
        }
    }
    let _ = writeln!(text, "| {} |\n|{}|", head.join(" | "), rule.join("|"));
    for row in rows {
        let cells: Vec<(Daemon, Cell)> =
            daemons.iter().map(|daemon| (*daemon, cell(row, *daemon, lines))).collect();
        // A fault that was not asked for has no row; what could not be measured has.
        if cells.iter().all(|(_, cell)| matches!(cell, Cell::NotRun | Cell::Cannot(_))) {
            continue;
        }
        let mut line = vec![row.title.to_owned()];
        for (daemon, cell) in &cells {
            line.push(cell.text(row.measure) + &fewer(row, *daemon, cell, asked));
            if goals && *daemon == Daemon::Holdover {
                line.push(row.goal.map_or(String::new(), |goal| goal_text(row.measure, goal)));
                line.push(match (cell.reaches(row), better(row, cell, &cells)) {
                    (Some(true), None) => "yes".to_owned(),
                    (Some(true), Some(other)) => format!("yes, but {} is better", other.title()),
                    (Some(false), _) => "**no**".to_owned(),
                    (None, _) => String::new(),
                });
            }
        }
        let _ = writeln!(text, "| {} |", line.join(" | "));
    }
}

/// How many repetitions there are, where there are fewer than the page says.
fn fewer(row: &Row, daemon: Daemon, cell: &Cell, asked: usize) -> String {
    let (Ok(setup), Cell::Figures(Summary { count, .. }, _)) = (row.way.setup(daemon), cell) else {
        return String::new();
    };
    let job = Job { daemon, setup, fault: row.fault };
    if *count < job.repetitions(asked) { format!("; n = {count}") } else { String::new() }
}

/// Who is better than Holdover where it is about a few milliseconds: they depend on the machine, so a goal alone says
/// little. A difference of one probe is none.
fn better(row: &Row, ours: &Cell, cells: &[(Daemon, Cell)]) -> Option<Daemon> {
    let small = row.goal.is_some_and(|goal| goal.most < 10.0);
    let Cell::Figures(Summary { median, .. }, _) = ours else { return None };
    let better = |cell: &Cell| matches!(cell, Cell::Figures(other, _) if other.median + 1.0 < *median);
    cells.iter().find(|(_, cell)| small && better(cell)).map(|(daemon, _)| *daemon)
}

fn goal_text(measure: Measure, goal: Goal) -> String {
    let most = match (measure, goal.most) {
        (Measure::Cpu, most) => format!("≤ {most}"),
        (_, most) if most < 1e3 => format!("≤ {most} ms"),
        (_, most) => format!("≤ {} s", most / 1e3),
    };
    match goal.lost {
        None => most,
        Some(lost) if lost < 0.5 => most + ", 0 lost",
        Some(lost) => most + &format!(", ≤ {lost} lost"),
    }
}

fn method(circumstances: &Circumstances) -> String {
    format!(
        "
## How it was measured

- Everything lives in network namespaces of one machine: a switch, four route servers (BIRD, the best route is chosen by
  community and installed in the kernel), the two machines, and a client behind the first route server. A UDP service on
  each machine answers with the machine's name.
- The client sends a probe every millisecond and writes down when it sent and when who answered. Nothing else is used, but
  for *after the route server noticed*, which begins with the first route server's own log: its BFD session, or its BGP
  session, went down.
- *Silent loss*: the machine's port leaves the switch, all carriers stay up. *Frozen*: SIGSTOP; the kernel answers on.
  *Start*: from before the first process is started; the fault before it was SIGTERM.
- Repetitions: {reps}; silent loss with BFD {bfd}, the others' defaults {few}, CPU {few} times 10 s; fewer (*n*) where
  fewer were asked for, or a daemon takes longer than two minutes for them. Where a timer decides, each is at another
  moment of its period, and a few repetitions say little. An end is waited for {limit} s; what takes longer is written as \"≥\" and measured once.
- A repetition in which the client itself did not send, or the first answer was on its way, for more than 3 ms and a
  twentieth of the time, or in which the traffic had moved before the fault, is done again and not counted.
- Every repetition is in [{RESULTS}]({CONFIGURATIONS}/{RESULTS}), from which `cargo xtask lab --from docs/{CONFIGURATIONS}/{RESULTS} --out docs`
  writes this page again; `--resume` adds to them.
",
        reps = circumstances.repetitions,
        bfd = circumstances.repetitions + circumstances.repetitions / 2,
        few = circumstances.repetitions.min(3),
        limit = circumstances.limit
    )
}

/// Machine, versions, configurations.
fn tools(lines: &[Line], circumstances: &Circumstances, daemons: &[Daemon]) -> String {
    let Circumstances { processor, cores, kernel, system, revision, .. } = circumstances;
    let others = summary(busy(lines)).map_or(0.0, |others| others.median * 100.0);
    let mut text = format!(
        "\n## With what\n\n{processor}, {cores} cores, {others:.0} % of them busy with other things; Linux {kernel};\n{system}. \
         Holdover's source: {revision}. The route servers: BIRD with [this configuration]({CONFIGURATIONS}/{SERVER}), BFD where the daemon has it.\n\n\
         | daemon | version | configurations of the first machine, and how it is started |\n|---|---|---|\n"
    );
    let files = configurations(lines, daemons);
    for daemon in daemons {
        let prefix = format!("{}-", daemon.name());
        let setups = files.iter().filter_map(|(name, _)| Some((name.strip_prefix(&prefix)?, name)));
        let links: Vec<String> = setups
            .map(|(setup, name)| format!("[{}]({CONFIGURATIONS}/{name})", setup.trim_end_matches(".conf")))
            .collect();
        let version = circumstances.versions.get(daemon.name()).map_or("", String::as_str);
        let _ = writeln!(text, "| {} | {version} | {} |", daemon.title(), links.join(", "));
    }
    text
}

/// The route server's configuration.
const SERVER: &str = "route-server.conf";

/// The configurations of the first machine in every setup that was used, and the route server's, by their names.
fn configurations(lines: &[Line], daemons: &[Daemon]) -> Vec<(String, String)> {
    let server = bird::route_server(ROUTE_SERVERS[0]).with_bfd(50);
    let mut files = vec![(SERVER.to_owned(), server.text().to_owned())];
    for daemon in daemons {
        for setup in setups(lines, *daemon) {
            let node = Node { host: NODES[0], setup, folder: FOLDER, space: "n1" };
            files.push((format!("{}-{setup}.conf", daemon.name()), configuration(*daemon, &node)));
        }
    }
    files
}

/// How a daemon is started, and all its configuration files, one after the other.
fn configuration(daemon: Daemon, node: &Node<'_>) -> String {
    let mut text = String::new();
    for step in daemon.steps(node) {
        let (environment, argv) = match step {
            Step::Run(argv, environment) => (environment, argv),
            Step::Say(argv) => (Vec::new(), argv),
            Step::Folder(..) | Step::Shared(_) | Step::Wait(_) => continue,
        };
        let environment = environment.into_iter().map(|(name, value)| format!("{name}={value}"));
        let words: Vec<String> = environment.chain(argv).collect();
        let _ = writeln!(text, "# {}", words.join(" "));
    }
    for file in daemon.files(node) {
        let _ = write!(text, "\n# {}\n{}", node.file(file.name), file.text);
    }
    text
}

/// The setups that a daemon was measured in.
fn setups(lines: &[Line], daemon: Daemon) -> Vec<Setup> {
    let of_line = |line: &Line| match line {
        Line::Repetition(it) if it.daemon == daemon.name() => Some(it.setup),
        _ => None,
    };
    let mut setups: Vec<Setup> = lines.iter().filter_map(of_line).collect();
    setups.sort_unstable();
    setups.dedup();
    setups
}

const SURPRISES: &str = "
## What to know when reading it

- FRR as pasted asks for graceful restart, and a route server that grants it keeps the route of a machine that has died. The
  first table has FRR without it, and with its route-maps above the `network` line: below it the route comes 5 s after the
  session.
- With a hold time and no BFD, the route server adds time of its own between *hold timer expired* and the removal of the
  route; the rows *of it after the route server noticed* show it. With BFD it does not.
- BFD is the route server's clock: three intervals less what had passed of the last one. What is left for a daemon to win or
  lose is in the row below.
- A check of the shared address lies once the address is gone: the route server leads it to the other machine, which
  answers, and the route is announced again. ExaBGP's health check does that. Holdover's is bound to this host, and the address
  itself is evidence.
- ExaBGP's health check is set to 200 ms, 100 ms while its verdict changes, two failures; Holdover's to 100 ms and one.
- A route server refuses a peer for a second or two after an error. Failback is mostly that, and how often a daemon knocks.
- OpenBGPD runs over IPv4 here: it has no RFC 8950. GoBGP's route comes from its API after the start, as it has no
  place in its configuration.
- Holdover runs with `no dampen`: the lab kills a service more often than a real one dies, and damping is made for that.
";

/// What could not be measured, with the reason, and what was done again.
fn not_measured(lines: &[Line]) -> String {
    let disturbed = lines.iter().filter(|line| matches!(line, Line::Repetition(it) if it.disturbed)).count();
    let mut text = String::new();
    if disturbed > 0 {
        let _ = write!(text, "\n{disturbed} repetitions were done again for that reason.\n");
    }
    for line in lines {
        if let Line::Failure(failure) = line {
            let why = failure.why.lines().next().unwrap_or_default().replace(['<', '|'], " ");
            let (daemon, setup, fault) = (&failure.daemon, failure.setup, failure.fault.id());
            let _ = write!(text, "\nNot measured, or not as often: {daemon} {setup} {fault}: {why}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::plan::Fault;
    use super::super::record::tests::quiet;
    use super::super::record::{Failure, Repetition};
    use super::super::setup::{Timers, Watch};
    use super::*;

    fn lines() -> Vec<Line> {
        let versions = [("holdover", "0.1.0"), ("bird", "2.0.12")];
        let versions = versions.map(|(name, version)| (name.to_owned(), version.to_owned())).into();
        let circumstances = Circumstances {
            command: "cargo xtask lab --out docs".into(),
            date: "2026-11-22".into(),
            versions,
            repetitions: 20,
            limit: 60.0,
            revision: "a".into(),
            ..Circumstances::default()
        };
        let term = |daemon: &str, setup| {
            Line::Repetition(Repetition { moved: Some(1.25), ..quiet(daemon, setup, Fault::Term) })
        };
        let bird = Setup::with(Timers::Bfd(50), Watch::Nothing);
        let why = "it ended\nwith many words".to_owned();
        let failure = Failure { daemon: "bird".into(), setup: Setup::DEFAULT, fault: Fault::Loss, why };
        vec![
            Line::Circumstances(circumstances),
            term("holdover", Setup::with(Timers::Bfd(50), Watch::Port)),
            term("bird", bird),
            Line::Failure(failure),
        ]
    }

    fn text() -> String {
        let lines = lines();
        let circumstances = circumstances(&lines).unwrap();
        page(&lines, &circumstances, &daemons(&lines))
    }

    #[test]
    fn a_row_has_the_goal_and_whether_it_is_reached_beside_holdover() {
        let text = text();
        let row = "| SIGTERM of the daemon: traffic moves after | 1.2 ms, 0 lost; n = 1 | ≤ 8 ms, 0 lost | yes | 1.2 ms, 0 lost; n = 1 |";
        assert!(text.contains(row), "{text}");
        assert!(
            text.contains("| fault | Holdover | goal | reached | BIRD |\n|---|---|---|---|---|"),
            "{text}"
        );
    }

    #[test]
    fn a_goal_of_a_few_milliseconds_is_compared_with_the_others() {
        let figures = |median| Cell::Figures(summary([median]).unwrap(), None);
        let (ours, other) = (figures(4.0), [(Daemon::Frr, figures(3.5)), (Daemon::Bird, figures(1.0))]);
        let row = |most| Row { goal: Some(Goal { most, lost: None }), ..TUNED[0] };
        assert_eq!(better(&row(8.0), &ours, &other), Some(Daemon::Bird));
        assert_eq!(better(&row(8.0), &ours, &other[..1]), None);
        assert_eq!(better(&row(131.0), &ours, &other), None);
    }

    #[test]
    fn the_page_names_the_command_the_day_and_the_versions_and_links_what_is_written() {
        let text = text();
        assert!(text.contains("`cargo xtask lab --out docs` on 2026-11-22"));
        assert!(text.contains("| BIRD | 2.0.12 | [bfd50](lab/bird-bfd50.conf) |"), "{text}");
        assert!(text.contains("(img/failover.svg)") && text.contains("(lab/route-server.conf)"));
        assert!(!text.contains("FRR | 8"));
    }

    #[test]
    fn a_run_that_went_on_with_another_says_so_and_what_was_not_the_same() {
        let mut lines = lines();
        let command = "cargo xtask lab --reps 3".to_owned();
        let again = Circumstances { command, revision: "b".into(), ..circumstances(&lines).unwrap() };
        let versions = [("frr".to_owned(), "8.4".to_owned())].into();
        lines.push(Line::Circumstances(Circumstances { versions, repetitions: 3, ..again }));
        let circumstances = circumstances(&lines).unwrap();
        assert_eq!((circumstances.repetitions, circumstances.versions.len()), (20, 3));
        assert_eq!((circumstances.date.as_str(), circumstances.revision.as_str()), ("2026-11-22", "a, b"));
        let text = page(&lines, &circumstances, &daemons(&lines));
        let begins = "Written by `cargo xtask lab --out docs`, then `cargo xtask lab --reps 3` on 2026-11-22; every figure \
                      is from those 2 runs, each going on with the one before.";
        assert!(text.contains(begins), "{text}");
    }

    #[test]
    fn what_was_not_measured_is_said_with_its_reason_in_one_line() {
        let text = text();
        assert!(text.contains("Not measured, or not as often: bird default loss: it ended\n"), "{text}");
        assert!(!text.contains("many words"));
    }

    #[test]
    fn a_busy_machine_is_named_as_one() {
        assert!(!text().contains("was busy"));
        let mut lines = lines();
        lines.extend([0.3, 0.4, 0.9].map(Line::Busy));
        let circumstances = circumstances(&lines).unwrap();
        let text = page(&lines, &circumstances, &[Daemon::Bird]);
        assert!(text.contains("**The machine was busy**: 40 % of its processors (at most 90 %)"), "{text}");
    }

    #[test]
    fn goals_are_written_in_the_unit_of_the_row() {
        let goal = |most, lost| Goal { most, lost };
        assert_eq!(goal_text(Measure::Outage, goal(2_700.0, None)), "≤ 2.7 s");
        assert_eq!(goal_text(Measure::Move, goal(8.0, Some(0.0))), "≤ 8 ms, 0 lost");
        assert_eq!(goal_text(Measure::Silence, goal(3.0, Some(1.0))), "≤ 3 ms, ≤ 1 lost");
        assert_eq!(goal_text(Measure::Cpu, goal(6.0, None)), "≤ 6");
    }

    #[test]
    fn the_documents_of_a_run_are_written_whole_and_old_configurations_go() {
        let folder = std::env::temp_dir().join(format!("holdover-lab-report-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("lab")).unwrap();
        std::fs::write(folder.join("lab/frr-old.conf"), "").unwrap();
        write(&folder, &lines()).unwrap();
        for name in [
            "failover.md",
            "img/failover.svg",
            "lab/route-server.conf",
            "lab/holdover-bfd50-port.conf",
            "lab/results.jsonl",
        ] {
            assert!(folder.join(name).exists(), "{name}");
        }
        assert!(!folder.join("lab/frr-old.conf").exists());
        assert_eq!(super::super::record::read(&folder.join("lab/results.jsonl")).unwrap(), lines());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
