//! What of a line must not be told: passwords and their like, in every statement, known or misspelt.

use super::hint::Nearest;
use super::line::Words;

/// Words that contain one of these announce a secret.
const CONTAINED: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "token",
    "authorization",
    "bearer",
    "cookie",
    "apikey",
];

/// So do these words.
const WHOLE: [&str; 10] =
    ["pass", "pw", "pwd", "psk", "md5", "auth", "authentication", "hmac", "sha256", "snmp-server"];

/// Where in a line, in octets, what must not be told begins; `None`: all of it may be told. Behind a word that announces a
/// secret nothing is told, nor are the arguments of a command, nor the user of a URL.
pub fn concealed(line: &str) -> Option<usize> {
    let mut words = Words::of(line);
    while let Some(word) = words.next() {
        let next = words.peek().map(|word| word.at);
        // `--token=X`, `"Authorization: X"`, `password:X`.
        let bare = word.text.trim_matches(['"', '\'', '-']);
        let (name, value) = bare.split_once(['=', ':']).unwrap_or((bare, ""));
        if announces(name) {
            let inside = word.text.len().saturating_sub(value.len());
            let trailing = word.text.len().saturating_sub(word.text.trim_end_matches(['"', '\'', '-']).len());
            let here = word.at.saturating_add(inside.saturating_sub(trailing));
            return if value.is_empty() { next.or(Some(line.len())) } else { Some(here) };
        }
        if let Some((scheme, rest)) = word.text.split_once("://")
            && rest.split(['/', '?']).next().is_some_and(|authority| authority.contains('@'))
        {
            return Some(word.at.saturating_add(scheme.len()).saturating_add(3));
        }
        if word.text == "exec" && next.is_some() {
            words.next();
            return words.peek().map(|argument| argument.at);
        }
    }
    None
}

/// Whether a secret follows this word.
fn announces(word: &str) -> bool {
    let is = |other: &str| word.eq_ignore_ascii_case(other);
    let contains = |part: &&str| {
        let mut windows = word.as_bytes().windows(part.len());
        windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    let key = |part: Option<&str>| part.is_some_and(|part| part.eq_ignore_ascii_case("key"));
    let mut misspelt = Nearest::to(word);
    for right in ["password", "passwd", "secret", "key-string"] {
        misspelt.offer(right);
    }
    WHOLE.into_iter().any(is)
        || CONTAINED.iter().any(contains)
        || key(word.get(..3))
        || key(word.len().checked_sub(3).and_then(|from| word.get(from..)))
        || misspelt.word().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a line's telling part ends where it should: `|` marks the place.
    fn told(marked: &str) {
        let line = marked.replace('|', "");
        assert_eq!(concealed(&line), marked.find('|').filter(|at| *at < line.len()).or(None), "{marked}");
    }

    #[test]
    fn what_follows_a_secret_word_is_concealed() {
        for marked in [
            "password |first",
            " enable password |8 x",
            "username op password |x",
            "neighbor 10.0.0.1 password |x y",
            "neighbor 10.0.0.1 pasword |x",
            "neighbor 10.0.0.1 PASSWROD |x",
            "neighbor 10.0.0.1 passwort |x",
            "neighbor 10.0.0.1 pwd |x",
            " key-string |x",
            " ip ospf message-digest-key |1 md5 x",
            " ip ospf authentication-key |x",
            " isis password |clear x",
            "snmp-server |community x",
            " check a http http://h/ header \"Authorization: |Basic x\"",
            " check a http http://h/ header Authorization:|Basic",
            " check a http http://|user:x@h/",
            " check a exec /bin/sh |-c x",
            " check a exec /bin/ok --token=|x",
        ] {
            if marked.contains("--token") {
                // The arguments of a command are all concealed.
                told(&marked.replace('|', "").replace("--token", "|--token"));
            } else {
                told(marked);
            }
        }
    }

    #[test]
    fn what_is_no_secret_is_told() {
        for line in [
            "neighbor 10.0.0.1 passive",
            "neighbor 10.0.0.1 remote-us external",
            "neighbor 10.0.0.1 timers 3 9",
            "timers bgp 3 9",
            " keepalive 3",
            " check a http http://h/p@th expect 200",
            " check a exec /bin/true",
            "route-map passthrough permit 10",
        ] {
            assert_eq!(concealed(line), None, "{line}");
        }
    }
}
