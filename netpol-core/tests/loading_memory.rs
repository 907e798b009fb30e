//! What loading holds at once stays below twice the input.
#![allow(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::alloc::System;
use std::fmt::Write as _;

use cap::Cap;
use netpol_core::sources::{LoadOptions, Source, load};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const PODS: usize = 6_000;

/// A pod as a cluster would print it, with much that nobody reads.
fn pod(text: &mut String, number: usize) {
    let namespace = number / 50;
    let app = number % 50 / 10;
    write!(
        text,
        "apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubernetes.io/config.source: api
  creationTimestamp: 2026-01-01T00:00:00Z
  labels:
    app: app-{app}
    component: part-{app}
    env: production
    pod-template-hash: hash-{namespace}-{app}
    team: team-{app}
    unique: pod-{number}
    version: v1
  name: pod-{number}
  namespace: ns-{namespace}
  ownerReferences:
  - apiVersion: apps/v1
    controller: true
    kind: Deployment
    name: app-{app}
    uid: uid-{namespace}-{app}
spec:
  containers:
  - env:
"
    )
    .unwrap();
    for variable in 0..30 {
        writeln!(text, "    - name: VARIABLE_{variable}\n      value: a value of some length")
            .unwrap();
    }
    write!(
        text,
        "    image: registry.example.com/app:1.0
    name: app
    ports:
    - containerPort: 8080
      name: http
      protocol: TCP
  nodeName: node-{namespace}
status:
  phase: Running
  podIP: 10.{}.{}.{}
",
        number >> 16,
        number >> 8 & 255,
        number & 255
    )
    .unwrap();
}

fn yaml() -> String {
    let mut text = String::new();
    for number in 0..PODS {
        text.push_str("---\n");
        pod(&mut text, number);
    }
    text
}

fn block_list() -> String {
    let mut text = String::from("apiVersion: v1\nitems:\n");
    for number in 0..PODS {
        let mut object = String::new();
        pod(&mut object, number);
        for (i, line) in object.lines().enumerate() {
            writeln!(text, "{}{line}", if i == 0 { "- " } else { "  " }).unwrap();
        }
    }
    text + "kind: List\n"
}

fn json() -> String {
    let objects = serde_yaml::Deserializer::from_str(&yaml())
        .map(|document| {
            let value: serde_json::Value = serde::Deserialize::deserialize(document).unwrap();
            value.to_string()
        })
        .collect::<Vec<_>>();
    format!("{{\"apiVersion\":\"v1\",\"items\":[{}],\"kind\":\"List\"}}\n", objects.join(","))
}

/// Loads a file, and returns its size and the most that was held meanwhile.
fn peak(name: &str, text: &str) -> (usize, usize) {
    let folder = std::env::temp_dir().join(format!("netpol-loading-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    let before = ALLOCATOR.allocated();
    // What is recorded is the most ever: this much was not held when the text was made.
    let fill = vec![1_u8; ALLOCATOR.max_allocated().saturating_sub(before)];
    let base = ALLOCATOR.max_allocated();
    let loaded = load(&[Source::Path(path)], &LoadOptions::default());
    let held = ALLOCATOR.max_allocated() - base;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((loaded.errors().count(), loaded.cluster.pods().len()), (0, PODS));
    drop(fill);
    (text.len(), held)
}

#[test]
fn loading_holds_less_than_twice_its_input() {
    for (name, text) in [("a.yaml", yaml()), ("list.yaml", block_list()), ("a.json", json())] {
        let (input, held) = peak(name, &text);
        assert!(held < 2 * input, "{name}: {held} bytes for {input}");
    }
}
