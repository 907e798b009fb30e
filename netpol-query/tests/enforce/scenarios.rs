//! What must hold.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::live::{Scenario, ip, scenarios};
use crate::program::{Running, Sides, ask, gets_through, is_answered, serve_on};

/// Every scenario.
pub(crate) const ALL: &[Scenario] = scenarios![
    usage_is_explained,
    what_stands_in_the_way_is_listed,
    a_day_of_the_datapath,
    what_came_by_standard_input_counts_after_a_reload,
    an_interface_that_is_changed_is_closed,
    audit_lets_pass_and_counts,
];

const OPEN: &str = "10.9.0.2:7000";
const CLOSED: &str = "10.9.0.2:7001";
const BOUND: &str = "--bind net/client=pa --bind net/server=pb,BAD --no-chain";

/// Writes a client and a server that lets others in on one port.
fn write(folder: &Path, port: &str) {
    let pods = "\
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: net}
status: {podIP: 10.9.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: net, labels: {app: server}}
status: {podIP: 10.9.0.2}
";
    let policy = format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: server, namespace: net}}
spec: {{podSelector: {{matchLabels: {{app: server}}}}, policyTypes: [Ingress], ingress: [{{ports: [{{port: {port}}}]}}]}}
"
    );
    fs::write(folder.join("pods.yaml"), pods).unwrap();
    fs::write(folder.join("policy.yaml"), policy).unwrap();
}

fn usage_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "7000");
    let files = folder.path().display();
    for (words, code, said) in [
        ("enforce".to_owned(), 2, "needs two interfaces"),
        ("enforce --in lo --out lo".to_owned(), 2, "the same interface"),
        ("enforce --in lo --out pb --bind x".to_owned(), 2, "there is no `=`"),
        (
            "enforce --in lo --out pb --bind net/client=eth7".to_owned(),
            2,
            "the ports are lo and pb",
        ),
        ("enforce --in lo --out pb --external eth7".to_owned(), 2, "there is no port `eth7`"),
        ("enforce --in lo --out pb --metrics 0.0.0.0:1".to_owned(), 2, "loopback"),
        ("enforce --in lo --out pb -o dot".to_owned(), 2, "no form as dot"),
        (format!("-f {files} enforce --in none0 --out none1 --no-chain"), 2, "no such interface"),
    ] {
        let (ended, out, err) = ask(&words);
        assert_eq!((ended, out.as_str()), (code, ""), "{words}: {err}");
        assert!(err.contains(said), "{words}: {err}");
    }
}

fn what_stands_in_the_way_is_listed() {
    let _sides = Sides::new();
    let (code, out, _) = ask("enforce --in pa --out pb --check --no-chain");
    assert!(!out.contains("error:"), "{out}");
    assert_eq!(code, 0, "{out}");
    if std::process::Command::new("nft").arg("--version").output().is_ok() {
        // What starting does by itself is no reason not to start.
        let (code, out, _) = ask("enforce --in pa --out pb --check");
        assert!(out.contains("it is installed when the datapath starts"), "{out}");
        assert_eq!(code, 0, "{out}");
    }
    ip("link add br0 type bridge");
    ip("link set pa master br0");
    ip("addr add 10.9.9.9/24 dev pb");
    let (code, out, _) = ask("enforce --in pa --out pb --check --no-chain");
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("ip link set pa nomaster"), "{out}");
    assert!(out.contains("ip addr flush dev pb"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "7000");
    let words = format!("-f {} enforce --in pa --out pb --no-chain", folder.path().display());
    let (code, _, err) = ask(&words);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("nomaster") && err.contains("nothing was started"), "{err}");
    ip("link del br0");
    ip("addr flush dev pb");
    // A pod that stands nowhere.
    let (code, _, err) = ask(&format!("{words} --bind net/client=pa"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("net/server (10.9.0.2)") && err.contains("--bind"), "{err}");
}

fn what_came_by_standard_input_counts_after_a_reload() {
    let _sides = Sides::new();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "7000");
    let policy = fs::read_to_string(folder.path().join("policy.yaml")).unwrap();
    fs::remove_file(folder.path().join("policy.yaml")).unwrap();
    let bound = BOUND.replace(",BAD", "");
    let words = format!("-f {} -f - enforce --in pa --out pb {bound}", folder.path().display());
    let _server = serve_on("b", &[OPEN, CLOSED]);
    let running = Running::start_with(&words, &policy);
    assert!(gets_through("a", OPEN) && !is_answered("a", CLOSED));
    running.signal("HUP");
    running.wait_for("policies number 2 are in force");
    assert!(gets_through("a", OPEN) && !is_answered("a", CLOSED));
}

fn a_day_of_the_datapath() {
    let _sides = Sides::new();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "7000");
    let log = folder.path().join("drops.log");
    let words = format!(
        "-o json -f {} enforce --in pa --out pb {} --log-drops {} --metrics 127.0.0.1:9464",
        folder.path().display(),
        BOUND.replace(",BAD", ""),
        log.display()
    );
    ip("link set lo up");
    let _server = serve_on("b", &[OPEN, CLOSED]);
    let mut running = Running::start(&words);
    // CAP_NET_ADMIN (12) and CAP_NET_RAW (13), in every thread.
    assert!(
        running.capabilities().iter().all(|set| set == "0000000000003000"),
        "{:?}",
        running.capabilities()
    );
    assert!(gets_through("a", OPEN));
    assert!(!is_answered("a", CLOSED));
    let logged = String::from_utf8(fs::read(&log).unwrap()).unwrap();
    let lines = logged.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // Among what the kernel multicasts by itself.
    let line = lines.into_iter().find(|line| line["reason"] == "POLICY").unwrap();
    assert_eq!((&line["src_pod"], &line["dst_pod"]), (&"net/client".into(), &"net/server".into()));
    assert_eq!(line["dst_port"], 7001);
    assert_eq!(line["why"][1]["policy"], "net/server", "{line}");
    // On a signal.
    write(folder.path(), "7001");
    running.signal("HUP");
    running.wait_for("policies number 2 are in force");
    assert!(!is_answered("a", OPEN));
    assert!(gets_through("a", CLOSED));
    // What cannot be read leaves the old ones in force.
    fs::write(folder.path().join("policy.yaml"), "kind: [").unwrap();
    running.signal("HUP");
    running.wait_for("were not put in force");
    assert!(gets_through("a", CLOSED) && !is_answered("a", OPEN));
    // On a change of the files alone.
    write(folder.path(), "7000");
    running.wait_for("policies number 3 are in force");
    assert!(gets_through("a", OPEN) && !is_answered("a", CLOSED));
    running.signal("USR1");
    let report: Value = serde_json::from_str(&running.line()).unwrap();
    assert_eq!((&report["reloads"], &report["refused_reloads"]), (&2.into(), &1.into()));
    assert!(report["dropped"]["POLICY"].as_u64().unwrap() >= 3, "{report}");
    let mut client = TcpStream::connect("127.0.0.1:9464").unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut served = String::new();
    client.read_to_string(&mut served).unwrap();
    assert!(served.contains("netpol_enforce_dropped_total{reason=\"POLICY\"}"), "{served}");
    let (code, rest) = running.end();
    assert_eq!(code, 0);
    let last: Value = serde_json::from_str(&rest).unwrap();
    let sum = |counts: &Value| -> u64 {
        counts.as_object().unwrap().values().filter_map(Value::as_u64).sum()
    };
    assert_eq!(
        last["received"].as_u64().unwrap(),
        sum(&last["forwarded"]) + sum(&last["dropped"]),
        "{last}"
    );
}

/// What `--check` would refuse stops all traffic while it lasts, and both are said.
fn an_interface_that_is_changed_is_closed() {
    let _sides = Sides::new();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "7000");
    let bound = BOUND.replace(",BAD", "");
    let words = format!("-f {} enforce --in pa --out pb {bound}", folder.path().display());
    let _server = serve_on("b", &[OPEN]);
    let running = Running::start(&words);
    assert!(gets_through("a", OPEN));
    ip("link set pa mtu 1400");
    let said = running.wait_for("interface `pa`: closed");
    assert!(said.contains("ip link set pa mtu 1500"), "{said}");
    // Neither MTU is the right one: both are closed.
    running.wait_for("interface `pb`: closed");
    assert!(!is_answered("a", OPEN));
    ip("link set pa mtu 1500");
    running.wait_for("open again");
    running.wait_for("open again");
    assert!(gets_through("a", OPEN));
    assert_eq!(running.end().0, 0);
}

fn audit_lets_pass_and_counts() {
    let _sides = Sides::new();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "7000");
    let words = format!(
        "-f {} enforce --in pa --out pb --mode audit {}",
        folder.path().display(),
        BOUND.replace(",BAD", ",02:00:00:00:00:99")
    );
    let _server = serve_on("b", &[OPEN, CLOSED]);
    let running = Running::start(&words);
    assert!(gets_through("a", CLOSED));
    let (code, report) = running.end();
    assert_eq!(code, 0);
    assert!(report.contains("frames passed that would have been dropped"), "{report}");
    // The server's Ethernet address is not the one that it was bound to.
    assert!(report.contains("SPOOFED") || report.contains("ARP_INVALID"), "{report}");
    assert!(report.contains("passed   POLICY"), "{report}");
}
