//! Rude hosts and peers: what drawn networks do beside the faults of every day. Each kind of rudeness is drawn once per
//! network, by dice of its own, and then happens again and again until the faults cease.

use holdover_core::engine::{IoError, LinkId};

use super::bytes::notification;
use super::dice::Dice;
use super::fact::Fact;
use super::host::Asked;
use super::lab::{Lab, SHARED};
use super::net::Nic;
use super::tcp::User;
use super::world::{MS, SECOND, World};

/// In how many networks of a hundred each kind of rudeness is met.
const OFTEN: Manners<u64> = Manners {
    overtaking: 30,
    refusing: 30,
    flapping: 30,
    renumbering: 30,
    crowded: 30,
    harassing: 30,
    stalling: 30,
    stealing: 30,
};

/// The kinds of rudeness, each with what it is met with.
#[derive(Clone, Copy, Debug)]
pub struct Manners<T> {
    /// News of the kernel's tables and answers to orders overtake each other.
    overtaking: T,
    /// The kernel refuses orders of any kind, with any error.
    refusing: T,
    /// The shared address is taken away several times in a row, or comes by another hand.
    flapping: T,
    /// Addresses of links come late, go, come back.
    renumbering: T,
    /// There are more links than there are places, and they come and go.
    crowded: T,
    /// Sessions are ended in every way, as soon as they are up.
    harassing: T,
    /// Daemons stand still for a moment, again and again.
    stalling: T,
    /// Somebody deletes routes that a router installed.
    stealing: T,
}

impl Manners<bool> {
    /// What this seed's network is like. `HOLDOVER_RUDE=refusing,stalling` leaves all other kinds out, and those two in every
    /// network.
    pub fn drawn(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x4D0E);
        let named = std::env::var("HOLDOVER_RUDE").ok();
        let mut drawn = |name: &str, often: u64| {
            let drawn = dice.chance(often);
            named.as_ref().map_or(drawn, |named| named.split(',').any(|one| one == name))
        };
        Self {
            overtaking: drawn("overtaking", OFTEN.overtaking),
            refusing: drawn("refusing", OFTEN.refusing),
            flapping: drawn("flapping", OFTEN.flapping),
            renumbering: drawn("renumbering", OFTEN.renumbering),
            crowded: drawn("crowded", OFTEN.crowded),
            harassing: drawn("harassing", OFTEN.harassing),
            stalling: drawn("stalling", OFTEN.stalling),
            stealing: drawn("stealing", OFTEN.stealing),
        }
    }

    /// What is so from the beginning, before the daemons start.
    pub fn begin(self, lab: &mut Lab, dice: &mut Dice) {
        if self.overtaking {
            lab.world.nature.overtaking = dice.pick(&[50, MS, 20 * MS]);
        }
        for host in everyone(lab) {
            lab.world.hosts[host].judged = true;
            if self.crowded {
                crowd(&mut lab.world, host, dice);
            }
            if self.renumbering && dice.chance(50) {
                // DHCP, router advertisements, duplicate address detection: at every boot.
                come_late(&mut lab.world, host, dice);
            }
        }
    }

    /// One act of rudeness, or the end of one.
    pub fn trouble(self, lab: &mut Lab, dice: &mut Dice) {
        let host = dice.pick(&everyone(lab));
        let node = dice.pick(&lab.nodes);
        let router = dice.pick(&lab.routers);
        let world = &mut lab.world;
        match dice.below(8) {
            0 if self.refusing => refuse(world, host, dice),
            1 if self.refusing => world.hosts[host].refusals.clear(),
            2 if self.flapping => flap(world, node, dice),
            3 if self.renumbering => renumber(world, host, dice),
            4 if self.crowded => change_link(world, host, dice),
            5 if self.harassing => {
                let (until, way) = (world.now + dice.range(0, 20 * SECOND), dice.below(5));
                harass(world, host, until, way, Dice::new(dice.next()));
            }
            6 if self.stalling => stall(world, host, dice),
            7 if self.stealing => steal(world, router, dice),
            _ => {}
        }
    }
}

fn everyone(lab: &Lab) -> Vec<usize> {
    [&lab.nodes[..], &lab.routers[..]].concat()
}

/// Ends it all: every host has its addresses, and its kernel does what it is asked.
pub fn heal(lab: &mut Lab) {
    for host in everyone(lab) {
        let world = &mut lab.world;
        world.hosts[host].refusals.clear();
        for text in own_addresses(&world.hosts[host].name) {
            let address = text.split_once('/').unwrap().0;
            if !world.hosts[host].holds(address) {
                world.add_address(host, Lab::ETH0, &text);
            }
        }
    }
}

/// The addresses that a host of the lab has from the beginning.
fn own_addresses(name: &str) -> [String; 3] {
    let number: u32 = name[1..].parse().unwrap();
    if name.starts_with('n') {
        [format!("10.0.0.{number}/24"), format!("fd00::1{number}/64"), format!("fe80::{number}/64")]
    } else {
        [format!("10.0.0.2{number}/24"), format!("fd00::2{number}/64"), format!("fe80::2{number}/64")]
    }
}

fn refuse(world: &mut World, host: usize, dice: &mut Dice) {
    const WHY: [IoError; 10] = [
        IoError::Refused,
        IoError::Reset,
        IoError::TimedOut,
        IoError::Unreachable,
        IoError::AddressUnavailable,
        IoError::InUse,
        IoError::Denied,
        IoError::Unsupported,
        IoError::Exhausted,
        IoError::Other,
    ];
    let refusal = (dice.pick(&Asked::ALL), dice.pick(&WHY), dice.pick(&[20, 100]));
    world.hosts[host].refusals.push(refusal);
}

/// A foreign hand, or a daemon of the network, takes the shared address away as often as it is put back.
fn flap(world: &mut World, node: usize, dice: &mut Dice) {
    let mut at = 0;
    for _ in 0..=dice.below(6) {
        at += dice.pick(&[1, 300, 20 * MS, 300 * MS]);
        let comes = dice.chance(20);
        world.script(at, move |world| {
            if !world.hosts[node].powered {
            } else if !world.remove_address(node, SHARED) && comes {
                world.add_address(node, Lab::ETH0, "192.0.2.10/32");
            }
        });
    }
}

fn come_late(world: &mut World, host: usize, dice: &mut Dice) {
    let text = dice.pick(&[0, 1, 2]);
    let text = own_addresses(&world.hosts[host].name)[text].clone();
    let address = text.split_once('/').unwrap().0.to_owned();
    if world.remove_address(host, &address) {
        let away = dice.range(0, 10 * SECOND);
        world.script(away, move |world| {
            if !world.hosts[host].holds(&address) {
                world.add_address(host, Lab::ETH0, &text);
            }
        });
    }
}

/// An address of the link goes and comes back, or another one comes beside it for a while.
fn renumber(world: &mut World, host: usize, dice: &mut Dice) {
    if dice.chance(60) {
        return come_late(world, host, dice);
    }
    let text = format!("{}{}/{}", dice.pick(&["10.0.0.1", "10.7.0."]), 50 + host, dice.pick(&[24, 32]));
    let address = text.split_once('/').unwrap().0.to_owned();
    if !world.hosts[host].holds(&address) {
        world.add_address(host, Lab::ETH0, &text);
        world.script(dice.range(0, 10 * SECOND), move |world| {
            world.remove_address(host, &address);
        });
    }
}

/// Links of containers: without a wire of ours, told before or after the one that matters.
fn crowd(world: &mut World, host: usize, dice: &mut Dice) {
    world.hosts[host].links_backwards = dice.chance(50);
    for number in 0..30 + u32::try_from(dice.below(10)).unwrap() {
        let name = format!("veth{number}");
        let up = dice.chance(80);
        let nic = Nic { id: LinkId(100 + number), name, segment: None, up, deaf: false, mute: false };
        world.hosts[host].nics.push(nic);
    }
}

/// A container starts, stops or dies.
fn change_link(world: &mut World, host: usize, dice: &mut Dice) {
    let foreign: Vec<usize> = (2..world.hosts[host].nics.len()).collect();
    let Some(at) = (!foreign.is_empty()).then(|| dice.pick(&foreign)) else { return };
    let id = world.hosts[host].nics[at].id;
    if dice.chance(60) {
        let up = world.hosts[host].nics[at].up;
        return world.set_link(host, id, !up);
    }
    let nic = world.hosts[host].nics.remove(at);
    world.tell(host, Fact::Link { link: id, name: nic.name.clone(), up: false, gone: true });
    // Its successor has another number.
    let id = LinkId(1_000 + u32::try_from(dice.next() & 0xFFFF).unwrap());
    if world.hosts[host].nics.iter().all(|nic| nic.id != id) {
        world.hosts[host].nics.push(Nic { id, ..nic });
        world.tell_link(host, id);
    }
}

/// Ends a session as soon as there is one, in one way, until then.
fn harass(world: &mut World, host: usize, until: u64, way: usize, mut dice: Dice) {
    if world.now > until {
        return;
    }
    let open: Vec<(usize, usize)> = world.hosts[host].conns.values().copied().collect();
    for (tcp, side) in open {
        end_session(world, tcp, side, way, &mut dice);
    }
    let pause = dice.range(MS, 200 * MS);
    world.script(pause, move |world| harass(world, host, until, way, dice));
}

/// Ends a connection: `side` hears of it.
fn end_session(world: &mut World, tcp: usize, side: usize, way: usize, dice: &mut Dice) {
    let ends = &world.tcps[tcp].ends;
    if !ends[side].open || !matches!(ends[1 - side].user, User::Engine(_)) {
        return;
    }
    match way {
        0 => world.forge_reset(tcp, side),
        1 => {
            world.forge_reset(tcp, 0);
            world.forge_reset(tcp, 1);
        }
        2 => world.tcps[tcp].ends[side].fin_in = true,
        _ => {
            // Between two messages of the other side, where it has none under way.
            let (code, subcode) = if way == 3 {
                (6, u8::try_from(1 + dice.below(10)).unwrap())
            } else {
                (u8::try_from(1 + dice.below(6)).unwrap(), u8::try_from(dice.below(12)).unwrap())
            };
            if world.is_quiet(tcp, 1 - side) {
                world.write(tcp, 1 - side, &notification(code, subcode, &[]));
            }
        }
    }
}

fn stall(world: &mut World, host: usize, dice: &mut Dice) {
    let mut at = 0;
    for _ in 0..=dice.below(5) {
        let span = dice.range(MS, 2 * SECOND);
        world.script(at, move |world| world.hosts[host].paused = true);
        world.script(at + span, move |world| world.hosts[host].paused = false);
        at += span + dice.range(1, SECOND);
    }
}

/// Somebody reconfigures the network and deletes what he does not know, or a daemon of the network does it as often as it
/// comes back.
fn steal(world: &mut World, router: usize, dice: &mut Dice) {
    let mut at = 0;
    for _ in 0..=dice.below(8) {
        at += dice.pick(&[1, 300, 20 * MS, 300 * MS, 3 * SECOND]);
        world.script(at, move |world| {
            let routes = world.hosts[router].installed.keys();
            for route in routes.map(ToString::to_string).collect::<Vec<_>>() {
                world.take_route(router, &route);
            }
        });
    }
}
