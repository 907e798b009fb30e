//! What is refused, with what to do about it: no answer is printed then.

use pcap_file::DataLink;

use super::{TempFile, replay, trace};
use crate::program::program;

#[track_caller]
fn check(capture: &[u8], args: &[&str], said: &[&str]) {
    let ran = replay("trace.pcap", capture, args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    for text in said {
        assert!(ran.err.contains(text), "{text}: {}", ran.err);
    }
}

#[test]
fn damaged_captures_are_refused_whole() {
    let whole = trace::classic();
    let cut = &whole[..whole.len() - 3];
    check(
        cut,
        &[],
        &["trace.pcap: the capture is cut: it ends at byte", "editcap -r FILE WHOLE 1-"],
    );
    let mut absurd = whole.clone();
    absurd[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    check(&absurd, &[], &["damaged at byte 24, after 0 whole packets", "take it anew"]);
    check(b"hello", &[], &["this is no pcap or pcapng file", "tcpdump"]);
    check(&trace::blocks()[..900], &[], &["the capture is cut"]);
    let radio = trace::pcap(trace::header(DataLink::IEEE802_11), &[], 0);
    check(
        &radio,
        &[],
        &["has link type 105, which cannot be read", "capture on a pod's interface"],
    );
}

#[test]
fn captures_of_another_cluster_are_refused() {
    let frames = trace::connection("10.9.0.1", "10.9.0.2", (40_000, 80));
    let strange = trace::pcap(trace::header(DataLink::ETHERNET), &frames, usize::MAX);
    let annotated = TempFile::new("annotated.pcapng", b"");
    let part = format!("{}.part", annotated.path());
    check(
        &strange,
        &["--annotate", &part],
        &["no frame of the capture is of a pod of the input", "status.podIPs"],
    );
    assert!(!std::path::Path::new(&part).exists());
}

#[test]
fn what_cannot_be_done_is_a_usage_error() {
    check(&trace::classic(), &["-o", "dot"], &["no form as dot", "they can be text, wide, json"]);
    check(&trace::classic(), &["--icpm", "allow"], &["there is no option `--icpm`", "`--icmp`"]);
    check(&trace::classic(), &["--icmp", "maybe"], &["maybe"]);
    let nothing = TempFile::new("nothing.npq", b"# nothing\n");
    let ran = replay("trace", &trace::classic(), &["--contract", nothing.path()]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("the file expects nothing"), "{}", ran.out);
    let wrong = TempFile::new("wrong.npq", b"expect nobody cannot reach database\n");
    let ran = replay("trace", &trace::classic(), &["--contract", wrong.path()]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("ERROR"), "{}", ran.out);
    check(&trace::classic(), &["--contract", "no-such-file"], &["no-such-file cannot be read"]);
}

#[test]
fn what_is_missing_is_asked_for() {
    let ran = program(&["replay"], "");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("`replay` needs a capture to judge"), "{}", ran.err);
    let ran = program(&["replay", "trace.pcap"], "");
    assert!(ran.err.contains("there are no manifests"), "{}", ran.err);
    let ran = program(&["-f", "-", "replay", "-"], "");
    assert!(ran.err.contains("`-` is said twice"), "{}", ran.err);
    let pods = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
    let ran = program(&["-f", "-", "replay", "trace.pcap"], pods);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no pod has an address"), "{}", ran.err);
    let ran = program(&["-f", "../examples/six-policies", "replay", "no-such-file"], "");
    assert!(ran.err.contains("no-such-file cannot be read"), "{}", ran.err);
}

#[test]
fn an_annotated_file_takes_no_others_place_and_no_part_is_left_of_what_is_refused() {
    let capture = TempFile::new("own.pcap", &trace::classic());
    let args = ["-f", "../examples/six-policies", "replay", capture.path()];
    let ran = program(&[&args[..], &["--annotate", capture.path()]].concat(), "");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("it is a capture that is read"), "{}", ran.err);
    assert_eq!(std::fs::read(capture.path()).unwrap(), trace::classic());
    let nowhere = ["--annotate", "no-such-directory/all.pcapng"];
    let ran = program(&[&args[..], &nowhere].concat(), "");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no-such-directory/all.pcapng cannot be written"), "{}", ran.err);
    let whole = trace::classic();
    let part = format!("{}.part", capture.path());
    check(&whole[..whole.len() - 3], &["--annotate", &part], &["the capture is cut"]);
    assert!(!std::path::Path::new(&part).exists());
}
