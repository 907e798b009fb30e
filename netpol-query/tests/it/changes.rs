//! Changes: supposed for one sentence, made for the session, taken back.

use netpol_query::execute::{Body, Changes, Exit};
use netpol_query::render::Format;
use netpol_query::session::{Crossed, Session};
use netpol_query::syntax::ast::{Item, Statement};

use crate::shop;

fn changes(session: &mut Session, sentence: &str) -> Changes {
    match shop::body(session, sentence) {
        Body::Diff(changes) => *changes,
        other => panic!("{sentence}: {other:?}"),
    }
}

fn exit(session: &mut Session, sentence: &str) -> Exit {
    shop::reply(session, sentence).exit()
}

/// The rows as `src dst change`.
fn rows(changes: &Changes) -> Vec<String> {
    let row = |r: &netpol_query::execute::ChangeRow| {
        format!("{} {} {}", r.src.id(), r.dst.id(), r.became().of_row())
    };
    changes.rows.iter().map(row).collect()
}

#[test]
fn what_if_leaves_the_session_as_it_was() {
    let mut session = shop::session();
    let before = shop::rendered(&mut session, "flows", Format::Json);
    let found = changes(&mut session, "what if delete netpol/db");
    assert!(rows(&found).contains(&"shop/pod/probe shop/statefulset/db added".to_owned()));
    assert_eq!(found.unprotected.len(), 1);
    assert!(!session.is_changed() && session.definitions().is_empty());
    assert_eq!(shop::rendered(&mut session, "flows", Format::Json), before);
}

#[test]
fn asking_ends_with_one_where_something_changes_and_doing_ends_well() {
    let mut session = shop::session();
    assert_eq!(exit(&mut session, "what if delete netpol/db"), Exit::No);
    assert_eq!(exit(&mut session, "what if delete svc/lost"), Exit::Yes);
    assert_eq!(exit(&mut session, "diff"), Exit::Yes);
    assert_eq!(exit(&mut session, "delete netpol/db"), Exit::Yes);
    assert_eq!(exit(&mut session, "diff"), Exit::No);
    assert_eq!(exit(&mut session, "delete netpol/db"), Exit::Wrong);
}

#[test]
fn a_later_change_sees_the_earlier_ones() {
    let mut session = shop::session();
    let sentence = "what if add namespace guests labels team=x, add pod guest in guests labels app=web, \
                    label ns/guests team=y, unlabel guests/guest app";
    let found = changes(&mut session, sentence);
    let own = found.objects.iter().map(|o| o.label.as_str()).collect::<Vec<_>>();
    assert_eq!(own, ["ns/guests", "guests/pod/guest"]);
    let error = shop::error(&mut session, "what if delete netpol/db, delete netpol/db");
    assert_eq!(error.span.map(|s| s.start), Some("what if delete netpol/db, delete netpol/".len()));
}

#[test]
fn a_sentence_is_answered_on_changed_ground() {
    let mut session = shop::session();
    let question = "can probe reach db on 5432";
    assert_eq!(exit(&mut session, question), Exit::No);
    assert_eq!(exit(&mut session, &format!("with delete netpol/db: {question}")), Exit::Yes);
    let relabelled = format!("with label probe app=web, scale shop/frontend to 0: {question}");
    assert_eq!(exit(&mut session, &relabelled), Exit::Yes);
    let added = "with add pod x in pay labels app=x: who can reach pay/x from shop/frontend";
    assert_eq!(exit(&mut session, added), Exit::Yes);
    assert_eq!(shop::error(&mut session, "resolve pay/x").code.as_str(), "NO_SUCH_ENDPOINT");
    for refused in ["let $x = probe", "use namespace shop", "delete netpol/db"] {
        let error = shop::error(&mut session, &format!("with delete netpol/db: {refused}"));
        assert_eq!(error.code.as_str(), "USAGE", "{refused}");
    }
}

#[test]
fn what_is_expected_may_be_expected_of_changed_ground() {
    let mut session = shop::session();
    let replies = session.text(
        "test \"without its policy\" {\n  delete netpol/db\n  expect probe can reach db on 5432\n}\n\
         expect probe cannot reach db on 5432\n\
         with delete netpol/db: expect probe can reach db on 5432\n\
         with isolate probe egress: expect probe cannot reach pay/gateway\n",
    );
    assert_eq!(replies.len(), 5);
    for reply in &replies {
        assert_eq!(reply.exit(), Exit::Yes, "{reply:?}");
    }
    assert!(!session.is_changed());
}

#[test]
fn variables_are_looked_up_again() {
    let mut session = shop::session();
    session.text("let $all = shop/*\nlet $probe = probe\nlet $web = ports tcp/80");
    let count = |session: &mut Session| match shop::body(session, "resolve $all | count") {
        Body::Count(count) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!(count(&mut session), 4);
    session.text("add pod other in shop");
    assert_eq!(count(&mut session), 5);
    session.text("delete probe");
    assert_eq!(count(&mut session), 4);
    let error = shop::error(&mut session, "resolve $probe");
    assert!(error.message.starts_with("`$probe` means nothing any more"), "{error:?}");
    assert!(matches!(session.undo(), Crossed::Done { .. }));
    assert!(shop::reply(&mut session, "resolve $probe").result.is_ok());
    assert_eq!(session.reset(), 1);
    assert_eq!(count(&mut session), 4);
}

#[test]
fn changes_are_taken_back_and_made_again_one_by_one() {
    let mut session = shop::session();
    let state = |session: &mut Session| shop::rendered(session, "flows", Format::Csv);
    let mut states = vec![state(&mut session)];
    for change in ["delete netpol/db", "isolate probe egress", "label pay/gateway app=web"] {
        assert_eq!(exit(&mut session, change), Exit::Yes);
        states.push(state(&mut session));
    }
    assert_eq!(session.steps().len(), 3);
    for expected in states.iter().rev().skip(1) {
        assert!(matches!(session.undo(), Crossed::Done { .. }));
        assert_eq!(state(&mut session), *expected);
    }
    assert_eq!(session.undo(), Crossed::Nothing);
    for expected in states.iter().skip(1) {
        assert!(matches!(session.redo(), Crossed::Done { .. }));
        assert_eq!(state(&mut session), *expected);
    }
    assert_eq!(session.redo(), Crossed::Nothing);
    session.undo();
    session.text("delete svc/lost");
    // What was taken back is gone for good once something else is done.
    assert_eq!(session.redo(), Crossed::Nothing);
}

#[test]
fn only_the_latest_changes_are_taken_back_one_by_one() {
    let mut session = shop::session();
    for number in 0..105 {
        assert_eq!(exit(&mut session, &format!("label probe n={number}")), Exit::Yes);
    }
    let mut taken = 0;
    while matches!(session.undo(), Crossed::Done { .. }) {
        taken += 1;
    }
    assert_eq!((taken, session.undo()), (100, Crossed::TooLongAgo));
    assert!(session.is_changed());
    assert_eq!(session.reset(), 5);
    assert!(!session.is_changed());
}

#[test]
fn what_is_read_again_has_its_changes_again() {
    let mut old = shop::session();
    old.text("let $x = probe\ndelete $x\nlet $x = shop/frontend\nlabel shop/frontend app=y\nadd pod z in shop\nlet $z = z");
    let mut new = shop::session();
    let renewed = new.renew(&old, true);
    assert_eq!(renewed.changes, 3, "{renewed:?}");
    assert!(renewed.lost_variables.is_empty(), "{renewed:?}");
    assert_eq!(
        shop::rendered(&mut new, "flows", Format::Csv),
        shop::rendered(&mut old, "flows", Format::Csv)
    );
    let mut bare = shop::session();
    let renewed = bare.renew(&old, false);
    let lost: Vec<&str> = renewed.lost_variables.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!((renewed.changes, lost), (0, vec!["z"]));
    assert!(!bare.is_changed());
}

#[test]
fn what_is_named_must_be_there() {
    let mut session = shop::session();
    let mut help = |sentence: &str| {
        let error = shop::error(&mut session, sentence);
        format!("{} {}", error.code.as_str(), error.help.unwrap_or_default())
    };
    for (sentence, expected) in [
        ("what if delete netpol/bd", "NO_SUCH_ENDPOINT did you mean `shop/netpol/db`?"),
        (
            "what if delete closed",
            "NO_SUCH_ENDPOINT `closed` is a policy: write `pay/netpol/closed`",
        ),
        ("what if delete ns/sohp", "NO_SUCH_ENDPOINT did you mean `shop`?"),
        ("what if delete svc/webb", "NO_SUCH_ENDPOINT did you mean `svc/web`?"),
        ("what if label porbe a=b", "NO_SUCH_ENDPOINT did you mean `probe` (shop/pod/probe)?"),
        ("what if unlabel db teir", "NO_SUCH_ENDPOINT did you mean `tier`?"),
        ("what if add pod x in sohp", "NO_SUCH_ENDPOINT did you mean `shop`?"),
        ("what if add namespace shop", "USAGE `label ns/shop KEY=VALUE` labels it"),
        ("what if scale probe to 2", "USAGE delete it instead"),
        ("what if isolate ns/empty", "NO_SUCH_ENDPOINT "),
    ] {
        assert_eq!(help(sentence), expected, "{sentence}");
    }
    assert!(help("what if compromise probe").contains("`blast radius of probe`"));
    assert!(help("what if apply ./x.yaml").starts_with("USAGE"), "nobody reads files here");
}

#[test]
fn rows_of_changes_go_through_pipes_and_take_every_form() {
    let mut session = shop::session();
    let csv = shop::rendered(
        &mut session,
        "what if delete netpol/db | where change = added and src.name = probe | select src, dst | as csv",
        Format::Text,
    );
    assert_eq!(csv, "src,dst\nshop/pod/probe,shop/statefulset/db\n");
    let json = shop::rendered(&mut session, "what if delete netpol/db", Format::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["result"], "ROWS");
    assert_eq!(json["summary"]["removed"], 0);
    let row = &json["rows"][0];
    assert_eq!((&row["change"], &row["before"]), (&"added".into(), &serde_json::json!([])));
    assert_eq!(row["because"][0]["object"], "shop/networkpolicy/db");
    let done = shop::rendered(&mut session, "delete netpol/db", Format::Json);
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert_eq!(done["done"], serde_json::json!(["deleted shop/netpol/db"]));
}

#[test]
fn a_diff_is_limited_to_what_has_an_end_in_a_set() {
    let mut session = shop::session();
    session.text("let $dev = ns/dev\ndelete netpol/db");
    let all = changes(&mut session, "diff");
    let some = changes(&mut session, "diff for $dev");
    assert!(!some.rows.is_empty() && some.rows.len() < all.rows.len());
    let dev = |id: String| id.starts_with("dev/");
    assert!(some.rows.iter().all(|r| dev(r.src.id()) || dev(r.dst.id())));
    let outside = changes(&mut session, "diff for internet");
    assert!(outside.rows.iter().all(|r| r.src.id().starts_with("external")));
    session.text("delete dev/frontend");
    // What is gone was there before.
    assert!(!changes(&mut session, "diff for dev/frontend").rows.is_empty());
    assert_eq!(shop::error(&mut session, "diff for dev/nobody").code.as_str(), "NO_SUCH_ENDPOINT");
}

#[test]
fn two_sources_are_told_apart() {
    let sources = |sentence: &str| -> Vec<String> {
        let Ok(Item::Sentence(sentence)) = netpol_query::syntax::parse(sentence) else { panic!() };
        let Statement::Diff { sources, .. } = sentence.statement else { panic!() };
        sources.iter().map(|s| s.node.text().to_owned()).collect()
    };
    assert_eq!(sources("diff git:origin/main..git:HEAD"), ["git:origin/main", "git:HEAD"]);
    assert_eq!(sources("diff git:HEAD../abs"), ["git:HEAD", "/abs"]);
    assert_eq!(sources("diff git:HEAD..../up"), ["git:HEAD", "../up"]);
    assert_eq!(sources("diff ./old ../new"), ["./old", "../new"]);
    assert_eq!(sources("diff ./old../new"), ["./old", "/new"]);
    assert_eq!(sources("diff ./old .. ./new"), ["./old", "./new"]);
    assert_eq!(sources("diff git:v1.2..git:v1.3 for ns/pay"), ["git:v1.2", "git:v1.3"]);
    assert_eq!(sources("diff ../old"), ["../old"]);
}
