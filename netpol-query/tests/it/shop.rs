//! The small cluster that the tests ask about.

use netpol_core::model::Dialect;
use netpol_core::reach::Snapshot;
use netpol_core::sources::{LoadOptions, Source, load};
use netpol_query::error::QueryError;
use netpol_query::execute::{Body, Settings};
use netpol_query::render::{self, Format, Options, Palette};
use netpol_query::reply::Reply;
use netpol_query::session::Session;

/// The manifests.
pub(crate) const SHOP: &str = include_str!("shop.yaml");

/// Starts a session on the shop.
pub(crate) fn session() -> Session {
    session_on(SHOP)
}

/// Starts a session on other manifests.
pub(crate) fn session_on(manifests: &str) -> Session {
    let source = Source::Bytes { name: "shop.yaml".into(), bytes: manifests.as_bytes().into() };
    let loaded = load(&[source], &LoadOptions::default());
    assert_eq!(loaded.errors().count(), 0, "{:?}", loaded.diagnostics);
    let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
    Session::new(snapshot, Settings::default()).with_input(loaded.completed, Vec::new())
}

/// Answers one sentence.
pub(crate) fn reply(session: &mut Session, sentence: &str) -> Reply {
    let mut replies = session.text(sentence);
    assert_eq!(replies.len(), 1, "{sentence}");
    replies.remove(0)
}

/// Answers one sentence that must have an answer.
pub(crate) fn body(session: &mut Session, sentence: &str) -> Body {
    reply(session, sentence).result.unwrap_or_else(|e| panic!("{sentence}: {e:?}")).body
}

/// Answers one sentence that must be an error.
pub(crate) fn error(session: &mut Session, sentence: &str) -> QueryError {
    reply(session, sentence).result.expect_err(sentence)
}

/// Answers one sentence in a format.
pub(crate) fn rendered(session: &mut Session, sentence: &str, format: Format) -> String {
    let options = Options {
        format,
        palette: Palette::default(),
        width: None,
        explain: false,
        elapsed_us: None,
    };
    let mut out = Vec::new();
    let reply = reply(session, sentence);
    let error = render::reply(&mut out, &reply, &options).unwrap();
    let mut text = String::from_utf8(out).unwrap();
    if let Some(error) = error {
        text.push_str(&render::error_text(&reply.query, &error, &Palette::default()));
    }
    text
}
