//! What is printed: the same bytes each time, in every form, whatever kind of file it is.

use netpol_query::error::ErrorCode;
use pcap_file::pcap::PcapHeader;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, Endianness, TsResolution};
use serde_json::Value;

use super::{TempFile, replay, root, trace};
use crate::program::program;

/// Compares a text with a file of `tests/it/replay/`; `UPDATE_TRANSCRIPTS=1` writes it anew.
#[track_caller]
fn same(name: &str, text: &str) {
    let path = root().join("netpol-query/tests/it/replay").join(name);
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let said = std::fs::read(&path).unwrap_or_default();
    assert!(String::from_utf8(said).unwrap() == text, "{name}:\n{text}");
}

const CONTRACT: &str = "\
let $db = database
test \"the database\" {
  let $front = frontend
  expect $front cannot reach $db on 5432 because \"only the api talks to it\"
  expect only api can reach $db on 5432
}
warn api cannot reach database on 5432
expect database cannot reach 203.0.113.7 on tcp/80
expect api can reach database on tcp/5432
";

#[test]
fn every_form_is_the_same_each_time() {
    let capture = trace::classic();
    for format in ["text", "wide", "json", "jsonl", "yaml", "csv", "markdown"] {
        let ran = replay("trace.pcap", &capture, &["-o", format]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{format}");
        same(&format!("trace.{format}"), &ran.out);
        assert_eq!(replay("trace.pcap", &capture, &["-o", format]).out, ran.out, "{format}");
    }
}

#[test]
fn every_kind_of_file_has_the_same_answer() {
    let plain = replay("trace", &trace::classic(), &["-o", "csv"]).out;
    let frames = trace::frames();
    for endianness in [Endianness::Big, Endianness::Little] {
        for ts_resolution in [TsResolution::MicroSecond, TsResolution::NanoSecond] {
            let header =
                PcapHeader { endianness, ts_resolution, ..trace::header(DataLink::ETHERNET) };
            let file = trace::pcap(header, &frames, usize::MAX);
            assert_eq!(replay("trace", &file, &["-o", "csv"]).out, plain);
        }
    }
    assert_eq!(replay("trace", &trace::blocks(), &["-o", "csv"]).out, plain);
    let tagged: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| [&frame[..12], &[0x81, 0x00, 0x00, 0x07], &frame[12..]].concat())
        .collect();
    let verdicts = |csv: &str| -> Vec<String> {
        // All but the bytes, which a tag adds to.
        let line = |line: &str| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells.remove(8);
            cells.join(",")
        };
        csv.lines().map(line).collect()
    };
    let file = trace::pcap(trace::header(DataLink::ETHERNET), &tagged, usize::MAX);
    assert_eq!(verdicts(&replay("trace", &file, &["-o", "csv"]).out), verdicts(&plain));
    let cooked: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| [&[0, 4, 0, 1, 0, 6][..], &frame[6..12], &[0, 0], &frame[12..]].concat())
        .collect();
    let file = trace::pcap(trace::header(DataLink::LINUX_SLL), &cooked, usize::MAX);
    assert_eq!(verdicts(&replay("trace", &file, &["-o", "csv"]).out), verdicts(&plain));
}

#[test]
fn interfaces_are_named() {
    let ran = replay("trace", &trace::blocks(), &["-o", "json"]);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["interfaces"] == serde_json::json!(["veth-a", "veth-b"])));
}

#[test]
fn frames_that_were_cut_are_judged_and_counted() {
    let long = trace::frame(trace::FRONTEND, trace::DATABASE, &big());
    let file = trace::pcap(trace::header(DataLink::ETHERNET), &[long.clone(), long], 96);
    let ran = replay("cut", &file, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("tcp/5432"), "{}", ran.out);
    assert!(ran.out.ends_with("2 frames, 2 judged by what was kept of them\n"), "{}", ran.out);
    let long = trace::frame(trace::FRONTEND, trace::DATABASE, &big());
    let file = trace::pcap(trace::header(DataLink::ETHERNET), &[long], 60);
    let ran = replay("cut", &file, &[]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.ends_with("1 frame, 1 not judged (1 TRUNCATED)\n"), "{}", ran.out);
}

fn big() -> netpol_enforce::wire::build::Message {
    netpol_enforce::wire::build::tcp(42_000, 5432, trace::ACK, &[7; 1_000])
}

#[test]
fn contracts_are_checked_on_policies_and_on_flows() {
    let contract = TempFile::new("contract.npq", CONTRACT.as_bytes());
    let ran = replay("trace.pcap", &trace::classic(), &["--contract", contract.path()]);
    assert_eq!(ran.code, 1);
    same("contract.text", &ran.out.replace(contract.path(), "contract.npq"));
    let args = ["--contract", contract.path(), "-o", "json"];
    let ran = replay("trace.pcap", &trace::classic(), &args);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    let contracts = json["contracts"].as_array().unwrap();
    let of = |at: usize| {
        let broken = contracts[at]["broken_by"].as_array().unwrap().len();
        (contracts[at]["line"].as_u64().unwrap(), contracts[at]["status"].as_str().unwrap(), broken)
    };
    assert_eq!(of(0), (4, "pass", 1));
    assert_eq!(of(1), (5, "fail", 2));
    assert_eq!(of(2), (7, "warn", 1));
    assert_eq!(of(3), (8, "pass", 1));
    assert_eq!(of(4), (9, "pass", 0));
    let row = contracts[0]["broken_by"][0].as_u64().unwrap();
    let row = &json["rows"][usize::try_from(row).unwrap()];
    assert_eq!(row["contracts"][0]["line"], 4);
    assert_eq!(row["src"]["workload"], "shop/deployment/frontend");
}

#[test]
fn every_sentence_that_forbids_flows_is_held_against_them() {
    let capture = trace::classic();
    for (sentence, broken) in [
        ("expect api can reach database on tcp/5432 exactly", 0),
        ("expect frontend can reach api on tcp/9090 exactly", 1),
        ("expect prometheus cannot reach api on metrics", 1),
        ("expect prometheus cannot reach api on tcp/8080", 0),
        ("expect api cannot reach data/svc/database:5432", 1),
        ("expect database cannot reach internet", 2),
        ("expect no flows from frontend to api", 1),
        ("expect no denied flows from frontend to api", 0),
        ("expect only prometheus can reach api", 1),
        ("expect some frontend cannot reach api", 0),
        ("expect frontend cannot eventually reach database", 0),
        ("expect count pods >= 1", 0),
    ] {
        let contract = TempFile::new("one.npq", sentence.as_bytes());
        let args = ["--contract", contract.path(), "-o", "json"];
        let json: Value = serde_json::from_str(&replay("trace", &capture, &args).out).unwrap();
        let contract = &json["contracts"][0];
        assert_ne!(contract["status"], "error", "{sentence}: {contract}");
        assert_eq!(contract["broken_by"].as_array().unwrap().len(), broken, "{sentence}");
    }
}

#[test]
fn what_would_have_been_dropped_decides_the_exit_code() {
    let only = |frames: &[Vec<u8>], args: &[&str]| {
        let file = trace::pcap(trace::header(DataLink::ETHERNET), frames, usize::MAX);
        replay("trace", &file, args).code
    };
    let good = trace::connection(trace::API, trace::DATABASE, (40_000, 5432));
    let bad = trace::connection(trace::FRONTEND, trace::API, (40_000, 8080));
    assert_eq!(only(&good, &[]), 0);
    assert_eq!(only(&bad, &[]), 1);
    assert_eq!(only(&[], &[]), 0);
    // Allowed traffic that a contract forbids.
    let contract =
        TempFile::new("forbids.npq", b"expect no flows from api to database on tcp/5432\n");
    assert_eq!(only(&good, &["--contract", contract.path()]), 1);
    let holds = TempFile::new("holds.npq", b"expect frontend cannot reach database\n");
    assert_eq!(only(&good, &["--contract", holds.path()]), 0);
    let ping = [trace::frame(
        trace::FRONTEND,
        trace::DATABASE,
        &netpol_enforce::wire::build::echo_request(7, b"ping"),
    )];
    assert_eq!(only(&ping, &[]), 1);
    assert_eq!(only(&ping, &["--icmp", "allow"]), 0);
    assert_eq!(only(&ping, &["--icmp", "policy"]), 1);
}

#[test]
fn doubt_alone_ends_with_3() {
    let manifests = "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {app: a}}
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x, labels: {app: b}}
status: {podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: allows}
spec:
  priority: 10
  subject: {namespaces: {}}
  ingress: [{action: Allow, from: [{namespaces: {}}]}]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: denies}
spec:
  priority: 10
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
";
    let frames = trace::connection("10.0.0.1", "10.0.0.2", (40_000, 80));
    let file = TempFile::new("tie", &trace::pcap(trace::header(DataLink::ETHERNET), &frames, 999));
    let ran = program(&["-f", "-", "replay", file.path()], manifests);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("AMBIGUOUS  x/a  → x/b  tcp/80"), "{}", ran.out);
}

#[test]
fn several_captures_go_on_from_one_another() {
    let frames = trace::connection(trace::API, trace::DATABASE, (40_000, 5432));
    let file =
        |frames: &[Vec<u8>]| trace::pcap(trace::header(DataLink::ETHERNET), frames, usize::MAX);
    let (one, two) =
        (TempFile::new("one", &file(&frames[..2])), TempFile::new("two", &file(&frames[2..])));
    let policies = root().join("examples/six-policies");
    let args = ["-f", policies.to_str().unwrap(), "replay", one.path(), two.path(), "-o", "csv"];
    let ran = program(&args, "");
    let cells: Vec<&str> = ran.out.lines().nth(1).unwrap().split(',').collect();
    assert_eq!((cells[7], cells[9], cells[10]), ("5", "1", "0"), "{}", ran.out);
}

#[test]
fn addresses_of_services_are_warned_of() {
    let frames = trace::connection(trace::API, "10.96.0.30", (40_000, 5432));
    let file = trace::pcap(trace::header(DataLink::ETHERNET), &frames, usize::MAX);
    let ran = replay("trace", &file, &["-o", "json"]);
    assert!(ran.err.contains("the address of data/svc/database"), "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["warnings"][0]["code"], "SERVICE_ADDRESS");
}

#[test]
fn two_ends_outside_are_no_pair() {
    let mut frames = trace::connection("198.51.100.1", "198.51.100.2", (40_000, 443));
    frames.extend(trace::connection(trace::API, trace::DATABASE, (40_000, 5432)));
    let file = trace::pcap(trace::header(DataLink::ETHERNET), &frames, usize::MAX);
    let contract =
        TempFile::new("outside.npq", b"expect 198.51.100.1 cannot reach database on 443\n");
    let annotated = TempFile::new("annotated.pcapng", b"");
    let more = ["--contract", contract.path(), "--annotate", annotated.path()];
    let ran = replay("trace", &file, &[&["-o", "json"], &more[..]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("1 flow has no pod of the input at either end"), "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["warnings"][0]["code"], "NO_POD");
    assert_eq!(json["summary"]["allowed"], 1);
    assert_eq!(json["summary"]["not_judged"], 1);
    assert_eq!(json["summary"]["frames"]["not_judged"], serde_json::json!({"NO_POD": 5}));
    let row = json["rows"].as_array().unwrap().iter().find(|row| row["verdict"] == "NOT_JUDGED");
    let row = row.unwrap();
    assert_eq!(row["not_judged"]["code"], "NO_POD");
    assert_eq!(row["reasons"], serde_json::json!([]));
    assert_eq!(row["contracts"], serde_json::json!([]));
    let said = commented(&std::fs::read(annotated.path()).unwrap());
    let of_none = "NOT_JUDGED: NO_POD: Neither end is a pod of the input";
    assert_eq!(said.iter().filter(|(c, ..)| c.as_deref() == Some(of_none)).count(), 5);
    let text = replay("trace", &file, &[]).out;
    assert!(text.starts_with("2 flows: 1 allowed, 0 denied, 1 not judged"), "{text}");
}

#[test]
fn the_capture_of_the_example_is_the_trace() {
    let path = root().join("examples/six-policies/trace.pcap");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, trace::classic()).unwrap();
    }
    assert!(std::fs::read(&path).unwrap() == trace::classic());
}

#[test]
fn errors_are_json_too() {
    let ran = replay("damaged", &trace::classic()[..500], &["-o", "json"]);
    assert_eq!(ran.code, 2);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["error"]["code"], ErrorCode::Input.as_str());
    assert!(json.get("rows").is_none());
}

/// The comment, bytes and time of each frame of a pcapng file.
fn commented(file: &[u8]) -> Vec<(Option<String>, Vec<u8>, std::time::Duration)> {
    let mut reader = PcapNgReader::new(file).unwrap();
    let mut all = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            let comments = packet.options.iter().map(|option| match option {
                EnhancedPacketOption::Comment(text) => text.to_string(),
                other => panic!("{other:?}"),
            });
            let comments: Vec<String> = comments.collect();
            assert!(comments.len() <= 1);
            all.push((comments.into_iter().next(), packet.data.to_vec(), packet.timestamp));
        }
    }
    all
}

#[test]
fn frames_are_written_again_with_what_is_said_of_them() {
    let annotated = TempFile::new("annotated.pcapng", b"");
    let said = replay("trace", &trace::classic(), &["--annotate", annotated.path(), "-o", "csv"]);
    assert_eq!(said.out, replay("trace", &trace::classic(), &["-o", "csv"]).out);
    let file = std::fs::read(annotated.path()).unwrap();
    let written = commented(&file);
    let bytes: Vec<&Vec<u8>> = written.iter().map(|(_, bytes, _)| bytes).collect();
    assert_eq!(bytes, trace::frames().iter().collect::<Vec<_>>());
    for (at, (_, _, time)) in written.iter().enumerate() {
        assert_eq!(time.as_millis(), 1_700_000_000_000 + 250 * at as u128);
    }
    let count = |text: &str| {
        written.iter().filter(|(c, ..)| c.as_deref().is_some_and(|c| c.contains(text))).count()
    };
    // As the rows say: 10 + 2 + 1 + 1 frames are denied, and one belongs to nothing.
    assert_eq!((count("DENY: "), count("NOT_JUDGED: NO_FLOW: ")), (14, 1));
    assert_eq!(count("DENY: netpol/api-from-monitoring isolates api; ingress[0] allows only"), 10);
    assert_eq!(written.iter().filter(|(comment, ..)| comment.is_some()).count(), 15);
    // It can be judged again, and is the same each time.
    assert_eq!(replay("trace", &file, &["-o", "csv"]).out, said.out);
    replay("trace", &trace::classic(), &["--annotate", annotated.path()]);
    assert_eq!(std::fs::read(annotated.path()).unwrap(), file);
}

#[test]
fn what_is_kept_of_a_frame_is_what_is_written() {
    let annotated = TempFile::new("annotated.pcapng", b"");
    let cut = trace::pcap(trace::header(DataLink::ETHERNET), &trace::frames(), 100);
    let said = replay("trace", &cut, &["--annotate", annotated.path(), "-o", "csv"]);
    let file = std::fs::read(annotated.path()).unwrap();
    for ((_, written, _), frame) in commented(&file).iter().zip(trace::frames()) {
        assert_eq!(*written, frame[..frame.len().min(100)]);
    }
    assert_eq!(replay("trace", &file, &["-o", "csv"]).out, said.out);
}
