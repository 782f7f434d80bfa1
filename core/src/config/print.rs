//! A configuration as text: what `show running-config` shows, and what parses back to the same configuration.

use core::fmt;

use super::matcher::{VALUES, Values};
use super::model::{ConfigView, List, Owner};
use super::shown;
use super::statement::{Section, Subject};
use super::syntax::Syntax;
use super::target::{Exec, header, string};
use super::value::Value;
use crate::base::net::{Asn, Family};
use crate::base::text::Masking;

/// Writes the configuration as text.
pub fn print(view: ConfigView<'_>, out: &mut dyn fmt::Write) -> fmt::Result {
    Printer { out, view, secrets: true, indent: "", header: None }.all()
}

/// A configuration as text, for `format!` and `write!`. The alternate form (`{:#}`) hides the passwords, the arguments of
/// commands, the headers of HTTP checks but `Host`, and characters that are not seen.
#[derive(Clone, Copy, Debug)]
pub struct Printed<'a>(pub ConfigView<'a>);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            // For eyes: no secret, and nothing that is not seen.
            let out = &mut Masking(f);
            return Printer { out, view: self.0, secrets: false, indent: "", header: None }.all();
        }
        print(self.0, f)
    }
}

struct Printer<'o, 'v> {
    out: &'o mut dyn fmt::Write,
    view: ConfigView<'v>,
    secrets: bool,
    indent: &'static str,
    /// A header that is written when the first line below it is.
    header: Option<(Section, Subject, &'static str)>,
}

/// Hides what of a line is a secret.
fn hide(syntax: Syntax, values: &mut Values<'_>) {
    if syntax.is_secret() {
        values.set(1, Value::Text(HIDDEN));
    }
    for place in 0..VALUES {
        let text = values.text(place);
        match syntax.name_of(place) {
            // Only the program is shown.
            Some("COMMAND")
                if Exec::command(text).is_ok_and(|command| command.arguments().next().is_some()) =>
            {
                values.set(place, Value::Hidden(string(text).unwrap_or("")));
            }
            Some("\"NAME: VALUE\"") if !text.is_empty() => {
                let is_host = header(text).is_ok_and(|(name, _)| name.eq_ignore_ascii_case("host"));
                if !is_host {
                    values.set(place, Value::Text(HIDDEN));
                }
            }
            _ => {}
        }
    }
}

/// Stands where a password is not to be seen; it is refused when it is read.
pub(super) const HIDDEN: &str = "<hidden>";

const BLOCK: &str = " ";
const INNER: &str = "  ";

impl Printer<'_, '_> {
    fn all(&mut self) -> fmt::Result {
        self.rows(Section::Top, 0)?;
        self.lists()?;
        self.interfaces()?;
        self.each_route(Section::StaticRoute, |owner| matches!(owner, Owner::Static(_)))?;
        self.bgp()?;
        self.services()?;
        self.steer()
    }

    fn lists(&mut self) -> fmt::Result {
        for (index, rule) in self.view.rules.iter().enumerate() {
            if matches!(rule.list, List::PrefixList(_) | List::CommunityList | List::LargeCommunityList) {
                self.rows(Section::List, index)?;
            }
        }
        for (index, rule) in self.view.rules.iter().enumerate() {
            if rule.list == List::RouteMap {
                self.rows(Section::List, index)?;
                self.indented(BLOCK, Section::RouteMap, index)?;
            }
        }
        let mut open = false;
        for (index, rule) in self.view.rules.iter().enumerate() {
            // A name with blanks is that of the numbers in a `neighbor … bfd` line.
            if rule.list == List::BfdProfile && !self.view.text(rule.name).contains(' ') {
                if !core::mem::replace(&mut open, true) {
                    self.out.write_str("bfd\n")?;
                }
                self.indented(BLOCK, Section::BfdHeader, index)?;
                self.indented(INNER, Section::BfdProfile, index)?;
            }
        }
        if open { self.end() } else { Ok(()) }
    }

    fn interfaces(&mut self) -> fmt::Result {
        let mut last = None;
        for (index, route) in self.view.routes.iter().enumerate() {
            if route.owner == Owner::Interface {
                if last != Some(route.interface) {
                    if last.is_some() {
                        self.end()?;
                    }
                    self.rows(Section::InterfaceHeader, index)?;
                    last = Some(route.interface);
                }
                self.indented(BLOCK, Section::Interface, index)?;
            }
        }
        if last.is_some() { self.end() } else { Ok(()) }
    }

    fn bgp(&mut self) -> fmt::Result {
        if self.view.bgp.local_as == Asn(0) {
            return Ok(());
        }
        writeln!(self.out, "router bgp {}", self.view.bgp.local_as)?;
        self.indented(BLOCK, Section::Bgp, 0)?;
        let peers = self.view.groups.len().saturating_add(self.view.neighbors.len());
        for index in 0..peers {
            self.indented(BLOCK, Section::Peer, index)?;
        }
        for index in 0..self.view.rules.len() {
            self.indented(BLOCK, Section::Listen, index)?;
        }
        for family in Family::ALL {
            self.header = Some((Section::FamilyHeader, Subject { index: 0, family }, BLOCK));
            self.indent = INNER;
            for index in 0..peers {
                self.section(Section::FamilyPeer, Subject { index, family })?;
            }
            for (index, route) in self.view.routes.iter().enumerate() {
                if route.owner == Owner::Network {
                    self.section(Section::Network, Subject { index, family })?;
                }
            }
            self.section(Section::Family, Subject { index: 0, family })?;
            self.indent = "";
            if self.header.take().is_none() {
                self.out.write_str(" exit-address-family\n")?;
            }
        }
        self.end()
    }

    fn services(&mut self) -> fmt::Result {
        for index in 0..self.view.services.len() {
            self.rows(Section::FailoverHeader, index)?;
            let this = |service: u16| usize::from(service) == index;
            self.indent = BLOCK;
            self.each_route(
                Section::FailoverAddress,
                |owner| matches!(owner, Owner::Service(at) if this(at)),
            )?;
            self.rows(Section::Failover, index)?;
            for (at, check) in self.view.checks.iter().enumerate() {
                if this(check.service) {
                    self.rows(Section::Check, at)?;
                }
            }
            self.indent = "";
            self.end()?;
        }
        Ok(())
    }

    fn steer(&mut self) -> fmt::Result {
        let mut last = None;
        for (index, rule) in self.view.rules.iter().enumerate().filter(|(_, rule)| rule.list == List::Steer) {
            if last != Some(rule.name) {
                if last.is_some() {
                    self.end()?;
                }
                self.rows(Section::SteerHeader, index)?;
                last = Some(rule.name);
            }
            self.indented(BLOCK, Section::Steer, index)?;
        }
        if last.is_some() { self.end() } else { Ok(()) }
    }

    fn end(&mut self) -> fmt::Result {
        self.out.write_str("exit\n")
    }

    fn each_route(&mut self, section: Section, fits: impl Fn(Owner) -> bool) -> fmt::Result {
        for (index, route) in self.view.routes.iter().enumerate() {
            if fits(route.owner) {
                self.rows(section, index)?;
            }
        }
        Ok(())
    }

    fn indented(&mut self, indent: &'static str, section: Section, index: usize) -> fmt::Result {
        self.indent = indent;
        let result = self.rows(section, index);
        self.indent = "";
        result
    }

    fn rows(&mut self, section: Section, index: usize) -> fmt::Result {
        self.section(section, Subject { index, family: Family::Ipv4 })
    }

    /// One line for each row that has something to say of the subject.
    fn section(&mut self, section: Section, subject: Subject) -> fmt::Result {
        for row in section.rows() {
            let mut values = Values::new();
            if !row.print().is_some_and(|print| print(&self.view, subject, &mut values)) {
                continue;
            }
            if let Some((section, subject, indent)) = self.header.take() {
                let inner = core::mem::replace(&mut self.indent, indent);
                self.section(section, subject)?;
                self.indent = inner;
            }
            if !self.secrets {
                hide(row.syntax, &mut values);
            }
            self.out.write_str(self.indent)?;
            shown::write(self.out, &self.view, row.syntax, &values)?;
            self.out.write_str("\n")?;
        }
        Ok(())
    }
}
