//! Any bytes as a text of sentences: the parser never panics, an error marks a part of the sentence, and what parses
//! prints and parses back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netpol_query::syntax::{chunks, is_open, parse};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _open = is_open(&text);
    for chunk in chunks(&text) {
        match parse(chunk.text) {
            Ok(item) => {
                let printed = item.to_string();
                let again = parse(&printed).unwrap_or_else(|e| panic!("{printed}\n{e:?}"));
                assert_eq!(item, again, "{printed}");
                assert_eq!(printed, again.to_string());
            }
            Err(error) => {
                assert!(chunk.text.get(error.span.start..error.span.end).is_some(), "{error:?}");
                let said = format!("{} {}", error.message, error.help.unwrap_or_default());
                assert!(!said.contains("kw_"), "{said}");
            }
        }
    }
});
