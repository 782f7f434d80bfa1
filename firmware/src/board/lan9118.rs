//! The LAN9118 Ethernet controller, a `phy::Device` for smoltcp. (SMSC LAN9118 datasheet, revision 1.5)
//!
//! Frames wait in the chip's FIFOs, so there is no ring, and one buffer for both directions: the port above copies what came
//! before it sends anything. An interrupt says that a frame came or that the link changed; it is masked until the main loop,
//! before it sleeps, has served what it told.

use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, Ordering};

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use super::register::Block;

// SAFETY: the chip of the board, used in this file alone; it changes no memory.
const CHIP: Block = unsafe { Block::at(0x4020_0000) };

/// Registers (datasheet section 5).
mod at {
    pub(super) const RX_DATA: usize = 0x00;
    pub(super) const TX_DATA: usize = 0x20;
    pub(super) const RX_STATUS: usize = 0x40;
    pub(super) const TX_STATUS: usize = 0x48;
    pub(super) const INTERRUPT_CONFIG: usize = 0x54;
    pub(super) const INTERRUPT_STATUS: usize = 0x58;
    pub(super) const INTERRUPT_ENABLE: usize = 0x5c;
    pub(super) const BYTE_TEST: usize = 0x64;
    pub(super) const FIFO_LEVELS: usize = 0x68;
    pub(super) const RX_CONFIG: usize = 0x6c;
    pub(super) const TX_CONFIG: usize = 0x70;
    pub(super) const HARDWARE_CONFIG: usize = 0x74;
    pub(super) const RX_INFO: usize = 0x7c;
    pub(super) const TX_INFO: usize = 0x80;
    pub(super) const FREE_RUN: usize = 0x9c;
    pub(super) const RX_DROPPED: usize = 0xa0;
    pub(super) const MAC_COMMAND: usize = 0xa4;
    pub(super) const MAC_DATA: usize = 0xa8;
    pub(super) const FLOW_CONTROL: usize = 0xac;
    pub(super) const EEPROM_COMMAND: usize = 0xb0;
}

/// Registers of the MAC behind [`at::MAC_COMMAND`] (section 5.4).
mod mac {
    pub(super) const CONTROL: u32 = 1;
    pub(super) const ADDRESS_HIGH: u32 = 2;
    pub(super) const ADDRESS_LOW: u32 = 3;
    pub(super) const MII_ACCESS: u32 = 6;
    pub(super) const MII_DATA: u32 = 7;
}

/// Registers of the PHY behind [`mac::MII_ACCESS`] (section 5.5).
mod transceiver {
    pub(super) const CONTROL: u32 = 0;
    pub(super) const STATUS: u32 = 1;
    pub(super) const INTERRUPT_SOURCE: u32 = 29;
    pub(super) const INTERRUPT_MASK: u32 = 30;
}

/// "A frame came": more than none waits in the receive status FIFO.
const FRAME_CAME: u32 = 1 << 3;
/// "The PHY has something to say."
const PHY_SPEAKS: u32 = 1 << 18;
/// The link went down, or negotiation is done.
const LINK_CHANGED: u32 = (1 << 4) | (1 << 6);

/// The longest frame, without its checksum.
pub(crate) const FRAME: usize = 1_514;
/// A frame's room, in whole words with its checksum.
const ROOM: usize = 1_520;
/// A frame's checksum.
const CHECKSUM: usize = 4;
/// How many bad frames are thrown away before others get their turn.
const BAD_FRAMES: u32 = 16;
/// How often a register is read until the chip must have done it: far more than a millisecond.
const PATIENCE: u32 = 100_000;

/// What became of frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// Received and handed up.
    pub(crate) received: u32,
    /// Received broken (checksum, length, collision).
    pub(crate) broken: u32,
    /// Received too long or too short.
    pub(crate) misfits: u32,
    /// Lost in the chip, for its FIFO was full.
    pub(crate) overrun: u32,
    /// Handed to the chip.
    pub(crate) sent: u32,
    /// The chip could not send them.
    pub(crate) unsent: u32,
}

/// The chip.
#[repr(C)] // The small first: it is reached with fewer instructions.
pub(crate) struct Lan9118 {
    mac: [u8; 6],
    counters: Counters,
    len: usize,
    /// The frame that came, until it is looked at, or the one that is being sent. Both tokens have it, and use it one after the
    /// other: the one that is received first.
    frame: RefCell<[u8; ROOM]>,
}

/// Why the chip cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, defmt::Format)]
pub(crate) enum Fault {
    /// It is not there, or does not answer as it should.
    Absent,
    /// It does not come out of its reset.
    Reset,
}

impl Lan9118 {
    /// The driver at rest: [`Self::start`] is to be called before anything else.
    pub(crate) const fn new() -> Self {
        Self {
            mac: [0; 6],
            counters: Counters { received: 0, broken: 0, misfits: 0, overrun: 0, sent: 0, unsent: 0 },
            frame: RefCell::new([0; ROOM]),
            len: 0,
        }
    }

    /// Resets the chip and starts it (datasheet section 3.12, and 6 for the order).
    pub(crate) fn start(&mut self) -> Result<(), Fault> {
        if !CHIP.wait(at::BYTE_TEST, PATIENCE, |word| word == 0x8765_4321) {
            return Err(Fault::Absent);
        }
        CHIP.write(at::HARDWARE_CONFIG, 1);
        if !CHIP.wait(at::HARDWARE_CONFIG, PATIENCE, |config| config & 1 == 0) {
            return Err(Fault::Reset);
        }
        // Whole frames are stored before they leave, and 5 KiB of the 16 are for those.
        CHIP.write(at::HARDWARE_CONFIG, (1 << 20) | (5 << 16));
        CHIP.write(at::FLOW_CONTROL, 0x006e_3740);
        CHIP.wait(at::EEPROM_COMMAND, PATIENCE, |command| command & (1 << 31) == 0);
        self.read_address();
        // Push-pull and active high: any other way an idle line is a pending interrupt.
        CHIP.write(at::INTERRUPT_ENABLE, 0);
        CHIP.write(at::INTERRUPT_STATUS, u32::MAX);
        CHIP.write(at::INTERRUPT_CONFIG, (1 << 8) | (1 << 4) | 1);
        // Levels: each received frame is told, no sent one is.
        CHIP.write(at::FIFO_LEVELS, 0xff00_0000);
        start_phy();
        CHIP.write(at::RX_CONFIG, 0);
        CHIP.write(at::TX_CONFIG, 1 << 1);
        // Full duplex; every multicast, for IPv6's neighbor discovery; transmitter and receiver.
        write_mac(mac::CONTROL, (1 << 20) | (1 << 19) | (1 << 3) | (1 << 2));
        CHIP.write(at::INTERRUPT_ENABLE, FRAME_CAME | PHY_SPEAKS);
        read_link();
        Ok(())
    }

    /// Its Ethernet address: from its EEPROM, else one that we made up and gave it.
    pub(crate) const fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// What became of frames so far.
    pub(crate) fn counters(&mut self) -> Counters {
        // Reading takes it back to zero.
        self.counters.overrun = self.counters.overrun.saturating_add(CHIP.read(at::RX_DROPPED));
        self.counters
    }

    /// The chip's own counter, of 25 MHz.
    #[expect(clippy::unused_self, reason = "who has the chip may read it")]
    pub(super) fn counter(&self) -> u32 {
        CHIP.read(at::FREE_RUN)
    }

    fn read_address(&mut self) {
        let (low, high) = (read_mac(mac::ADDRESS_LOW), read_mac(mac::ADDRESS_HIGH));
        let ([a, b, c, d], [e, f, ..]) = (low.to_le_bytes(), high.to_le_bytes());
        self.mac = [a, b, c, d, e, f];
        // Without an EEPROM it is all ones; a group address is nobody's own.
        if a & 1 != 0 || self.mac == [0; 6] {
            // Locally administered: one board of a network may be without an EEPROM, not two.
            self.mac = [0x02, b'h', b'o', b'l', b'd', 0x01];
            let [a, b, c, d, e, f] = self.mac;
            write_mac(mac::ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]));
            write_mac(mac::ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]));
        }
    }

    /// Takes frames out of the chip until one is good; whether there was one. A frame that is not is gone.
    fn fetch(&mut self) -> bool {
        for _ in 0..BAD_FRAMES {
            if !is_waiting() {
                return false;
            }
            let status = CHIP.read(at::RX_STATUS);
            let len = usize::try_from(status >> 16 & 0x3fff).unwrap_or_default();
            let words = len.div_ceil(4);
            // The error summary, and "did not pass the filter".
            let broken = status & ((1 << 15) | (1 << 30)) != 0;
            let fits = (14 + CHECKSUM..=FRAME + CHECKSUM).contains(&len);
            if broken || !fits {
                for _ in 0..words {
                    CHIP.read(at::RX_DATA);
                }
                let counter = if broken { &mut self.counters.broken } else { &mut self.counters.misfits };
                *counter = counter.saturating_add(1);
                continue;
            }
            for place in self.frame.get_mut().chunks_exact_mut(4).take(words) {
                place.copy_from_slice(&CHIP.read(at::RX_DATA).to_le_bytes());
            }
            self.len = len - CHECKSUM;
            self.counters.received = self.counters.received.saturating_add(1);
            return true;
        }
        false
    }

    /// Takes back what the chip says of frames that it sent, and whether it has room for another one.
    fn has_room(&mut self) -> bool {
        loop {
            let info = CHIP.read(at::TX_INFO);
            if info & 0x00ff_0000 == 0 {
                // The frame and its two commands.
                return info & 0xffff >= 1_528 + 8;
            }
            if CHIP.read(at::TX_STATUS) & (1 << 15) != 0 {
                self.counters.unsent = self.counters.unsent.saturating_add(1);
            }
        }
    }
}

/// Whether there is a link: the driver is lent to the network's stack, and the link is asked for by others.
static LINK: AtomicBool = AtomicBool::new(false);

/// Whether there is a link.
pub(crate) fn link() -> bool {
    LINK.load(Ordering::Relaxed)
}

/// Looks at what an interrupt may have told; what comes after that is told by another one.
pub(super) fn serve() {
    let status = CHIP.read(at::INTERRUPT_STATUS);
    // First taken back, then looked at: what comes in between is told again.
    CHIP.write(at::INTERRUPT_STATUS, status);
    if status & PHY_SPEAKS != 0 {
        read_phy(transceiver::INTERRUPT_SOURCE);
        read_link();
    }
}

/// Whether a frame waits.
pub(super) fn is_waiting() -> bool {
    CHIP.read(at::RX_INFO) & 0x00ff_0000 != 0
}

fn read_link() {
    // "Link down" is kept until it was read once: only the second reading says what is.
    read_phy(transceiver::STATUS);
    LINK.store(read_phy(transceiver::STATUS) & (1 << 2) != 0, Ordering::Relaxed);
}

fn start_phy() {
    // Negotiates what the other side can; the link comes up when it does.
    write_phy(transceiver::CONTROL, 0x1200);
    write_phy(transceiver::INTERRUPT_MASK, LINK_CHANGED);
}

fn read_mac(register: u32) -> u32 {
    CHIP.write(at::MAC_COMMAND, (1 << 31) | (1 << 30) | register);
    CHIP.wait(at::MAC_COMMAND, PATIENCE, |command| command & (1 << 31) == 0);
    CHIP.read(at::MAC_DATA)
}

fn write_mac(register: u32, value: u32) {
    CHIP.write(at::MAC_DATA, value);
    CHIP.write(at::MAC_COMMAND, (1 << 31) | register);
    CHIP.wait(at::MAC_COMMAND, PATIENCE, |command| command & (1 << 31) == 0);
}

/// The PHY inside the chip has address 1.
fn ask_phy(register: u32, write: bool) {
    write_mac(mac::MII_ACCESS, (1 << 11) | (register << 6) | (u32::from(write) << 1) | 1);
    let _ = (0..PATIENCE).any(|_| read_mac(mac::MII_ACCESS) & 1 == 0);
}

fn read_phy(register: u32) -> u32 {
    ask_phy(register, false);
    read_mac(mac::MII_DATA) & 0xffff
}

fn write_phy(register: u32, value: u32) {
    write_mac(mac::MII_DATA, value);
    ask_phy(register, true);
}

impl phy::Device for Lan9118 {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, ToSend<'_>)> {
        // A frame that may ask for an answer waits until there is room for that.
        if !self.has_room() || !self.fetch() {
            return None;
        }
        let Self { frame, len, counters, .. } = self;
        let frame = &*frame;
        Some((Received { frame, len: *len }, ToSend { frame, counters }))
    }

    fn transmit(&mut self, _: Instant) -> Option<ToSend<'_>> {
        self.has_room().then(|| ToSend { frame: &self.frame, counters: &mut self.counters })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

/// A frame that was received.
pub(crate) struct Received<'a> {
    frame: &'a RefCell<[u8; ROOM]>,
    len: usize,
}

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.frame.borrow()[..self.len.min(FRAME)])
    }
}

/// Room for a frame to be sent.
pub(crate) struct ToSend<'a> {
    frame: &'a RefCell<[u8; ROOM]>,
    counters: &'a mut Counters,
}

impl phy::TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let len = len.min(FRAME);
        let mut frame = self.frame.borrow_mut();
        let result = f(&mut frame[..len]);
        send(&frame, len);
        self.counters.sent = self.counters.sent.saturating_add(1);
        result
    }
}

/// Hands a frame to the chip: two commands, then its words (section 3.11).
fn send(frame: &[u8; ROOM], len: usize) {
    let size = u32::try_from(len).unwrap_or_default();
    // All of it in one buffer, at its beginning; the tag is not used.
    CHIP.write(at::TX_DATA, (1 << 13) | (1 << 12) | size);
    CHIP.write(at::TX_DATA, size);
    for word in frame.chunks_exact(4).take(len.div_ceil(4)) {
        CHIP.write(at::TX_DATA, u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    }
}
