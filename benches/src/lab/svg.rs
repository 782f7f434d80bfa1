//! The plot: how long the address does not answer, by fault and daemon, on a scale of powers of ten.
//!
//! Plain SVG without scripts and fonts of its own; the colours follow the reader's theme, and the description says in
//! words what is drawn.

use std::fmt::Write as _;

use super::cell::{Cell, cell, duration};
use super::daemon::Daemon;
use super::plan::{Row, TUNED};
use super::record::Line;
use super::stats::Summary;

/// The least and the greatest figure that have a place, in milliseconds.
const SCALE: (f64, f64) = (0.5, 200_000.0);
const WIDTH: f64 = 900.0;
/// Where the scale begins and ends.
const LEFT: f64 = 112.0;
const RIGHT: f64 = 800.0;
const TOP: f64 = 74.0;
const LANE: f64 = 16.0;
const HEADING: f64 = 24.0;
const GAP: f64 = 10.0;

const STYLE: &str = "\
.back{fill:#ffffff}text{fill:#24292f;font-family:system-ui,sans-serif;font-size:12px}.title{font-size:16px;font-weight:600}\
.fault{font-weight:600}.muted{fill:#656d76}.grid{stroke:#d0d7de;stroke-width:1}.range{stroke:#8c959f;stroke-width:2}\
.dot{fill:#57606a}.ours .range{stroke:#e8590c}.ours .dot{fill:#e8590c}.ours text{font-weight:600}\
@media (prefers-color-scheme:dark){.back{fill:#0d1117}text{fill:#e6edf3}.muted{fill:#8b949e}.grid{stroke:#30363d}\
.range{stroke:#6e7681}.dot{fill:#adbac7}.ours .range{stroke:#ff922b}.ours .dot{fill:#ff922b}}";

/// A fault and what each daemon did in it.
struct Group {
    title: &'static str,
    lanes: Vec<(Daemon, Cell)>,
}

/// Draws the rows of the first table that are meant to be drawn.
pub fn plot(lines: &[Line], daemons: &[Daemon]) -> String {
    let drawn = |row: &&Row| row.drawn;
    let group = |row: &Row| Group {
        title: row.title,
        lanes: daemons.iter().map(|daemon| (*daemon, cell(row, *daemon, lines))).collect(),
    };
    let groups: Vec<Group> = TUNED
        .iter()
        .filter(drawn)
        .map(group)
        .filter(|group| {
            group.lanes.iter().any(|(_, cell)| matches!(cell, Cell::Figures(..) | Cell::AtLeast(_)))
        })
        .collect();
    let lanes = groups.iter().map(|group| HEADING + GAP + LANE * count(group.lanes.len()));
    let height = TOP + lanes.sum::<f64>() + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{TITLE}</title>\n\
         <desc id=\"desc\">{}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"16\" y=\"28\">{TITLE}</text>\n",
        escaped(&description(&groups))
    );
    scale(&mut svg, height);
    let mut y = TOP;
    for group in &groups {
        let _ = writeln!(
            svg,
            "<text class=\"fault\" x=\"16\" y=\"{}\">{}</text>",
            y + 15.0,
            escaped(group.title)
        );
        y += HEADING;
        for (daemon, cell) in &group.lanes {
            lane(&mut svg, *daemon, cell, y + LANE / 2.0);
            y += LANE;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

const TITLE: &str = "How long a shared address does not answer";

/// The scale's lines and their names.
fn scale(svg: &mut String, height: f64) {
    let ticks =
        [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1e3, "1 s"), (1e4, "10 s"), (6e4, "1 min")];
    for (figure, name) in ticks {
        let x = place(figure);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"56\" y2=\"{}\"/>\n\
             <text class=\"muted\" x=\"{x:.1}\" y=\"50\" text-anchor=\"middle\">{name}</text>",
            height - 12.0
        );
    }
}

/// One daemon's line: its name, the range, the median, the figure in words.
fn lane(svg: &mut String, daemon: Daemon, cell: &Cell, y: f64) {
    let ours = if daemon == Daemon::Holdover { " class=\"ours\"" } else { "" };
    let _ = write!(
        svg,
        "<g{ours}><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        LEFT - 8.0,
        y + 4.0,
        daemon.title()
    );
    let text = escaped(&said(cell));
    match cell {
        Cell::Figures(Summary { median, least, greatest, .. }, _) => {
            let (from, to, at) = (place(*least), place(*greatest), place(*median));
            let _ = write!(
                svg,
                "<line class=\"range\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <circle class=\"dot\" cx=\"{at:.1}\" cy=\"{y}\" r=\"4.5\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{text}</text>",
                to.max(at) + 9.0,
                y + 4.0
            );
        }
        Cell::AtLeast(limit) => {
            // An arrow: it goes on.
            let (from, to) = (place(*limit), place(*limit) + 26.0);
            let _ = write!(
                svg,
                "<line class=\"range\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <path class=\"dot\" d=\"M{to:.1} {}l9 5l-9 5z\"/><text x=\"{:.1}\" y=\"{}\">{text}</text>",
                y - 5.0,
                to + 14.0,
                y + 4.0
            );
        }
        Cell::Cannot(_) | Cell::NotRun | Cell::Failed(_) => {
            let _ = write!(svg, "<text class=\"muted\" x=\"{}\" y=\"{}\">{text}</text>", LEFT + 4.0, y + 4.0);
        }
    }
    svg.push_str("</g>\n");
}

/// A cell in the fewest words.
fn said(cell: &Cell) -> String {
    match cell {
        Cell::Figures(figures, _) => duration(figures.median),
        Cell::AtLeast(limit) => format!("≥ {}", duration(*limit)),
        Cell::Cannot(why) => why.clone(),
        Cell::NotRun => "not run".to_owned(),
        Cell::Failed(_) => "not measured".to_owned(),
    }
}

/// The plot in words.
fn description(groups: &[Group]) -> String {
    let group = |group: &Group| {
        let lanes = group.lanes.iter().map(|(daemon, cell)| format!("{} {}", daemon.title(), said(cell)));
        format!("{}: {}.", group.title, lanes.collect::<Vec<_>>().join(", "))
    };
    let all: Vec<String> = groups.iter().map(group).collect();
    format!("Medians by fault and daemon, on a logarithmic scale. {}", all.join(" "))
}

/// Where a figure lies.
fn place(milliseconds: f64) -> f64 {
    let (least, greatest) = SCALE;
    let share = (milliseconds.clamp(least, greatest) / least).log10() / (greatest / least).log10();
    LEFT + share * (RIGHT - LEFT)
}

fn count(lanes: usize) -> f64 {
    u32::try_from(lanes).map_or(0.0, f64::from)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Fault, Measure, Way};
    use super::super::record::Repetition;
    use super::super::record::tests::quiet;
    use super::*;

    fn outage(daemon: Daemon, outage: Option<f64>) -> Line {
        let row = TUNED
            .iter()
            .find(|row| row.fault == Fault::Loss && row.measure == Measure::Outage && row.way == Way::Hold);
        let setup = row.unwrap().way.setup(daemon).unwrap();
        let moved = outage;
        Line::Repetition(Repetition { moved, outage, ..quiet(daemon.name(), setup, Fault::Loss) })
    }

    fn sample() -> String {
        let lines = [
            outage(Daemon::Holdover, Some(2100.0)),
            outage(Daemon::Holdover, Some(2500.0)),
            outage(Daemon::Bird, None),
        ];
        plot(&lines, &[Daemon::Holdover, Daemon::Bird, Daemon::Gobgp])
    }

    /// The elements are closed in the reverse order of their opening.
    fn is_well_formed(svg: &str) -> bool {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let Some((inside, _)) = tag.split_once('>') else { return false };
            if let Some(name) = inside.strip_prefix('/') {
                if open.pop() != Some(name) {
                    return false;
                }
            } else if !inside.ends_with('/') {
                open.push(inside.split(' ').next().unwrap_or_default());
            }
        }
        open.is_empty()
    }

    #[test]
    fn the_plot_is_well_formed_and_needs_nothing_from_elsewhere() {
        let svg = sample();
        assert!(is_well_formed(&svg), "{svg}");
        for word in ["<script", "href", "@import", "url("] {
            assert!(!svg.contains(word), "{word}");
        }
        assert!(!is_well_formed("<g><text></g></text>") && !is_well_formed("<g>"));
    }

    #[test]
    fn it_says_in_words_what_it_draws_in_both_themes() {
        let svg = sample();
        assert!(
            svg.contains("silent loss, hold time 3 s, no BFD: Holdover 2.30 s, BIRD ≥ 60 s, GoBGP not run."),
            "{svg}"
        );
        assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("role=\"img\""));
    }

    #[test]
    fn a_fault_without_any_figure_is_not_drawn() {
        assert!(!sample().contains("BFD 10 ms"));
    }

    #[test]
    fn ten_times_longer_is_as_far_again_wherever_it_stands() {
        let step = place(10.0) - place(1.0);
        assert!((place(10_000.0) - place(1_000.0) - step).abs() < 1e-6);
        assert!((place(0.001) - LEFT).abs() < 1e-6 && (place(1e9) - RIGHT).abs() < 1e-6);
    }

    #[test]
    fn words_with_marks_of_their_own_are_escaped() {
        assert_eq!(escaped("a < b & \"c\""), "a &lt; b &amp; &quot;c&quot;");
    }
}
