//! `check` lines and what stands around them: what they say, what is wrong with them, what comes back.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::read_all;
use crate::config::target::{Process, Target};
use crate::config::{CheckKind, CheckKinds, Millis, Platform, Printed};

/// What is said about this line in a `failover` block, without its line number.
fn about(line: &str) -> Vec<String> {
    let text = format!("failover web\n address 192.0.2.10/32\n{line}");
    let (_, said, _) = read_all(&text, &Platform::ALL);
    said.into_iter().map(|said| said.replace("line 3, column ", "")).collect()
}

/// Each line has this one error.
fn wrong(lines: &[(&str, &str)]) {
    for (line, said) in lines {
        assert_eq!(about(line), [format!("error: {said}")], "{line}");
    }
}

// table: a line and what is said about it
#[test]
fn a_wrong_check_is_told_where_and_why() {
    const KINDS: &str = "`http`, `https`, `tcp`, `icmp`, `process`, `file`, `exec-user`, `interval`, `fast-interval`, \
                         `timeout`, `rise`, `fall`, `start-delay` or `exec`";
    let kinds = |found: &str| format!("error: 11: expected {KINDS}, found `{found}`");
    for (line, said) in [
        ("check web http://127.0.0.1/", kinds("http://127.0.0.1/")),
        ("check web script /x", kinds("script")),
        ("check 127.0.0.1:80", format!("error: 19: the line ends too early: expected {KINDS}")),
    ] {
        assert_eq!(about(line), [said], "{line}");
    }
    wrong(&[
        ("check web http 127.0.0.1/", "16: expected a URL (http:// or https://), found `127.0.0.1/`"),
        ("check web http http://[::1]:0/", "16: a port is a number of 1 to 65535"),
        (
            "check web http http://1.1.1.1/ expect ok",
            "39: expected status codes (200-299 or 200,204), found `ok`",
        ),
        (
            "check web http http://1.1.1.1/ expect 299-200",
            "39: the range of status codes ends before it begins",
        ),
        ("check web http http://1.1.1.1/ expect 700", "39: `700` is out of range: 100 to 599"),
        ("check web http http://1.1.1.1/ body \"all ok", "37: the double quotes that begin here never end"),
        ("check web http http://1.1.1.1/ body \"\"", "37: there is nothing between these double quotes"),
        (
            "check web http http://1.1.1.1/ body all ok",
            "41: `ok` is no option; a text with blanks stands in double quotes",
        ),
        (
            "check web http http://1.1.1.1/ header Host: www",
            "45: `www` is no option; a text with blanks stands in double quotes",
        ),
        (
            "check web http http://1.1.1.1/ header \"Host www\"",
            "39: a header is a name, a colon and a value: \"Host: www.example.org\"",
        ),
        (
            "check web http http://1.1.1.1/ header a:b header c:d header e:f header g:h header i:j",
            "76: `header` can stand 4 times in a line",
        ),
        (
            "check web http http://1.1.1.1/ insecure",
            "32: `insecure` is for https: over http there is no certificate",
        ),
        ("check web https http://1.1.1.1/", "17: the check says `https`, and the URL does not"),
        ("check web https https://1.1.1.1/ insecure insecure", "43: `insecure` stands twice in this line"),
        ("check web tcp 127.0.0.1", "15: the port is missing: ADDRESS:PORT"),
        ("check web tcp ::1:80", "15: write an IPv6 address in brackets: [ADDRESS]:PORT"),
        (
            "check web tcp localhost:80",
            "15: an address must stand here, as 127.0.0.1:80; names are not looked up",
        ),
        ("check web tcp 127.0.0.1:80 interval 5", "37: `5` has no unit; write 500ms, 30s or 2m"),
        ("check web tcp 127.0.0.1:80 interval 5ms", "37: a check needs at least 10 ms"),
        (
            "check web tcp 127.0.0.1:80 interval 40500ms",
            "37: a time of more than 32 s is a whole number of seconds",
        ),
        ("check web tcp 127.0.0.1:80 interval 700m", "37: `700m` is out of range: 0 to 540"),
        ("check web tcp 127.0.0.1:80 fall 1 fall 2", "35: `fall` stands twice in this line"),
        (
            "check web interval 1s tcp 127.0.0.1:80",
            "23: expected `exec-user`, `fast-interval`, `timeout`, `rise`, `fall`, `start-delay` or `exec`, found `tcp`",
        ),
    ]);
}

#[test]
fn a_wrong_command_process_or_file_is_told_too() {
    wrong(&[
        (
            "check web exec check.sh",
            "16: a command begins with the absolute path of its program; `/bin/sh -c \"…\"` runs a line of shell",
        ),
        ("check web exec /bin/sh -c \"x", "27: the double quotes that begin here never end"),
        (
            "check web exec /bin/sh -c a\"b c\"",
            "27: there is a double quote inside this word; put the whole of it in double quotes",
        ),
        (
            "check web exec /bin/sh -c 'exit 1'",
            "27: single quotes mean nothing here; a text stands in double ones, and \\\" is one inside",
        ),
        ("check web process nginx", "19: expected `pidfile`, `unit` or `cgroup`, found `nginx`"),
        (
            "check web process unit nginx interval 1s",
            "1: Holdover does not do this: the kernel tells at once when a process ends: there is nothing to repeat, to \
             wait for or to count",
        ),
        (
            "check web process unit /system.slice/x.service",
            "24: this is no name of a unit; for a control group say `cgroup PATH`",
        ),
        ("check web process unit nginx.socket", "24: a unit of this kind has no processes; name the service"),
        ("check web process pidfile run/x.pid", "27: a path must stand here that begins with `/`"),
        ("check web file off", "16: a path must stand here that begins with `/`"),
        (
            "check a http http://[IP]/",
            "14: `http://[IP]/` is a placeholder of the guide: put the real value there",
        ),
        (
            "check a tcp 127.0.0.1:1\ncheck a tcp 127.0.0.1:2",
            "line 4, column 7: this block has a check with this name already",
        ),
    ]);
}

#[test]
fn a_check_that_is_probably_not_what_was_meant_is_told() {
    for (line, said) in [
        (
            "check web tcp 127.0.0.1:80 timeout 2s",
            "warning: 7: the timeout of check web is longer than its interval",
        ),
        (
            "check web tcp 127.0.0.1:80 fast-interval 2s",
            "warning: 7: the fast-interval of check web is longer than its interval: it slows the check down",
        ),
        (
            "check web https https://127.0.0.1/ insecure",
            "warning: 7: check web takes any certificate: whoever answers in the service's place makes it pass",
        ),
        (
            "check web https https://www.example.org/",
            "note: 7: check web asks a name: when that leads to the shared address, another machine may answer; then \
             write the address instead, and the name as `header \"Host: NAME\"`",
        ),
        (
            "check web exec /bin/true",
            "warning: 7: the command of check web runs as the daemon's own user, usually root; name one with fewer rights: \
             `exec-user NAME` (or `exec-user root`, if it must be root)",
        ),
        (
            "check web exec-user root exec /bin/true interval 1s",
            "warning: 7: the command of check web ends in what looks like an option of the check; options stand before \
             `exec`",
        ),
    ] {
        assert_eq!(about(line), [said], "{line}");
    }
    for line in [
        "check a https https://127.0.0.1/ header \"Host: www.example.org\"",
        "check a exec-user root exec /x rise up",
    ] {
        assert_eq!(about(line), [""; 0], "{line}");
    }
}

#[test]
fn a_platform_without_names_or_commands_says_so() {
    let bare = Platform { names: false, checks: CheckKinds::NONE.with(CheckKind::Http), ..Platform::ALL };
    let (_, said, _) = read_all(
        "failover web\n address 192.0.2.10/32\n check a http http://www/\n check b exec /bin/true\n check c http \
         http://127.0.0.1/",
        &bare,
    );
    assert_eq!(
        said,
        [
            "error: line 3, column 15: this platform does not ask for the addresses of names; write the address, and the \
             name as `header \"Host: NAME\"`",
            "error: line 4, column 2: this platform does not run checks of this kind",
        ]
    );
}

#[test]
fn options_stand_in_any_order_and_are_printed_in_one() {
    let text = "failover web\n address 192.0.2.10/32\n check a http https://127.0.0.1/ fall 1 insecure header X:1 \
                interval 100ms body \"a \\\"b\\\"\" start-delay 5s header \"Y: 2 3\" expect 200,204-205 fast-interval 50ms\n \
                check b interval 10s exec-user nobody exec /bin/sh  -c \"exit 0\"\n check c process unit web user alice start-delay \
                1s\n check d process cgroup /a\n check e file \"/run/a b\" interval 50ms absent\n check f exec /bin/true\n";
    let (config, said, fine) = read_all(text, &Platform::ALL);
    assert!(fine, "{said:?}");
    let printed = format!("{}", Printed(config.view()));
    let checks: Vec<_> = printed.lines().filter(|line| line.starts_with(" check")).collect();
    assert_eq!(
        checks,
        [
            " check a https https://127.0.0.1/ expect 200,204-205 body \"a \\\"b\\\"\" header X:1 header \"Y: 2 3\" \
             insecure interval 100ms fast-interval 50ms fall 1 start-delay 5s",
            " check b exec-user nobody interval 10s exec /bin/sh  -c \"exit 0\"",
            " check c process unit web user alice start-delay 1s",
            " check d process cgroup /a",
            " check e file \"/run/a b\" absent interval 50ms",
            " check f exec /bin/true",
        ]
    );
    let view = config.view();
    let target = |index: usize| view.target(&view.checks[index]);
    assert_eq!(target(1).user(), "nobody");
    assert_eq!(
        (target(5).user(), target(2)),
        ("", Target::Process(Process::Unit { unit: "web", user: "alice" }))
    );
    assert!(matches!(target(4), Target::File { path, absent: true } if path == *"/run/a b"));
    let Target::Http(http) = target(0) else { panic!("{:?}", target(0)) };
    assert!(http.insecure() && http.expects(204) && !http.expects(206) && http.headers().count() == 2);
}

#[test]
fn damping_is_on_by_default_and_can_be_turned_off() {
    let read = |lines: &str| {
        let text = format!("failover web\n address 192.0.2.10/32\n{lines}");
        let (config, said, fine) = read_all(&text, &Platform::ALL);
        assert!(fine, "{said:?}");
        let service = config.view().services[0];
        let times = [service.dampen_within_ms, service.dampen_hold_ms, service.dampen_max_ms];
        let printed = format!("{}", Printed(config.view()));
        let line = printed.lines().find(|line| line.contains("dampen")).map(String::from);
        (service.dampen_failures, times.map(Millis::get), line)
    };
    let default = [60_000, 3_000, 300_000];
    assert_eq!(read(""), (3, default, None));
    assert_eq!(read(" no dampen"), (0, default, Some(String::from(" no dampen"))));
    let line = " dampen failures 3 within 60s hold 3s max 300s";
    assert_eq!(read(" dampen"), (3, default, Some(String::from(line))));
    let line = " dampen failures 2 within 10s hold 1500ms max 600s";
    assert_eq!(
        read(" no dampen\n dampen max 10m failures 2 hold 1500ms within 10s"),
        (2, [10_000, 1_500, 600_000], Some(String::from(line)))
    );
    for (line, said) in [
        ("dampen failures 0", "17: `0` is out of range: 1 to 5"),
        ("dampen hold 10m", "13: `hold` is longer than `max`, which is 300s when it is not given"),
        ("dampen hold 0s", "13: no time at all dampens nothing; to turn it off say `no dampen`"),
        ("dampen 3", "8: expected `failures`, `within`, `hold`, `max` or the end of the line, found `3`"),
        ("drain-timeout 5", "15: `5` has no unit; write 500ms, 30s or 2m"),
    ] {
        assert_eq!(about(line), [format!("error: {said}")], "{line}");
    }
}
