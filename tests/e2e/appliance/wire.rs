//! What the appliance's cases stand on, without an appliance: a wire that carries, loses and is cut as it is told to, frames
//! at random that arrive, echo requests, a console. At the tap is a plain smoltcp with an echo, [`parrot`].

use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use holdover_tests::harness::console::Console;
use holdover_tests::harness::ping;
use holdover_tests::harness::probe::Probe;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::storm::{self, Victim};
use holdover_tests::harness::topology::{
    Transport, appliance_pair, cut_appliance, lose, lose_nothing, mend_appliance,
};
use holdover_tests::harness::{Context as _, Lab, Result, anyhow, ensure};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::socket::udp;
use smoltcp::wire::{EthernetAddress, IpCidr};

/// The name that it answers with, and its MAC address.
const NAME: &[u8] = b"parrot";
const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 7];
const PORT: u16 = 9000;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("harness/a_wire_to_a_tap_loses_and_is_cut_as_told", 60, wire),
        Case::new("harness/frames_at_random_arrive_at_a_tap", 60, frames),
        Case::new("harness/a_console_is_asked_and_told_to_begin_anew", 30, console),
    ]
}

/// Answers echo requests, and datagrams with themselves and its name, at the tap of an appliance's pair.
fn parrot(lab: &Lab, over: &AtomicBool) -> Result<()> {
    lab.within("us", || {
        let mut tap = TunTapInterface::new("tap0", Medium::Ethernet).context("the tap")?;
        let mut interface =
            Interface::new(Config::new(EthernetAddress(MAC).into()), &mut tap, smoltcp::time::Instant::now());
        interface.update_ip_addrs(|addresses| {
            for (transport, length) in Transport::ALL.into_iter().zip([24, 64]) {
                // There is room for two.
                let _ = addresses.push(IpCidr::new(transport.address("us").into(), length));
            }
        });
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 256], vec![0; 16_384]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(PORT).context("its port")?;
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        while !over.load(Ordering::Relaxed) {
            interface.poll(smoltcp::time::Instant::now(), &mut tap, &mut sockets);
            let socket = sockets.get_mut::<udp::Socket<'_>>(handle);
            while let Some((datagram, from)) = socket.can_send().then(|| socket.recv().ok()).flatten() {
                let answer = [datagram, NAME].concat();
                // Nobody is answered at port 0.
                let _ = socket.send_slice(&answer, from);
            }
            interface.poll(smoltcp::time::Instant::now(), &mut tap, &mut sockets);
            wait(tap.as_raw_fd(), Some(smoltcp::time::Duration::from_millis(10)))?;
        }
        Ok(())
    })
}

/// Does something while the parrot lives.
fn beside_a_parrot(lab: &Lab, body: impl FnOnce() -> Result<()>) -> Result<()> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let parrot = scope.spawn(|| parrot(lab, &over));
        let outcome = body();
        over.store(true, Ordering::Relaxed);
        let lived = parrot.join().map_err(|_| anyhow!("the parrot panicked"))?;
        lived.and(outcome)
    })
}

/// Which part of a second and a half of probes is lost.
fn lost(lab: &Lab, probe: &Probe) -> Result<f64> {
    let from = Instant::now();
    lab.steadily("the probes go on", 1.5, || Ok(()))?;
    let report = probe.report(lab, from, Instant::now())?;
    lab.note(&format!("{} of {} lost", report.lost.len(), report.sent));
    ensure!(report.sent > 500, "{} probes in 1.5 s", report.sent);
    Ok(f64::from(u32::try_from(report.lost.len())?) / f64::from(u32::try_from(report.sent)?))
}

fn wire(lab: &Lab) -> Result<()> {
    appliance_pair(lab)?;
    beside_a_parrot(lab, || {
        for transport in Transport::ALL {
            let address = transport.address("us");
            lab.eventually("it answers", 5.0, || ping::answers(lab, "them", address))?;
        }
        let target = std::net::SocketAddr::new(Transport::V6.address("us"), PORT);
        let probe = Probe::start(lab, "them", target)?;
        probe.answered_by(lab, "parrot", Instant::now(), 5.0)?;
        let none = lost(lab, &probe)?;
        ensure!(none < 0.01, "{none} of all probes are lost on a good wire");

        lose(lab, 20)?;
        // A fifth on the way there, a fifth of the rest on the way back: 0.36; four standard deviations around it.
        let some = lost(lab, &probe)?;
        ensure!((0.28..0.44).contains(&some), "{some} of all probes are lost with 20 % each way");
        lose_nothing(lab)?;

        cut_appliance(lab)?;
        let all = lost(lab, &probe)?;
        ensure!(all > 0.99, "only {all} of all probes are lost on a wire that is cut");
        ensure!(ping::answers(lab, "them", target.ip()).is_err(), "somebody answers over a wire that is cut");
        mend_appliance(lab)?;
        probe.answered_by(lab, "parrot", Instant::now(), 5.0).map(drop)
    })
}

/// How many frames the kernel has handed to whoever holds the tap.
fn handed(lab: &Lab) -> Result<u64> {
    let all = lab.json("us", &["ip", "-j", "-s", "link", "show", "tap0"])?;
    all.pointer("/0/stats64/tx/packets").and_then(serde_json::Value::as_u64).context("no figure")
}

fn frames(lab: &Lab) -> Result<()> {
    const COUNT: usize = 2_000;
    appliance_pair(lab)?;
    beside_a_parrot(lab, || {
        let address = Transport::V6.address("us");
        lab.eventually("it answers", 5.0, || ping::answers(lab, "them", address))?;
        let before = handed(lab)?;
        let of = |host: &str| Transport::ALL.map(|transport| transport.address(host));
        let victim = Victim { mac: MAC, addresses: of("us"), peers: of("them") };
        let begun = Instant::now();
        storm::frames(lab, "them", &victim, COUNT, storm::drawn())?;
        lab.note(&format!("{COUNT} frames in {:?}", begun.elapsed()));
        // Not in one heap: a slow board must have a chance to read them.
        ensure!(begun.elapsed() > Duration::from_millis(400), "they were sent in {:?}", begun.elapsed());
        lab.eventually("they came", 5.0, || {
            let came = handed(lab)? - before;
            ensure!(came >= u64::try_from(COUNT)?, "{came} of {COUNT} frames came");
            Ok(())
        })?;
        lab.eventually("it answers still", 5.0, || ping::answers(lab, "them", address))
    })
}

/// A console that says what it heard.
const SCRIPT: &str = r#"printf 'made of bash\r\nholdover> '
while IFS= read -r -d $'\r' line; do
    case $line in
        again) printf 'gone\r\nagain there\r\nus> ' ;;
        *) printf '%s\r\nheard %s\r\n' "$line" "$line"; printf 'us> ' ;;
    esac
done"#;

fn console(lab: &Lab) -> Result<()> {
    lab.host("us", holdover_tests::harness::lab::HostOptions::default())?;
    let (process, stream) = lab.spawn_talking("us", "console", &["bash", "-c", SCRIPT])?;
    let console = Console::new(lab, stream)?;
    let first = console.ready(lab, 5.0)?;
    ensure!(first == "made of bash\n", "{first:?}");
    for line in ["show board", "echo on", "show board"] {
        let answer = console.ask(lab, line)?;
        ensure!(answer == format!("heard {line}\n"), "{answer:?}");
    }
    console.restart(lab, "again", "again there\n", 5.0)?;
    let answer = console.ask(lab, "x")?;
    ensure!(answer == "heard x\n", "{answer:?}");
    ensure!(process.ended()?.is_none(), "it ended");
    Ok(())
}
