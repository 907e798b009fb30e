//! Loading without the fast ways, which tests and fuzz targets compare with it (feature `test-util`).

use std::fmt::Write as _;

use super::{LoadOptions, Loaded, Source, documents, load_by, slice};

/// Loads as [`load`](super::load) does, but reads every object whole, by its tree, and lists in two passes.
pub fn load_whole(sources: &[Source], options: &LoadOptions) -> Loaded {
    load_by(sources, options, true)
}

/// Tells whether all of a text is of the subset of YAML that is sliced.
pub fn is_sliced(text: &str) -> bool {
    documents::split(text).iter().all(|document| slice::is_plain_block(document.text))
}

/// Lists all that loading gave, one thing a line: facts with their positions, findings, remarks and what was left out.
pub fn described(loaded: &Loaded) -> String {
    fn all<T: std::fmt::Debug>(text: &mut String, things: impl IntoIterator<Item = T>) {
        for thing in things {
            let _never = writeln!(text, "{thing:?}");
        }
    }
    let mut text = String::new();
    let cluster = &loaded.cluster;
    all(&mut text, &loaded.diagnostics);
    all(&mut text, &loaded.remarks);
    all(&mut text, &loaded.completed);
    all(&mut text, cluster.labels().iter());
    all(&mut text, cluster.namespaces());
    all(&mut text, cluster.nodes());
    all(&mut text, cluster.workloads());
    all(&mut text, cluster.pods());
    all(&mut text, cluster.services());
    all(&mut text, cluster.ingresses());
    all(&mut text, cluster.policies().iter());
    text
}

/// Returns what a text gives by the fast ways and without them.
pub fn both_ways(name: &str, text: &str, options: &LoadOptions) -> (String, String) {
    let source = [Source::Bytes { name: name.into(), bytes: text.as_bytes().into() }];
    (described(&super::load(&source, options)), described(&load_whole(&source, options)))
}
