//! Any line as it is typed: completion, colours and the answer on a small cluster never panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_query::execute::Settings;
use netpol_query::session::Session;
use netpol_query::shell::{Index, View, complete, highlight};

static SESSION: LazyLock<(Session, Index)> = LazyLock::new(|| {
    let bytes = include_bytes!("../../tests/it/shop.yaml");
    let source = Source::Bytes { name: "shop.yaml".into(), bytes: bytes.as_slice().into() };
    let loaded = load(&[source], &LoadOptions::default());
    let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
    let index = Index::new(&snapshot);
    (Session::new(snapshot, Settings::default()), index)
});

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (session, index) = &*SESSION;
    let view = View { session, index, files: &|_| Vec::new() };
    for candidate in complete(&text, text.len(), &view) {
        assert!(text.get(candidate.span.start..candidate.span.end).is_some(), "{candidate:?}");
    }
    let mut end = 0;
    for (span, _) in highlight(&text, text.len(), &view) {
        assert!(span.start >= end && text.get(span.start..span.end).is_some(), "{span:?}");
        end = span.end;
    }
    let _replies = session.clone().text(&text);
});
