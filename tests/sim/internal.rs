//! Two machines and their routers, of one AS and of two: who gives way loses the traffic, however the router is told whom to
//! prefer. The machine that gives way has the lower router-id, so that a tie would keep the traffic there.

use holdover_core::engine::{Command, ProbeFailure, ServiceId, Verdict, Wish};

use super::lab::{Lab, Plan, block, node_config, router_config, wish};
use super::speaker::usual;
use super::world::{MS, SECOND};

const CHECK: &str = " check web tcp 127.0.0.1:80 interval 100ms timeout 100ms rise 2 fall 3";
const TARGET: &str = "127.0.0.1:80";

/// How a router knows whom to prefer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// By communities, which its `prefer` lines name.
    Communities,
    /// By LOCAL_PREF in the route-maps of both machines: 200 and 50.
    LocalPreference,
    /// By `bgp default local-preference` of the primary alone: 300.
    Default,
    /// By communities, to which its inbound route-map gives a LOCAL_PREF.
    Inbound,
}

/// How the primary gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Fails,
    IsDemoted,
    IsDrained,
    ShutsDown,
}

const INBOUND: &str = "bgp large-community-list standard ONE permit 63949:1:1\n\
    route-map IN permit 10\n match large-community ONE\n set local-preference 150\n\
    route-map IN permit 20\n set local-preference 40\n";

fn stage(internal: bool, told: Told) -> Lab {
    let plan = Plan::primary(&format!("{CHECK}\n on-failure standby\n drain-delay 1s"));
    let mut lab = Lab::bare(&plan);
    let mut router = router_config(0, false);
    if internal {
        router = router.replace("remote-as 65000", "remote-as internal").replace("bgp 63949", "bgp 65000");
    }
    if told != Told::Communities {
        router = router.lines().filter(|line| !line.starts_with(" prefer")).collect::<Vec<_>>().join("\n");
    }
    if told == Told::Inbound {
        router = router.replace(" bgp listen range", " neighbor NODES route-map IN in\n bgp listen range");
        router = router.replace("steer edge", &format!("{INBOUND}steer edge"));
    }
    lab.world.boot(lab.routers[0], usual(), &router);
    for (index, &node) in lab.nodes.clone().iter().enumerate() {
        let mut text = node_config(index, 1, &plan.bgp, &block(index, &plan.lines[index]));
        if internal {
            text = text.replace("remote-as external", "remote-as internal");
        }
        match told {
            Told::LocalPreference => {
                text = text
                    .replace("set large-community 63949:1:1", "set local-preference 200")
                    .replace("set large-community 63949:1:2", "set local-preference 50");
            }
            Told::Default if index == 0 => {
                text = text.replace(
                    " neighbor RS peer-group",
                    " bgp default local-preference 300\n neighbor RS peer-group",
                );
            }
            _ => {}
        }
        lab.world.boot(node, usual(), &text);
    }
    lab.expect_at(0, 5 * SECOND);
    lab.world.run(SECOND);
    lab
}

fn give_way(lab: &mut Lab, way: Way) {
    let node = lab.nodes[0];
    match way {
        Way::Fails => lab.world.set_health(node, TARGET, Some(Verdict::Fail(ProbeFailure::Refused))),
        Way::IsDemoted => drop(lab.world.command(node, wish(ServiceId(0), Wish::Demote))),
        Way::IsDrained => drop(lab.world.command(node, wish(ServiceId(0), Wish::Drain))),
        Way::ShutsDown => drop(lab.world.command(node, Command::Stop)),
    }
}

#[test]
fn who_gives_way_loses_the_traffic_towards_internal_and_external_routers() {
    // A router that gives internal routes a LOCAL_PREF of its own has taken this decision on itself.
    let internal = [Told::Communities, Told::LocalPreference, Told::Default];
    let external = [Told::Communities, Told::Inbound];
    let stages = internal.map(|told| (true, told)).into_iter().chain(external.map(|told| (false, told)));
    for (internal, told) in stages {
        for way in [Way::Fails, Way::IsDemoted, Way::IsDrained, Way::ShutsDown] {
            std::eprintln!("internal {internal}, told by {told:?}, the primary {way:?}");
            let mut lab = stage(internal, told);
            give_way(&mut lab, way);
            lab.expect_at(1, 600 * MS);
            lab.stays_at(1, 10 * SECOND);
        }
    }
}

#[test]
fn bgp_default_local_preference_is_told_to_internal_peers_and_a_reload_changes_it() {
    let mut lab = stage(true, Told::Default);
    assert_eq!(lab.told(0).and_then(|told| told.local_preference), Some(300));
    assert_eq!(lab.told(1).and_then(|told| told.local_preference), Some(100));
    let text = node_config(0, 1, " timers bgp 1 3\n bgp default local-preference 70\n", &block(0, CHECK))
        .replace("remote-as external", "remote-as internal");
    lab.world.reload(lab.nodes[0], &text);
    lab.expect_told(0, "the other LOCAL_PREF", SECOND, |told| {
        told.is_some_and(|told| told.local_preference == Some(70))
    });
    lab.expect_at(1, SECOND);
}

#[test]
fn what_external_machines_tell_gets_the_routers_default_and_their_local_pref_is_not_followed() {
    let mut lab = stage(false, Told::Default);
    assert_eq!(lab.told(0).and_then(|told| told.local_preference), None);
    lab.stays_at(0, 10 * SECOND);
}
