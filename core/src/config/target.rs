//! What a check asks: the parsed form of the text behind its kind.
//!
//! The statements read each piece of a line with the functions here, and a shim is handed the [`Target`]: the text is
//! never read in two ways.
//!
//! A *string* is one word, or anything in double quotes; there, `\"` stands for a double quote and `\\` for a backslash.

use core::fmt::{self, Write};
use core::net::{IpAddr, SocketAddr};

use super::error::ErrorKind;
use super::model::CheckKind;
use super::value::{self, Misfit};

/// What a check asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Target<'a> {
    /// The rest value: nothing.
    #[default]
    None,
    /// Whether this URL answers as it should.
    Http(Http<'a>),
    /// Whether this port takes connections.
    Tcp(SocketAddr),
    /// Whether this address answers to an echo request.
    Icmp(IpAddr),
    /// Whether this command exits with 0.
    Exec(Exec<'a>),
    /// Whether this process lives.
    Process(Process<'a>),
    /// Whether this file exists.
    File {
        /// Its absolute path.
        path: Text<'a>,
        /// Whether it is healthy that it does *not* exist.
        absent: bool,
    },
}

impl<'a> Target<'a> {
    /// Reads what the configuration keeps of a check; [`Target::None`] when it is none of that kind.
    pub fn parse(kind: CheckKind, text: &'a str) -> Self {
        let parsed = match kind {
            CheckKind::None => None,
            CheckKind::Http => Http::parse(text).ok().map(Self::Http),
            CheckKind::Tcp => endpoint(text).ok().map(Self::Tcp),
            CheckKind::Icmp => text.parse().ok().map(Self::Icmp),
            CheckKind::Exec => Exec::parse(text).map(Self::Exec),
            CheckKind::Process => Process::parse(text).map(Self::Process),
            CheckKind::File => {
                let mut strings = Strings { rest: text };
                let path = strings.next();
                path.map(|path| Self::File { path, absent: !strings.rest.is_empty() })
            }
        };
        parsed.unwrap_or_default()
    }

    /// Whose rights it runs with; empty: the daemon's.
    pub fn user(&self) -> &'a str {
        match *self {
            Self::Exec(exec) => exec.user,
            _ => "",
        }
    }

    /// The address it goes to, when that is known without asking a resolver.
    pub fn address(&self) -> Option<IpAddr> {
        match *self {
            Self::Http(http) => http.address,
            Self::Tcp(endpoint) => Some(endpoint.ip()),
            Self::Icmp(address) => Some(address),
            Self::None | Self::Exec(_) | Self::Process(_) | Self::File { .. } => None,
        }
    }
}

/// A string, its quotes taken away. [`fmt::Display`] and [`Text::chars`] give what it says.
#[derive(Clone, Copy, Debug, Default, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Text<'a> {
    inside: &'a str,
    /// Whether `\"` and `\\` stand for one character each.
    escaped: bool,
}

impl<'a> Text<'a> {
    /// A string as it was written.
    fn of(raw: &'a str) -> Self {
        match raw.strip_prefix('"').and_then(|behind| behind.strip_suffix('"')) {
            Some(inside) => Self { inside, escaped: true },
            None => Self { inside: raw, escaped: false },
        }
    }

    /// What it says, character by character.
    pub fn chars(self) -> impl Iterator<Item = char> + Clone + use<'a> {
        let mut rest = self.inside.chars();
        core::iter::from_fn(move || {
            let letter = rest.next()?;
            let escapes = self.escaped && letter == '\\';
            match rest.clone().next() {
                Some(next @ ('"' | '\\')) if escapes => {
                    rest.next();
                    Some(next)
                }
                _ => Some(letter),
            }
        })
    }

    /// Whether it says nothing.
    pub const fn is_empty(self) -> bool {
        self.inside.is_empty()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|letter| f.write_char(letter))
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

/// Strings, one after the other.
#[derive(Clone, Debug)]
pub struct Strings<'a> {
    rest: &'a str,
}

impl<'a> Strings<'a> {
    /// The next string as it is written, quotes included.
    fn raw(&mut self) -> Option<&'a str> {
        let raw = string(self.rest).ok().filter(|raw| !raw.is_empty())?;
        self.rest = self.rest.get(raw.len()..).unwrap_or("").trim_start_matches(BLANKS);
        Some(raw)
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        self.raw().map(Text::of)
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Where in a text something is wrong, in octets, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) what: ErrorKind,
}

/// The string that a text begins with, as it is written, quotes included; empty at the end.
pub(crate) fn string(text: &str) -> Result<&str, Flaw> {
    let flaw = |at, why| Err(Flaw { at, what: ErrorKind::Senseless(why) });
    let blank = text.find(BLANKS).unwrap_or(text.len());
    if !text.starts_with('"') {
        let word = text.get(..blank).unwrap_or(text);
        if word.starts_with('\'') {
            return flaw(
                0,
                "single quotes mean nothing here; a text stands in double ones, and \\\" is one inside",
            );
        }
        if word.contains('"') {
            return flaw(0, "there is a double quote inside this word; put the whole of it in double quotes");
        }
        return Ok(word);
    }
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|octet| {
        let ends = octet == b'"' && !escaped;
        escaped = octet == b'\\' && !escaped;
        ends
    });
    // The octets before the end are the quote at the beginning and those that were passed over.
    let Some(end) = end.and_then(|end| end.checked_add(2)) else {
        return flaw(0, "the double quotes that begin here never end");
    };
    match text.get(end..) {
        Some(behind) if behind.is_empty() || behind.starts_with(BLANKS) => Ok(text.get(..end).unwrap_or("")),
        _ => flaw(
            end,
            "a blank or the end of the line must follow the closing double quote; a quote inside is \\\"",
        ),
    }
}

/// `ADDRESS:PORT` and `[ADDRESS]:PORT`.
pub(crate) fn endpoint(word: &str) -> Result<SocketAddr, Misfit> {
    let sense = |why| wrong(ErrorKind::Senseless(why));
    if value::is_placeholder(word) {
        return wrong(ErrorKind::Placeholder);
    }
    if matches!(word.parse(), Ok(IpAddr::V4(_))) {
        return sense("the port is missing: ADDRESS:PORT");
    }
    let (host, port) = word.rsplit_once(':').ok_or(Misfit::Other)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = match (bare, bare.unwrap_or(host).parse()) {
        (Some(_), Ok(six @ IpAddr::V6(_))) => six,
        (None, Ok(four @ IpAddr::V4(_))) => four,
        _ if word.parse::<core::net::Ipv6Addr>().is_ok() => {
            return sense("write an IPv6 address in brackets: [ADDRESS]:PORT");
        }
        _ if is_name(host) => {
            return sense("an address must stand here, as 127.0.0.1:80; names are not looked up");
        }
        _ => return Err(Misfit::Other),
    };
    Ok(SocketAddr::new(address, port_of(port)?))
}

fn port_of(digits: &str) -> Result<u16, Misfit> {
    value::port(digits).or(wrong(ErrorKind::Senseless("a port is a number of 1 to 65535")))
}

/// Whether it may be the name of a host.
fn is_name(word: &str) -> bool {
    let letters = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    word.bytes().all(letters) && word.bytes().any(|octet| octet.is_ascii_alphabetic())
}

/// A string that says something.
pub(crate) fn text(raw: &str) -> Result<Text<'_>, Misfit> {
    let text = Text::of(raw);
    if text.is_empty() {
        wrong(ErrorKind::Senseless("there is nothing between these double quotes"))
    } else {
        Ok(text)
    }
}

/// A string that is an absolute path.
pub(crate) fn path(raw: &str) -> Result<Text<'_>, Misfit> {
    let text = Text::of(raw);
    if value::is_placeholder(raw) {
        return wrong(ErrorKind::Placeholder);
    }
    if text.inside.starts_with('/') { Ok(text) } else { wrong(RELATIVE) }
}

const RELATIVE: ErrorKind = ErrorKind::Senseless("a path must stand here that begins with `/`");

const fn wrong<V>(kind: ErrorKind) -> Result<V, Misfit> {
    Err(Misfit::Wrong(kind))
}

/// `http://` or `https://`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Scheme {
    /// In the clear; port 80 unless another is given.
    Http,
    /// Over TLS; port 443 unless another is given.
    Https,
}

/// A URL, and what its answer must be: `URL [expect CODES] [body TEXT] [header TEXT]… [insecure]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Http<'a> {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// The URL's host: a name, or an address without brackets.
    pub host: &'a str,
    /// The same, when it is an address.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The URL's host and port as they were written, for the `Host` field (RFC 9110 section 7.2).
    pub authority: &'a str,
    /// Path and query, as the request line has them: it begins with `/`.
    pub path: &'a str,
    options: &'a str,
}

/// One option of a [`Http`], its value as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpOption<'a> {
    Expect(&'a str),
    Body(&'a str),
    Header(&'a str),
    Insecure,
}

impl<'a> Http<'a> {
    fn parse(text: &'a str) -> Result<Self, Misfit> {
        let (word, options) = text.split_once(' ').unwrap_or((text, ""));
        Ok(Self { options, ..Self::url(word)? })
    }

    /// Reads a URL (RFC 9110 section 4.2).
    pub(crate) fn url(word: &'a str) -> Result<Self, Misfit> {
        let (scheme, port, rest) = match (word.strip_prefix("http://"), word.strip_prefix("https://")) {
            (Some(rest), _) => (Scheme::Http, 80, rest),
            (_, Some(rest)) => (Scheme::Https, 443, rest),
            _ => return Err(Misfit::Other),
        };
        if value::is_placeholder(word) {
            return wrong(ErrorKind::Placeholder);
        }
        if !word.bytes().all(|octet| octet.is_ascii_graphic()) {
            return wrong(ErrorKind::Senseless("a URL has ASCII characters only; write the others as %XX"));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if path.contains('#') {
            return wrong(ErrorKind::Senseless("what follows a `#` in a URL is never sent; leave it out"));
        }
        if path.starts_with('?') {
            return wrong(ErrorKind::Senseless("write the path before the query: http://HOST/?QUERY"));
        }
        if authority.contains('@') {
            return wrong(ErrorKind::Senseless(
                "a URL has no user and password here; say `header \"Authorization: …\"`",
            ));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, digits)) if !digits.contains(']') => (host, port_of(digits)?),
            _ => (authority, port),
        };
        let (host, address) = self::host(host)?;
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { scheme, host, address, port, authority, path, options: "" })
    }

    pub(crate) fn options(&self) -> impl Iterator<Item = HttpOption<'a>> + use<'a> {
        let mut strings = Strings { rest: self.options };
        core::iter::from_fn(move || {
            Some(match strings.raw()? {
                "expect" => HttpOption::Expect(strings.raw()?),
                "body" => HttpOption::Body(strings.raw()?),
                "header" => HttpOption::Header(strings.raw()?),
                _ => HttpOption::Insecure,
            })
        })
    }

    /// Whether an answer with this status code is a good one: those that `expect` names, otherwise 200 to 399.
    pub fn expects(&self, status: u16) -> bool {
        let given = self.options().find_map(|option| match option {
            HttpOption::Expect(codes) => Some(codes),
            _ => None,
        });
        let codes = given.unwrap_or("200-399");
        codes.split(',').filter_map(|range| self::codes(range).ok()).any(|range| range.contains(&status))
    }

    /// What the answer's body must hold.
    pub fn body(&self) -> Option<Text<'a>> {
        self.options().find_map(|option| match option {
            HttpOption::Body(raw) => Some(Text::of(raw)),
            _ => None,
        })
    }

    /// The header fields to send, name and value; a `Host` among them stands in the place of the URL's.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Text<'a>)> + use<'a> {
        self.options().filter_map(|option| match option {
            HttpOption::Header(raw) => header(raw).ok(),
            _ => None,
        })
    }

    /// The name that the server's certificate must have, and that TLS asks for: that of the `Host` header when there is
    /// one, so that a check can ask an address for a name; else the URL's host.
    pub fn server_name(&self) -> &'a str {
        let mut headers = self.headers();
        let Some((_, host)) = headers.find(|(name, _)| name.eq_ignore_ascii_case("host")) else {
            return self.host;
        };
        let name = match host.inside.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
            _ => host.inside,
        };
        name.trim_matches(['[', ']'])
    }

    /// Whether any certificate is good enough.
    pub fn insecure(&self) -> bool {
        self.options().any(|option| option == HttpOption::Insecure)
    }
}

/// A URL's host: without its brackets, and as an address when it is one.
fn host(word: &str) -> Result<(&str, Option<IpAddr>), Misfit> {
    if let Some(inside) = word.strip_prefix('[') {
        let inside = inside.strip_suffix(']').unwrap_or(inside);
        return match inside.parse() {
            Ok(six @ IpAddr::V6(_)) => Ok((inside, Some(six))),
            _ => wrong(ErrorKind::Senseless("an IPv6 address must stand between these brackets")),
        };
    }
    if let Ok(IpAddr::V4(four)) = word.parse() {
        return Ok((word, Some(IpAddr::V4(four))));
    }
    if word.is_empty() {
        return wrong(ErrorKind::Senseless("the URL has no host"));
    }
    if word.contains(':') {
        return wrong(ErrorKind::Senseless("write an IPv6 address in brackets: http://[ADDRESS]:PORT/"));
    }
    if word.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.') {
        return wrong(ErrorKind::Senseless("the URL's host is not an address"));
    }
    if !is_name(word) {
        return wrong(ErrorKind::Senseless("the URL's host is not a name"));
    }
    Ok((word, None))
}

/// One status code or a range of them (RFC 9110 section 15).
fn codes(word: &str) -> Result<core::ops::RangeInclusive<u16>, Misfit> {
    let code = |word: &str| value::number16_in(word, 100, 599);
    match word.split_once('-') {
        None => code(word).map(|code| code..=code),
        Some((low, high)) => {
            let range = code(low)?..=code(high)?;
            if range.is_empty() {
                return wrong(ErrorKind::Senseless("the range of status codes ends before it begins"));
            }
            Ok(range)
        }
    }
}

/// Reads status codes: `200-299`, `200,204`.
pub(crate) fn statuses(word: &str) -> Result<(), Misfit> {
    word.split(',').try_for_each(|range| codes(range).map(|_| ()))
}

/// A header field's name and value (RFC 9110 section 5).
pub(crate) fn header(raw: &str) -> Result<(&str, Text<'_>), Misfit> {
    let text = Text::of(raw);
    let is_token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    match text.inside.split_once(':') {
        Some((name, value)) if !name.is_empty() && name.bytes().all(is_token) => {
            Ok((name, Text { inside: value.trim_matches(BLANKS), ..text }))
        }
        _ => {
            wrong(ErrorKind::Senseless("a header is a name, a colon and a value: \"Host: www.example.org\""))
        }
    }
}

/// A command: the program and its arguments, `[exec-user NAME] PROGRAM ARGUMENT…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Exec<'a> {
    /// Whose rights it runs with; empty: the daemon's.
    pub user: &'a str,
    /// The program's absolute path.
    pub program: Text<'a>,
    rest: &'a str,
}

/// How the text of a command begins that runs as another user: no program's path does.
pub(crate) const EXEC_USER: &str = "exec-user ";

impl<'a> Exec<'a> {
    /// Reads what the configuration keeps of a command.
    fn parse(text: &'a str) -> Option<Self> {
        let given = text.strip_prefix(EXEC_USER).and_then(|behind| behind.split_once(' '));
        let (user, command) = given.unwrap_or(("", text));
        Self::command(command).ok().map(|exec| Self { user, ..exec })
    }

    /// Reads a command as it stands behind `exec`.
    pub(crate) fn command(text: &'a str) -> Result<Self, Flaw> {
        let mut arguments = Strings { rest: text };
        loop {
            let at = text.len().saturating_sub(arguments.rest.len());
            string(arguments.rest).map_err(|flaw| Flaw { at: at.saturating_add(flaw.at), ..flaw })?;
            if arguments.raw().is_none() {
                break;
            }
        }
        let mut arguments = Strings { rest: text };
        let program = arguments.next().unwrap_or_default();
        if !program.inside.starts_with('/') {
            let why = "a command begins with the absolute path of its program; `/bin/sh -c \"…\"` runs a line of shell";
            return Err(Flaw { at: 0, what: ErrorKind::Senseless(why) });
        }
        Ok(Self { user: "", program, rest: arguments.rest })
    }

    /// What follows the program.
    pub fn arguments(&self) -> Strings<'a> {
        Strings { rest: self.rest }
    }
}

/// How a process is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Process<'a> {
    /// Its number stands in the file with this absolute path.
    Pidfile(Text<'a>),
    /// It belongs to a unit of the service manager.
    Unit {
        /// The unit; `.service` is meant when it has no suffix.
        unit: &'a str,
        /// The user whose service manager runs it; empty: the system's.
        user: &'a str,
    },
    /// It is in the control group with this path: `/system.slice/nginx.service`, as /proc/PID/cgroup names it.
    Cgroup(Text<'a>),
}

impl<'a> Process<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (how, raw) = text.split_once(' ')?;
        Some(match how {
            "pidfile" => Self::Pidfile(Text::of(raw)),
            "unit" => {
                let (unit, user) = raw.split_once(UNIT_USER).unwrap_or((raw, ""));
                Self::Unit { unit, user }
            }
            _ => Self::Cgroup(Text::of(raw)),
        })
    }
}

/// What stands between a unit and its user.
pub(crate) const UNIT_USER: &str = " user ";

/// A unit of the service manager that has processes.
pub(crate) fn unit(word: &str) -> Result<&str, Misfit> {
    const WITHOUT: [&str; 8] =
        [".socket", ".timer", ".target", ".path", ".mount", ".automount", ".device", ".swap"];
    if value::is_placeholder(word) {
        return wrong(ErrorKind::Placeholder);
    }
    if word.contains('/') {
        return wrong(ErrorKind::Senseless(
            "this is no name of a unit; for a control group say `cgroup PATH`",
        ));
    }
    if WITHOUT.iter().any(|suffix| word.ends_with(suffix)) {
        return wrong(ErrorKind::Senseless("a unit of this kind has no processes; name the service"));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn http(text: &str) -> Http<'_> {
        match Target::parse(CheckKind::Http, text) {
            Target::Http(http) => http,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_url_is_taken_apart() {
        let plain = http("http://127.0.0.1:8080/healthz?deep=1");
        assert_eq!((plain.scheme, plain.host, plain.port), (Scheme::Http, "127.0.0.1", 8080));
        assert_eq!((plain.authority, plain.path), ("127.0.0.1:8080", "/healthz?deep=1"));
        assert_eq!(plain.address, Some([127, 0, 0, 1].into()));
        let name = http("https://www.example.org");
        assert_eq!(
            (name.scheme, name.host, name.port, name.path),
            (Scheme::Https, "www.example.org", 443, "/")
        );
        assert_eq!((name.address, Target::Http(name).address()), (None, None));
        for (url, port) in [("http://[2001:db8::1]/", 80), ("https://[2001:db8::1]:8443", 8443)] {
            let six = http(url);
            assert_eq!((six.host, six.port), ("2001:db8::1", port), "{url}");
            assert_eq!(six.address, Some("2001:db8::1".parse().unwrap()));
        }
        for bad in [
            "http://",
            "http://:80/",
            "http://h:0/",
            "http://h:65536/",
            "http://h:/",
            "http://[::1/",
            "http://[127.0.0.1]/",
            "http://2001:db8::1/",
            "http://192.0.2.300/",
            "http://user:word@h/",
            "http://h?x",
            "http://h/#x",
            "http://h/é",
            "http://[HOST]/",
            "ftp://h/",
            "h",
        ] {
            assert!(Http::url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_an_answer_must_be_follows_the_url() {
        let plain = http("http://h/");
        assert!([200, 204, 301, 399].iter().all(|&code| plain.expects(code)));
        assert!([100, 199, 400, 404, 500, 0, u16::MAX].iter().all(|&code| !plain.expects(code)));
        assert!(plain.body().is_none() && plain.headers().count() == 0 && !plain.insecure());
        let text = "https://h/ expect 200-204,301 body \"\\\"up\\\" \\\\o/\" header \"Host: a b \" header X:\\\\ insecure";
        let full = http(text);
        assert!([200, 202, 204, 301].iter().all(|&code| full.expects(code)));
        assert!([205, 300, 302, 404].iter().all(|&code| !full.expects(code)));
        assert_eq!(full.body().unwrap().to_string(), "\"up\" \\o/");
        let headers: Vec<_> = full.headers().map(|(name, value)| (name, value.to_string())).collect();
        assert_eq!(headers, [("Host", String::from("a b")), ("X", String::from("\\\\"))]);
        assert!(full.insecure());
        assert_eq!((full.server_name(), plain.server_name()), ("a b", "h"));
        assert_eq!(http("https://192.0.2.1/ header host:www:8443").server_name(), "www");
        for host in ["[2001:db8::1]", "[2001:db8::1]:443"] {
            let text = std::format!("https://h/ header host:{host}");
            assert_eq!(http(&text).server_name(), "2001:db8::1");
        }
        assert_eq!(http("https://[2001:db8:1:2:3:4:5:6]:8443/").server_name(), "2001:db8:1:2:3:4:5:6");
    }

    #[test]
    fn a_command_is_split_at_blanks_outside_of_double_quotes() {
        fn words(text: &str) -> Vec<String> {
            let Target::Exec(exec) = Target::parse(CheckKind::Exec, text) else { return Vec::new() };
            core::iter::once(exec.program).chain(exec.arguments()).map(|word| word.to_string()).collect()
        }
        assert_eq!(
            words("/bin/sh  -c \"test \\\"$1\\\" = 'a\\n\\\\'\" \"\" \t\\x"),
            ["/bin/sh", "-c", "test \"$1\" = 'a\\n\\'", "", "\\x"]
        );
        assert_eq!(words("\"/opt/my check\""), ["/opt/my check"]);
        for (bad, at) in [
            ("sh -c x", 0),
            ("", 0),
            ("\"\"", 0),
            ("/bin/sh \"-c", 8),
            ("/bin/sh \"a\\\"", 8),
            ("/bin/sh a\"b c\"", 8),
            ("/bin/sh \"a\"b", 11),
            ("/bin/sh -c 'a b'", 11),
            ("/é \"é\"x", 8),
        ] {
            assert_eq!(Exec::command(bad).unwrap_err().at, at, "{bad}");
        }
    }

    #[test]
    fn the_other_kinds_are_read_too() {
        assert_eq!(
            Target::parse(CheckKind::Tcp, "[2001:db8::1]:80").address(),
            Some("2001:db8::1".parse().unwrap())
        );
        assert_eq!(Target::parse(CheckKind::Icmp, "192.0.2.1"), Target::Icmp([192, 0, 2, 1].into()));
        assert!(matches!(
            Target::parse(CheckKind::Process, "pidfile \"/run/a b\""),
            Target::Process(Process::Pidfile(path)) if path == *"/run/a b"
        ));
        assert_eq!(
            Target::parse(CheckKind::Process, "unit web.service"),
            Target::Process(Process::Unit { unit: "web.service", user: "" })
        );
        assert_eq!(
            Target::parse(CheckKind::Process, "unit web user alice"),
            Target::Process(Process::Unit { unit: "web", user: "alice" })
        );
        for (text, is_absent) in
            [("/run/off", false), ("/run/off absent", true), ("\"/run/off\" absent", true)]
        {
            assert!(
                matches!(Target::parse(CheckKind::File, text), Target::File { path, absent } if path == *"/run/off" && absent == is_absent),
                "{text}"
            );
        }
        for kind in [CheckKind::None, CheckKind::Tcp, CheckKind::Icmp, CheckKind::Http, CheckKind::Exec] {
            assert_eq!(Target::parse(kind, "nonsense"), Target::None);
        }
        for unit in ["web.timer", "a/b", "[UNIT]"] {
            assert!(super::unit(unit).is_err(), "{unit}");
        }
    }

    #[test]
    fn text_of_any_form_is_no_danger() {
        let mut rand = crate::base::rand::Rand::new(1);
        for _ in 0..20_000 {
            let letters = "\"\\ \t/[]:?#@h1é,-expect";
            let text: String = (0..rand.next() % 12)
                .filter_map(|_| letters.chars().nth(rand.next() as usize % letters.chars().count()))
                .collect();
            for kind in
                [CheckKind::Http, CheckKind::Tcp, CheckKind::Exec, CheckKind::Process, CheckKind::File]
            {
                let _ = Target::parse(kind, &text);
            }
            let _ =
                (http("http://h/").expects(0), Http::url(&text), codes(&text), header(&text), string(&text));
        }
    }
}
