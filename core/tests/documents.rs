//! Documents that come from the tables, and configurations in documents: neither may go stale.
//!
//! `cargo xtask docs` writes what is generated; these tests compare.

use std::fmt::Write;
use std::path::PathBuf;

use holdover_core::bgp::fsm::{Actions, Event, State, Step, transition};
use holdover_core::config::{Config, Node, Platform, Shown, Statement, Tier, lint, parse, statements};
use holdover_core::engine::Engine;

/// Set: write the document instead of comparing it.
const BLESS: &str = "HOLDOVER_BLESS";

const INTRO: &str = "\
# Configuration

Generated from the statement tables in `core/src/config/statement/` by `cargo xtask docs`; a test fails when it is stale.

The language is FRR's, so a guide's template can be pasted as it stands. `/etc/holdover/holdover.conf` is read at start and on
SIGHUP; `holdover check FILE` tells all that is wrong with a file, and what is right and probably not meant.

- A line whose first character, after blanks, is `!` or `#` is a comment; anywhere else these are ordinary characters.
- Indentation means nothing. A word of the top level inside a block ends the block; so do `exit` and its like.
- Words may be shortened as long as they are unique: `neigh 192.0.2.1 remote-as ext`.
- Times are written `500ms`, `2s`, `1m`, up to 9 hours. Addresses may be IPv4 or IPv6; host bits of a prefix are masked, with a warning.
- Every statement is in one of three tiers. It **acts**; or it is **accepted and has no effect here**, which is said; or it is
  **refused with the reason**. A statement that changes what is announced is never ignored.
- A text with blanks stands in double quotes where a table shows TEXT, PATH or a header, and in the command of a check; there `\\\"` is
  a double quote and `\\\\` a backslash. Descriptions and passwords need none: they are the rest of the line.
- What a platform cannot obey is an error that says so, never a check that never answers.
- There is room for 64 neighbors and as many peer-groups, 256 services, 16,384 routes, 4,096 entries of route-maps and lists, and 65,535
  octets of names and texts. What does not fit is an error that names the limit.
- In the tables, `[…]` may be left out, `a|b` is a choice, CAPITALS stand for a value, `…` for more of it. What has *no* in the
  second column may be turned off with `no` before it.
";

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(name)
}

#[test]
fn docs_config_md_shows_every_statement() {
    let mut page = INTRO.to_owned();
    for node in Node::ALL {
        section(&mut page, node);
    }
    let file = path("docs/config.md");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let stands = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stands == page, "docs/config.md is stale: cargo xtask docs");
}

#[test]
fn docs_fsm_md_shows_every_cell() {
    let mut page = String::from(
        "# The BGP state machine\n\nEvery cell of `core/src/bgp/fsm.rs` (RFC 4271 section 8; event 29 is RFC 9687's). \
         Written by the test `docs_fsm_md_shows_every_cell`; `HOLDOVER_BLESS=1 cargo test -p holdover-core docs_fsm` \
         writes it anew. An empty cell: the event is ignored.\n",
    );
    for state in State::ALL {
        write!(page, "\n## {state}\n\n| event | next state | actions |\n|---|---|---|\n").unwrap();
        for event in Event::ALL {
            let Step { next, actions } = transition(state, event);
            let number = event as u8;
            if next == state && actions == Actions::NONE {
                writeln!(page, "| {number} {event:?} | | |").unwrap();
            } else {
                writeln!(page, "| {number} {event:?} | {next} | {actions} |").unwrap();
            }
        }
    }
    let file = path("docs/fsm.md");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let stands = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stands == page, "docs/fsm.md is stale: cargo xtask docs");
}

#[test]
fn docs_appliance_md_has_the_sizes_of_the_statics() {
    let file = path("docs/appliance.md");
    let stands = std::fs::read_to_string(&file).unwrap();
    let mut page = stands.clone();
    // They hold no pointer and no `usize`, so a board's are as large as the host's: `cargo xtask lint bss` prints both.
    for (name, octets) in [
        ("Engine<4, 8>", size_of::<Engine<4, 8>>()),
        ("Engine<2, 4>", size_of::<Engine<2, 4>>()),
        ("Config<4, 8>", size_of::<Config<4, 8>>()),
    ] {
        let start = format!("| `{name}` | ");
        let row = page.lines().find(|line| line.starts_with(&start)).expect("a row of the static").to_owned();
        page = page.replace(&row, &format!("{start}{},{:03} |", octets / 1_000, octets % 1_000));
    }
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&file, &page).unwrap();
    } else {
        assert_eq!(stands, page, "docs/appliance.md is stale: cargo xtask docs");
    }
}

/// The statements of a node: those that act as a table, the others as lists.
fn section(page: &mut String, node: Node) {
    let (title, intro) = heading(node);
    writeln!(page, "\n## {title}\n\n{intro}\n").unwrap();
    let all = rows(node);
    let acting: Vec<_> = all.iter().filter(|row| row.tier == Tier::Act).collect();
    if !acting.is_empty() {
        page.push_str("| statement | no | what it does | without it |\n|---|---|---|---|\n");
    }
    for row in acting {
        let no = if row.has_no() { "no" } else { "" };
        writeln!(page, "| {} | {no} | {} | {} |", shown(row), cell(row.help), cell(row.default)).unwrap();
    }
    page.push_str(explained(node));
    list(page, &all, "Accepted, and probably not what was meant", |row| match row.tier {
        Tier::Warn(_) => Some(row.help.to_owned()),
        _ => None,
    });
    list(page, &all, "Accepted, without effect here", |row| match row.tier {
        Tier::NoEffect(why) => Some(why.to_owned()),
        _ => None,
    });
    list(page, &all, "Refused", |row| match row.tier {
        Tier::Refused(why) => Some(why.to_owned()),
        _ => None,
    });
}

fn list(page: &mut String, rows: &[&Statement], title: &str, why: impl Fn(&Statement) -> Option<String>) {
    let mut lines: Vec<(String, String)> = Vec::new();
    for row in rows {
        let Some(why) = why(row) else { continue };
        // Statements with one reason stand together.
        match lines.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, statements)) => write!(statements, ", {}", shown(row)).unwrap(),
            None => lines.push((why, shown(row))),
        }
    }
    if lines.is_empty() {
        return;
    }
    writeln!(page, "\n{title}:\n\n| statement | why |\n|---|---|").unwrap();
    for (why, statements) in lines {
        writeln!(page, "| {statements} | {} |", cell(&why)).unwrap();
    }
}

/// The rows of a node. What stands in `address-family` may stand in `router bgp` too and is shown once.
fn rows(node: Node) -> Vec<&'static Statement> {
    let of = |wanted: Node| statements().filter(move |(node, _)| *node == wanted).map(|(_, row)| row);
    let elsewhere: Vec<String> =
        if node == Node::Bgp { of(Node::Family).map(shown).collect() } else { Vec::new() };
    of(node).filter(|row| !elsewhere.contains(&shown(row))).collect()
}

fn shown(row: &Statement) -> String {
    format!("`{}`", cell(&Shown(row.syntax).to_string()))
}

/// A text as it may stand in a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn heading(node: Node) -> (&'static str, &'static str) {
    match node {
        Node::Top => ("Top level", "These end whatever block stands above them."),
        Node::Bgp => (
            "router bgp",
            "The session with each neighbor, and what all have in common. Statements of `address-family` may stand here too and \
             then concern IPv4.",
        ),
        Node::Family => ("address-family", "In `router bgp`: what is announced, and to whom."),
        Node::RouteMap => (
            "route-map",
            "What is permitted, and with which attributes. The first entry that matches decides.",
        ),
        Node::Interface => (
            "interface",
            "An address to own on an interface, as in FRR. It is bound, and not announced by itself.",
        ),
        Node::Failover => (
            "failover",
            "A service: 1 to 8 addresses with one health and one posture. The addresses are bound from start to stop, whatever is \
             announced.",
        ),
        Node::Steer => ("steer", "The router's side: which announced prefixes to take, and whom to prefer."),
        Node::Bfd => ("bfd", "Profiles for `neighbor … bfd`."),
        Node::BfdProfile => ("profile", "In `bfd`."),
        Node::Any => ("Anywhere", "Understood in every block."),
    }
}

/// What the table of a node does not say, with an example.
fn explained(node: Node) -> &'static str {
    match node {
        Node::Failover => CHECKS,
        Node::BfdProfile => BFD,
        _ => "",
    }
}

const CHECKS: &str = r#"
### Checks

A service is healthy while all its checks pass, or as many as `require` says; without a check it always is. What the kinds of checks
need, and how they fail: [operating.md](operating.md#checks).

```frr
route-map primary permit 10
 set large-community 63949:1:1
route-map secondary permit 10
 set large-community 63949:1:2
failover web
 address 192.0.2.10/32
 active route-map primary
 standby route-map secondary
 ! Clients ask this address; only this machine may answer the check.
 check page https https://192.0.2.10/health header "Host: www.example.org" expect 200 body "\"state\": \"up\"" interval 2s
 ! Its end is noticed at once.
 check server process unit nginx.service
 ! One failure may be chance: it is asked again after 100 ms, and a second time.
 check database tcp 127.0.0.1:5432 interval 1s fast-interval 100ms fall 3
 check router icmp 192.0.2.1 interval 500ms
 check ready interval 5s timeout 3s exec-user nobody exec /usr/local/bin/ready --role "web server"
 ! Who makes this file takes the service off this machine.
 check switch file /etc/holdover/off absent interval 200ms rise 1 fall 1
```

| option | what it means |
|---|---|
| `interval` | from the start of one run to the start of the next; a run that takes longer delays the next one |
| `fast-interval` | in the place of `interval` while the last results speak against what is believed of the check |
| `timeout` | a run without an answer after so long has failed, and is ended |
| `rise`, `fall` | so many runs in a row must pass, or fail, until the check is healthy, or is not. While nothing is known yet, one failure is enough |
| `start-delay` | how long the first run waits, for a program that takes a while to start; until then the service is not announced |
| `exec-user` | whose rights the command runs with, in the place of the daemon's |

A service that ends is withdrawn after at most `interval` and `fall` - 1 times `fast-interval`; where it hangs, each run takes its `timeout`. Where
that is too long, a `process` check beside it acts at once.
"#;

const BFD: &str = "
```frr
bfd
 profile fast
  transmit-interval 50
  receive-interval 50
  detect-multiplier 3
router bgp 65000
 bgp router-id 10.0.0.11
 timers bgp 3 9
 neighbor RS peer-group
 neighbor RS remote-as external
 neighbor RS prefix-list NONE in
 neighbor RS bfd profile fast
 neighbor 2600:3c0f:4:34::1 peer-group RS
 network 192.0.2.10/32
ip prefix-list NONE deny any
```

The path is down when nothing came for the detection time: the neighbor's multiplier times the longer one of its transmit-interval and our
receive-interval, here 150 ms. The neighbor must have BFD too, and finds us down by our multiplier. On the neighbor's subnet packets must come
with TTL 255 (port 3784); a neighbor behind routers, or with `ebgp-multihop`, is multihop (port 4784).
";

/// Room enough for what a page shows.
type Small = Config<16, 8, 64, 128, 8_192>;

#[test]
fn configurations_in_documents_are_read_without_an_error_and_warn_of_nothing() {
    let mut found = 0;
    for name in ["README.md", "docs/operating.md", "docs/config.md"] {
        let text = std::fs::read_to_string(path(name)).unwrap();
        for block in text.split("```frr\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            found += 1;
            let mut config = Small::new();
            let mut said = Vec::new();
            let result = parse(block, &Platform::LINUX, &mut config, &mut |what| said.push(what.to_string()));
            lint(config.view(), &mut |what| {
                // Some show one block only.
                let is_part = what.what.code() == "no-bgp" && block.contains("failover ");
                said.extend((!is_part).then(|| what.to_string()));
            });
            assert!(result.is_ok() && said.is_empty(), "{name}: {said:#?}");
        }
    }
    assert!(found > 0, "no document has a configuration: the test looks in the wrong place");
}

#[test]
fn the_readmes_configuration_has_fifteen_lines() {
    let text = std::fs::read_to_string(path("README.md")).unwrap();
    let block = text.split("```frr\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    assert_eq!(block.lines().count(), 15);
}
