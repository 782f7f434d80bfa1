//! The serial console: lines in, answers out. It never waits: an answer that is longer than the line takes now goes on in
//! the next turn, and sessions get theirs in between.

use core::fmt;

use holdover_core::config::{self, Config, Severity};
use holdover_core::console::command::{self, Misread, Offer, Request};
use holdover_core::engine::{Command, CommandId, CommandResult};
use holdover_firmware::editor::{Editor, Event};
use holdover_firmware::pieces::Piece;
use holdover_firmware::text::crc32;
use holdover_smoltcp::{PLATFORM, Said};

use crate::answer::{self, Answer, Word};
use crate::appliance::{Appliance, PEERS, SERVICES, log_said};
use crate::board::flash::{SETTINGS_AT, settings};
use crate::board::{clock, keep, uart};

/// An answer goes on when the line has at least so much room.
const ENOUGH: usize = 256;
/// The longest word that Tab completes.
const COMPLETION: usize = 48;
/// Our commands have one name: the next begins when the last was answered.
const COMMAND: CommandId = CommandId(1);

/// The console.
pub(crate) struct Console {
    editor: Editor,
    state: State,
    /// What the engine answered to the command.
    result: Option<CommandResult>,
}

/// What it is doing.
enum State {
    /// The prompt is to be shown; the line, too, when it was interrupted by `?`.
    Prompt,
    /// Somebody types.
    Typing,
    /// An answer is on its way; so much of it has left.
    Answering { answer: Answer, passed: usize, then: Then },
}

/// What comes behind an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// A new line.
    NewLine,
    /// The same line, which is not finished.
    SameLine,
}

impl Console {
    /// Shows the prompt next.
    pub(crate) const fn new() -> Self {
        Self { editor: Editor::new(), state: State::Prompt, result: None }
    }

    /// Whether there is something to do now.
    pub(crate) fn is_ready(&self) -> bool {
        match self.state {
            State::Typing => uart::is_typed(),
            State::Prompt | State::Answering { .. } => uart::room() >= ENOUGH,
        }
    }

    /// Hears what the engine says: the answers to its commands.
    pub(crate) fn hear(&mut self, said: &Said) {
        if let Said::Answer { id: COMMAND, result } = said {
            self.result = Some(*result);
        }
    }

    /// Goes on; whether a command changed something that the engine may want to act upon.
    #[inline(never)] // As a part of the main loop it would be on the stack while the network has its turn.
    pub(crate) fn turn(&mut self, appliance: &mut Appliance) -> bool {
        let mut acted = false;
        // A turn shows one answer's piece, or reads one line.
        while self.is_ready() {
            match &mut self.state {
                State::Prompt => self.prompt(appliance),
                State::Answering { answer, passed, then } => {
                    let mut piece = Piece::new(*passed, uart::show as fn(&[u8]) -> bool);
                    let whole = answer::render(&mut piece, answer, self.editor.line(), appliance).is_ok();
                    *passed = piece.passed();
                    if !whole {
                        break;
                    }
                    if *then == Then::NewLine {
                        self.editor.clear();
                    }
                    self.state = State::Prompt;
                }
                State::Typing => {
                    let Some(octet) = uart::typed() else { break };
                    match self.editor.feed(octet, &mut echo) {
                        Event::None => {}
                        Event::Line => {
                            acted = self.obey(appliance);
                            break;
                        }
                        Event::Help => {
                            echo(b"\r\n");
                            self.answer(Answer::Help, Then::SameLine);
                        }
                        Event::Complete => self.complete(appliance),
                    }
                }
            }
        }
        acted
    }

    fn answer(&mut self, answer: Answer, then: Then) {
        self.state = State::Answering { answer, passed: 0, then };
    }

    fn prompt(&mut self, appliance: &Appliance) {
        let name = appliance.engine.summary().hostname;
        echo(if name.is_empty() { "holdover" } else { name }.as_bytes());
        echo(b"> ");
        echo(self.editor.line().as_bytes());
        self.state = State::Typing;
    }

    /// Does what the line says; whether it changed something.
    #[inline(never)] // As a part of `turn` it would be on the stack while an answer is written.
    fn obey(&mut self, appliance: &mut Appliance) -> bool {
        let line = self.editor.line();
        if line.trim_ascii().is_empty() {
            self.editor.clear();
            self.state = State::Prompt;
            return false;
        }
        let mut acted = false;
        let answer = if let Some(word) = Word::read(line) {
            match word {
                Word::Echo(on) => {
                    appliance.switch_echo(on);
                    acted = true;
                }
                Word::Reboot => keep::reboot(),
                Word::TestPanic => panic!("asked for on the console"),
                Word::TestFault => cortex_m::asm::udf(),
                Word::TestHang => loop {
                    cortex_m::asm::nop();
                },
                _ => {}
            }
            answer::of_word(word, appliance)
        } else {
            match read(line) {
                Ok(Request::Show(show)) => Answer::Show(show, clock::now()),
                Ok(Request::Wish { service, wish }) => {
                    acted = true;
                    let named = service.map(|name| appliance.engine.service_named(name));
                    if named == Some(None) {
                        Answer::Wished(wish, CommandResult::NoSuchService)
                    } else {
                        let wanted = Command::Wish { service: named.flatten(), wish, wait: false };
                        self.command(appliance, wanted);
                        Answer::Wished(wish, self.result.take().unwrap_or(CommandResult::Done))
                    }
                }
                Err(misread) => Answer::Misread(misread),
            }
        };
        self.answer(answer, Then::NewLine);
        acted
    }

    fn command(&mut self, appliance: &mut Appliance, command: Command) {
        self.result = None;
        let Appliance { engine, net, .. } = appliance;
        net.command(engine, COMMAND, command, &mut |said| {
            if let Said::Answer { id: COMMAND, result } = &said {
                self.result = Some(*result);
            }
            log_said(said);
        });
    }

    /// Completes the last word as far as all that could stand there agree.
    #[inline(never)] // Likewise.
    fn complete(&mut self, appliance: &Appliance) {
        let line = self.editor.line();
        let begins = line.rsplit(' ').next().unwrap_or_default().len();
        let mut common = Common { octets: [0; COMPLETION], len: 0, offers: 0 };
        command::completions(appliance.engine.config().view(), line, &mut |offer: Offer<'_>| {
            if offer.completes {
                common.offer(offer.text.as_bytes());
            }
        });
        answer::completions(line, &mut |word| common.offer(word.as_bytes()));
        if common.offers == 0 || common.len < begins {
            return echo(b"\x07");
        }
        let rest = common.octets;
        self.editor.append(&rest[begins..common.len], &mut echo);
        if common.offers == 1 {
            self.editor.append(b" ", &mut echo);
        }
    }
}

/// What all offers begin with.
struct Common {
    octets: [u8; COMPLETION],
    len: usize,
    offers: usize,
}

impl Common {
    fn offer(&mut self, text: &[u8]) {
        let text = &text[..text.len().min(COMPLETION)];
        if self.offers == 0 {
            self.octets[..text.len()].copy_from_slice(text);
            self.len = text.len();
        } else {
            let same = self.octets[..self.len].iter().zip(text).take_while(|(a, b)| a == b).count();
            if same == text.len() && same == self.len {
                // The same word, of another command.
                return;
            }
            self.len = same;
        }
        self.offers += 1;
    }
}

/// What the core makes of a line.
#[inline(never)] // As a part of `obey` it would be on the stack while the engine acts.
fn read(line: &str) -> Result<Request<'_>, Misread> {
    command::read(line)
}

/// Shows what is typed. What finds no room is not shown: the line is still what it is.
fn echo(octets: &[u8]) {
    uart::show(octets);
}

/// Writes text to the console, however long that takes: before the first turn only.
struct Slowly;

impl fmt::Write for Slowly {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.split_inclusive('\n').for_each(|piece| match piece.strip_suffix('\n') {
            Some(line) => {
                uart::show_all(line.as_bytes());
                uart::show_all(b"\r\n");
            }
            None => uart::show_all(piece.as_bytes()),
        });
        Ok(())
    }
}

/// Reads the configuration's text and says what is wrong with it, on the console and in the log; whether it can be used.
pub(crate) fn read_settings(config: &mut Config<PEERS, SERVICES>) -> bool {
    use fmt::Write as _;
    let text = settings();
    if text.is_empty() {
        let _ = writeln!(Slowly, "no configuration: write its text to flash at {:#x}", SETTINGS_AT);
        defmt::error!("no configuration: write its text to flash at {=usize:#x}", SETTINGS_AT);
        return false;
    }
    defmt::info!("configuration: {=usize} octets, crc32 {=u32:08x}", text.len(), crc32(text.iter().copied()));
    let result = config::parse(text, &PLATFORM, config, &mut |diagnostic| {
        let _ = writeln!(Slowly, "{}: {diagnostic}", diagnostic.severity);
        match diagnostic.severity {
            Severity::Error => defmt::error!("configuration: {}", defmt::Display2Format(&diagnostic)),
            Severity::Warning => defmt::warn!("configuration: {}", defmt::Display2Format(&diagnostic)),
            Severity::Note => defmt::info!("configuration: {}", defmt::Display2Format(&diagnostic)),
        }
    });
    if let Err(errors) = &result {
        let _ = writeln!(Slowly, "the configuration has {errors} and is not used");
        defmt::error!("the configuration has {=usize} errors and is not used", errors.0);
    }
    result.is_ok()
}
