//! More frames than can be judged.

use std::thread;
use std::time::{Duration, Instant};

use netpol_enforce::DropReason;
use netpol_enforce::wire::build::{Link, udp};

use crate::datapath::{Datapath, Setup, assert_adds_up};
use crate::reloads::{CLIENT, ECHO, SERVER, addresses, ask, snapshot};
use crate::roles::hex;
use crate::sides::{Role, Sides, mac};

/// How long the flood lasts.
const FLOOD_MS: &str = "700";
/// How soon afterwards everything is as before.
const RECOVERY: Duration = Duration::from_millis(100);
/// How long an answer takes at most, then: a segment that is lost is sent again after 200 milliseconds.
const NO_LOSS: Duration = Duration::from_millis(150);

/// What is denied comes many times faster than it is judged: what is lost is told, nothing passes, and when it ends what
/// is allowed passes again at once.
pub(crate) fn a_flood_is_counted_and_soon_forgotten() {
    let _sides = Sides::new(&addresses());
    // Judges 16 000 frames a second at most, and lets few wait.
    let pause = Duration::from_micros(500);
    let setup = Setup { receive_buffer: 65_536, batch: 8, pause, ..Setup::default() };
    let datapath = Datapath::bound(snapshot(true), &addresses(), setup);
    let _server = Role::start(1, &["role:echo", ECHO]);
    let mut talker = Role::start(0, &["role:talk", CLIENT, ECHO, "3000"]);
    assert!(ask(&mut talker));
    let [client, server] = [CLIENT, SERVER].map(|address| address.parse().unwrap());
    let denied = Link::new(mac(0), mac(1)).send(client, server, &udp(9, 7001, &[0x5a; 18]));
    let mut generator = Role::start(0, &["role:flood", &hex(&denied), FLOOD_MS]);
    let sent: u64 = generator.line().parse().unwrap();
    thread::sleep(RECOVERY);
    let start = Instant::now();
    assert!(ask(&mut talker));
    let took = start.elapsed();
    let [datagrams, strays] = ["InDatagrams", "NoPorts"]
        .map(|name| Role::ask(1, &["role:counter", "snmp", "Udp:", name]));
    assert_eq!((datagrams.as_str(), strays.as_str()), ("0", "0"), "something denied arrived");
    let report = datapath.stop();
    let (stats, judged) = (report.ports[0].stats, report.dropped_for(DropReason::Policy));
    println!(
        "live flood: {sent} sent, {judged} judged, {} lost before, then an answer within {took:?}",
        stats.overflow
    );
    assert!(sent >= 2 * judged, "{report}");
    assert!(stats.overflow > 0 && stats.overflow <= sent && judged <= sent, "{report}");
    assert!(took <= NO_LOSS, "{took:?}");
    assert_adds_up(&report);
}
