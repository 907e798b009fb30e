//! Enforces the policies of a folder between two interfaces, with the library alone:
//! `cargo run -p netpol-enforce --example enforce -- veth-a veth-b manifests/ 10.0.1.0/24=veth-a 10.0.2.0/24=veth-b`
//!
//! What `netpol-query enforce` adds is reloading, signals, a log, metrics and fewer privileges.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [a, b, manifests, bindings @ ..] = &words[..] else {
        return Err("usage: enforce INTERFACE INTERFACE MANIFESTS CIDR=INTERFACE...".into());
    };
    run([a, b], manifests, bindings)
}

#[cfg(not(target_os = "linux"))]
fn run(_ports: [&str; 2], _manifests: &str, _bindings: &[&str]) -> Result<(), Box<dyn Error>> {
    Err("packet sockets are those of Linux".into())
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "a program knows the time")]
fn run(ports: [&str; 2], manifests: &str, bindings: &[&str]) -> Result<(), Box<dyn Error>> {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use netpol_core::model::Dialect;
    use netpol_core::reach::Snapshot;
    use netpol_core::sources::{LoadOptions, Source, load};
    use netpol_enforce::Tick;
    use netpol_enforce::afpacket::{AfPacket, OpenOptions};
    use netpol_enforce::binding::Bindings;
    use netpol_enforce::flow::{FlowLimits, FragLimits};
    use netpol_enforce::forwarder::{Forwarder, Mode, Shared};
    use netpol_enforce::pipeline::{Rules, Tables};
    use netpol_enforce::policies::{Policies, Sides};
    use netpol_enforce::preflight::{self, Severity};

    let loaded = load(&[Source::Path(manifests.into())], &LoadOptions::default());
    if let Some(error) = loaded.errors().next() {
        return Err(error.to_string().into());
    }
    let mut bound = Bindings::default();
    for binding in bindings {
        bound.add(binding, &ports)?;
    }
    let owners = u32::try_from(loaded.cluster.pods().len())? + 1;
    let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
    let policies = Policies::new(snapshot, Sides::Bound(bound), owners, None)?;

    // The kernel must not forward what the policies drop.
    preflight::close_kernel_path(&ports)?;
    let findings = preflight::check(&ports);
    if let Some(found) = findings.iter().find(|found| found.severity == Severity::Refuse) {
        return Err(format!("{}: {}; {}", found.port, found.what, found.remedy).into());
    }
    let start = Instant::now();
    let clock = Box::new(move || Tick::at(start.elapsed()));
    let device = AfPacket::open(&ports, OpenOptions::new(clock, Box::new(preflight::admit)))?;

    let shared = Arc::new(Shared::default());
    // Nobody has to see them before the first frame.
    shared.replace(Arc::new(policies), || {}, Duration::ZERO);
    let fragments = FragLimits::new(FragLimits::CAPACITY, owners);
    let tables = Tables::new(FlowLimits::new(FlowLimits::CAPACITY, owners), fragments);
    let mut datapath = Forwarder::new(device, tables, Rules::default(), Mode::Enforce, shared);
    loop {
        datapath.step(Duration::from_millis(500))?;
    }
}
