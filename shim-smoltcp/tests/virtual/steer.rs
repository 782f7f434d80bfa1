//! The board as the router: what is chosen is handed to the forwarding plane, and goes with the announcement.

use holdover_core::engine::{Command, Wish};

use crate::lab::{Lab, SECOND, text};

#[test]
fn the_chosen_announcer_leads_and_the_other_takes_over() {
    let mut lab = Lab::new(1);
    let map = "route-map primary permit 10\n set large-community 63949:1:1\nroute-map secondary permit 10\n set \
               large-community 63949:1:2\n";
    let announcer = |role: &str| {
        format!(
            " neighbor 10.0.0.1 remote-as external\nexit\n{map}failover web\n address 192.0.2.10/32\n role {role}\n active \
             route-map {role}\n"
        )
    };
    let router = " neighbor 10.0.0.2 remote-as external\n neighbor 10.0.0.2 passive\n neighbor 10.0.0.3 remote-as \
                  external\n neighbor 10.0.0.3 passive\nexit\nsteer edge\n accept 192.0.2.0/24 le 32\n prefer \
                  large-community 63949:1:1\n prefer large-community 63949:1:2\n install kernel\nexit\n";
    lab.boot("router", 1, &text(1, router));
    lab.boot("b", 2, &text(2, &announcer("primary")));
    lab.boot("c", 3, &text(3, &announcer("secondary")));
    lab.run(10 * SECOND);
    assert!(lab.nodes[0].is_up("10.0.0.2") && lab.nodes[0].is_up("10.0.0.3"));
    let leads = |lab: &mut Lab| {
        let found = lab.nodes[0].shim.port().forward.fib().find("192.0.2.10".parse().unwrap(), 0);
        format!("{found:?}")
    };
    assert!(lab.nodes[0].shim.port().forward.is_enabled());
    assert!(leads(&mut lab).contains("10.0.0.2"), "{}", leads(&mut lab));
    lab.command(1, 1, Command::Wish { service: None, wish: Wish::Drain, wait: false });
    lab.run(10 * SECOND);
    assert!(leads(&mut lab).contains("10.0.0.3"), "{}", leads(&mut lab));
    lab.command(2, 1, Command::Stop);
    lab.run(10 * SECOND);
    assert_eq!(leads(&mut lab), "None");
}
