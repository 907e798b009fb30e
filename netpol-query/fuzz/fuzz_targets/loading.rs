//! Any bytes as manifests: loading never panics, and what is sliced or cut gives what it gives when it is read whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netpol_core::sources::LoadOptions;
use netpol_core::sources::whole::{both_ways, is_sliced};

/// Readers nest less deep than the slicer of JSON, and say so.
const LIMIT: &str = "code: Limit";

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (fast, whole) = both_ways("-", &text, &LoadOptions::default());
    let is_json = text.trim_start().starts_with(['{', '[']);
    if (is_json || is_sliced(&text)) && !whole.contains(LIMIT) {
        assert_eq!(fast, whole, "{text}");
    }
});
