//! Whatever the fields of a fact hold, the engine copes: no call panics, and each is answered with a status that it may have.

use super::*;

/// xorshift64*: the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end
    }
}

const TEXT: &str = "router bgp 65010\n\
    neighbor 192.0.2.1 remote-as 65020\n\
    neighbor 192.0.2.1 bfd\n\
    neighbor 192.0.2.9 remote-as 65020\n\
    neighbor 192.0.2.9 passive\n\
    steer lab\n\
    exit\n\
    failover web\n address 198.51.100.8/32\n check port tcp 198.51.100.8:80\n";

/// What was heard of the engine's names, so that a good part of the answers are about what lives.
#[derive(Default)]
struct Heard {
    conns: Vec<holdover_conn>,
    probes: Vec<holdover_probe>,
    addresses: Vec<holdover_address_id>,
    bfd: Vec<holdover_bfd>,
}

impl Heard {
    fn hear(&mut self, output: &holdover_output) {
        // SAFETY: each arm reads the part that the kind names.
        unsafe {
            match output.kind {
                holdover_output_kind::Connect => self.conns.push(output.u.connect.conn),
                holdover_output_kind::Adopt => self.conns.push(output.u.adopt.conn),
                holdover_output_kind::StartProbe => self.probes.push(output.u.start_probe.probe),
                holdover_output_kind::Bind => self.addresses.push(output.u.bind.address),
                holdover_output_kind::OpenDatagram => self.bfd.push(output.u.open_datagram.bfd),
                _ => {}
            }
        }
    }
}

fn octets(numbers: &mut Numbers) -> Vec<u8> {
    let mut octets: Vec<u8> = (0..numbers.below(64)).map(|_| numbers.next().to_le_bytes()[0]).collect();
    if octets.len() >= 19 && numbers.below(2) == 0 {
        // The beginning of a BGP message, so that what is behind it is looked at.
        octets[..16].fill(0xFF);
        octets[16] = 0;
        octets[17] = u8::try_from(octets.len()).unwrap();
        octets[18] = u8::try_from(numbers.below(6)).unwrap();
    }
    octets
}

/// A fact of random octets, whose pointers lead somewhere and whose names are often alive.
fn random(
    numbers: &mut Numbers,
    heard: &Heard,
    bytes: holdover_bytes,
    name: holdover_text,
) -> holdover_input {
    let mut words = [0_u64; size_of::<holdover_input>() / 8];
    for word in &mut words {
        *word = numbers.next();
    }
    // SAFETY: a fact is integers and pointers, of which any octets are some; the pointers are written below.
    let mut input: holdover_input = unsafe { core::mem::transmute(words) };
    let kind = holdover_input_kind::ALL[numbers.below(20)];
    input.kind = if numbers.below(100) == 0 { input.kind } else { kind as u32 };
    let family = [4, 6, 6, 0][numbers.below(4)];
    // SAFETY: fields are written, none is read but those of random octets.
    unsafe {
        match kind {
            holdover_input_kind::Received => input.u.received.bytes = bytes,
            holdover_input_kind::Datagram => {
                input.u.datagram.bytes = bytes;
                (input.u.datagram.kind, input.u.datagram.local.family) = (input.u.datagram.kind & 1, family);
                input.u.datagram.remote.family = family;
            }
            holdover_input_kind::Link => input.u.link.name = name,
            holdover_input_kind::Address => {
                input.u.address.address.address.family = family;
                input.u.address.link %= 4;
                input.u.address.address.length &= 31;
            }
            holdover_input_kind::Accepted => {
                input.u.accepted.local.address.family = 4;
                input.u.accepted.remote.address = holdover_address {
                    family: 4,
                    octets: [192, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                };
                input.u.accepted.listener &= 1;
            }
            holdover_input_kind::AddressDone => input.u.address_done.result %= 12,
            holdover_input_kind::ProbeDone => input.u.probe_done.verdict %= 17,
            holdover_input_kind::Command => {
                input.u.command.order &= 1;
                input.u.command.wish %= 6;
                input.u.command.service %= 3;
            }
            _ => {}
        }
    }
    if numbers.below(4) > 0 {
        rename(&mut input, kind, numbers, heard);
    }
    input
}

/// Gives a fact the name of something that was heard of.
fn rename(input: &mut holdover_input, kind: holdover_input_kind, numbers: &mut Numbers, heard: &Heard) {
    use holdover_input_kind as Kind;
    fn last<T: Copy>(all: &[T], back: usize) -> Option<T> {
        all.iter().rev().nth(back).copied()
    }
    let back = numbers.below(3);
    match kind {
        Kind::Connected
        | Kind::ConnectFailed
        | Kind::Received
        | Kind::Sent
        | Kind::Flushed
        | Kind::Closed => {
            // The name stands first in each of these parts.
            let Some(conn) = last(&heard.conns, back) else { return };
            input.u.flushed.conn = conn;
            if kind == Kind::Connected {
                input.u.connected.local.address.family = 4;
            }
        }
        Kind::ProbeDone | Kind::WatchChanged => {
            let Some(probe) = last(&heard.probes, back) else { return };
            input.u.probe_done.probe = probe;
        }
        Kind::AddressDone => {
            let Some(address) = last(&heard.addresses, back) else { return };
            input.u.address_done.address = address;
        }
        Kind::DatagramDone => {
            let Some(bfd) = last(&heard.bfd, back) else { return };
            input.u.datagram_done = holdover_input_datagram_done { bfd, result: 0 };
        }
        _ => {}
    }
}

#[test]
fn random_facts_are_coped_with() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 1..=20 {
        let (memory, mut numbers, mut heard) = (Memory::started(), Numbers(seed), Heard::default());
        assert_eq!(memory.configure(TEXT), (holdover_status::Ok, Vec::new()));
        memory.drain(&mut |output| heard.hear(output));
        let mut now = 0;
        for _ in 0..2_000 {
            let (octets, name) =
                (octets(&mut numbers), ["eth0", "", "ä", "a-name-that-is-longer-than-fifteen"]);
            let name = name[numbers.below(4)].into();
            let input = random(&mut numbers, &heard, octets.as_slice().into(), name);
            now += numbers.next() % 3_000_000;
            match memory.handle(now, &input) {
                holdover_status::Ok => {
                    taken += 1;
                    memory.drain(&mut |output| heard.hear(output));
                }
                holdover_status::ErrorValue => refused += 1,
                other => panic!("seed {seed}: {other:?}"),
            }
        }
        assert_eq!(memory.show("show summary").0, holdover_status::Ok);
        assert_eq!(memory.show("show neighbors").0, holdover_status::Ok);
    }
    // Both happen, and often: otherwise this shows nothing.
    assert!(taken > 5_000 && refused > 1_000, "{taken} taken, {refused} refused");
}
