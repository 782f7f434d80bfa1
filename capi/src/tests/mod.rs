//! The library as a C program uses it, from Rust: through its functions and raw memory alone.

mod order;
mod random;
mod vocabulary;
mod whole;

use core::ffi::c_void;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

use super::*;

/// How many words an engine is given.
const WORDS: usize = HOLDOVER_ENGINE_SIZE / 8;

/// Memory as a C program gives it: words on the heap, at one place for their whole life.
pub(super) struct Memory {
    words: *mut [u64; WORDS],
}

impl Memory {
    /// All zero: a new engine.
    pub(super) fn new() -> Self {
        Self::filled(0)
    }

    pub(super) fn filled(word: u64) -> Self {
        let words: Box<[u64]> = std::vec![word; WORDS].into_boxed_slice();
        Self { words: Box::into_raw(words).cast() }
    }

    /// An engine that was started at time 0.
    pub(super) fn started() -> Self {
        let memory = Self::new();
        // SAFETY: the memory is as large as an engine.
        assert_eq!(unsafe { holdover_start(memory.engine(), 0, 7) }, holdover_status::Ok);
        memory
    }

    /// One that took over a configuration, and was polled to the end.
    pub(super) fn configured(text: &str) -> Self {
        let memory = Self::started();
        let (status, said) = memory.configure(text);
        assert_eq!((status, said), (holdover_status::Ok, Vec::new()));
        memory.drain(&mut |_| {});
        memory
    }

    pub(super) fn engine(&self) -> *mut holdover_engine {
        self.words.cast()
    }

    /// Configures it, and collects `SEVERITY LINE:COLUMN CODE MESSAGE (HINT)`, the lints left out.
    pub(super) fn configure(&self, text: &str) -> (holdover_status, Vec<String>) {
        let mut said = Said { engine: self.engine(), lines: Vec::new(), inside: Vec::new() };
        let (data, len) = (text.as_ptr().cast(), text.len());
        let context = (&raw mut said).cast();
        // SAFETY: the text and the context outlive the call.
        let status =
            unsafe { holdover_configure_text(self.engine(), 0, 0xF3F, data, len, Some(report), context) };
        assert!(said.inside.iter().all(|&inside| inside == holdover_status::ErrorBusy));
        (status, said.lines)
    }

    /// Polls to the end.
    pub(super) fn drain(&self, each: &mut dyn FnMut(&holdover_output)) {
        let mut output = holdover_output::NONE;
        for _ in 0..10_000 {
            // SAFETY: engine and output are there.
            match unsafe { holdover_poll(self.engine(), &raw mut output) } {
                holdover_status::Ok => each(&output),
                holdover_status::None => return,
                error => panic!("poll: {error:?}"),
            }
        }
        panic!("the orders never end");
    }

    /// Tells it a fact.
    pub(super) fn handle(&self, now_us: u64, input: &holdover_input) -> holdover_status {
        // SAFETY: engine and input are there; the inputs of these tests point to what is.
        unsafe { holdover_handle(self.engine(), now_us, input) }
    }

    /// What `holdover_show` answers and writes.
    pub(super) fn show(&self, line: &str) -> (holdover_status, String) {
        let mut text = String::new();
        let (data, len) = (line.as_ptr().cast(), line.len());
        // SAFETY: line and text outlive the call.
        let status = unsafe {
            holdover_show(self.engine(), 1_000_000, data, len, Some(append), (&raw mut text).cast())
        };
        (status, text)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it came from such a box, and nothing points to it any more.
        drop(unsafe { Box::from_raw(self.words) });
    }
}

/// Appends to a `String`.
pub(super) unsafe extern "C" fn append(
    context: *mut c_void,
    text: *const core::ffi::c_char,
    len: usize,
) -> i32 {
    let piece = holdover_text { data: text, len };
    // SAFETY: these tests give a String as the context, and the library gives text.
    let (all, piece) = unsafe { (&mut *context.cast::<String>(), piece.get().unwrap()) };
    all.push_str(piece);
    0
}

/// What a configuration's reporting left behind.
struct Said {
    engine: *mut holdover_engine,
    lines: Vec<String>,
    /// What calls from inside the callback were answered.
    inside: Vec<holdover_status>,
}

unsafe extern "C" fn report(context: *mut c_void, diagnostic: *const holdover_diagnostic) {
    // SAFETY: these tests give a Said as the context, and the library a diagnostic.
    let (said, diagnostic) = unsafe { (&mut *context.cast::<Said>(), &*diagnostic) };
    let mut deadline = 0;
    // SAFETY: the engine is there, and busy.
    said.inside.push(unsafe { holdover_deadline(said.engine, &raw mut deadline) });
    // SAFETY: the library gives text.
    let (code, message, hint) =
        unsafe { (diagnostic.code.get(), diagnostic.message.get(), diagnostic.hint.get()) };
    if diagnostic.line == 0 {
        return;
    }
    said.lines.push(std::format!(
        "{:?} {}:{} {} {} ({})",
        diagnostic.severity,
        diagnostic.line,
        diagnostic.column,
        code.unwrap(),
        message.unwrap(),
        hint.unwrap()
    ));
}

/// A fact without a part.
pub(super) const TICK: holdover_input = holdover_input {
    kind: holdover_input_kind::Tick as u32,
    u: holdover_input_part { listen_done: holdover_input_listen_done { listener: 0, result: 0 } },
};

/// A fact with this part.
pub(super) fn fact(kind: holdover_input_kind, u: holdover_input_part) -> holdover_input {
    holdover_input { kind: kind as u32, u }
}
