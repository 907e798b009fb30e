//! Random statements of the kinds that are no plain question: changes, definitions, paths, policies and the rest.

use netpol_core::model::{Direction, Verdict};
use netpol_query::syntax::Spanned;
use netpol_query::syntax::ast::Comparison;
use netpol_query::syntax::ast::{
    AddedKind, Change, Claim, Definition, Expect, ExpectSeverity, Exported, FlowsOf, LevelWord,
    LintSeverity, Path, Question, Relation, Severity, Source, Statement, Use,
};
use proptest::prelude::*;

use crate::roundtrip::{on, path_options, ports, said, set};

fn direction() -> impl Strategy<Value = Option<Direction>> {
    prop::sample::select(&[None, Some(Direction::Ingress), Some(Direction::Egress)][..])
}

fn source() -> impl Strategy<Value = Spanned<Source>> {
    let bare = ["./new.yaml", "../old", "/abs/x", "git:HEAD", "dir:a/b", "-"];
    prop_oneof![
        prop::sample::select(bare.to_vec()).prop_map(|s| Source::Bare(s.to_owned())),
        Just(Source::Quoted("a b.yaml".to_owned())),
    ]
    .prop_map(said)
}

fn labels() -> impl Strategy<Value = Vec<(String, String)>> {
    let pair = (
        prop::sample::select(&["app", "a.b/c", "tier"][..]),
        prop::sample::select(&["web", "", "1.2"][..]),
    );
    prop::collection::vec(pair.prop_map(|(k, v)| (k.to_owned(), v.to_owned())), 1..3)
}

fn named(parts: &'static [&'static str]) -> Spanned<Path> {
    said(Path::plain(parts))
}

/// A target of a change is one endpoint or a group.
fn change() -> impl Strategy<Value = Spanned<Change>> {
    let add = (
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(Vec::new()), labels()],
        prop::option::of(ports()),
    );
    let add = add.prop_map(|(pod, placed, labels, ports)| Change::Add {
        kind: if pod { AddedKind::Pod } else { AddedKind::Namespace },
        name: named(&["attacker"]),
        namespace: placed.then(|| named(&["shop"])),
        labels,
        ports,
    });
    prop_oneof![
        source().prop_map(Change::Apply),
        set().prop_map(Change::Delete),
        (set(), labels()).prop_map(|(of, labels)| Change::Label(of, labels)),
        set().prop_map(|of| Change::Unlabel(of, vec!["app".to_owned(), "a.b/c".to_owned()])),
        (set(), 0..9_u32).prop_map(|(of, replicas)| Change::Scale(of, replicas)),
        add,
        (set(), set(), on()).prop_map(|(from, to, on)| Change::Allow { from, to, on }),
        (set(), direction()).prop_map(|(of, direction)| Change::Isolate(of, direction)),
        set().prop_map(Change::Compromise),
    ]
    .prop_map(said)
}

pub(crate) fn changes() -> impl Strategy<Value = Vec<Spanned<Change>>> {
    prop::collection::vec(change(), 1..3)
}

fn question() -> impl Strategy<Value = Question> {
    let level = prop::sample::select(
        &[None, Some(LevelWord::Pod), Some(LevelWord::Workload), Some(LevelWord::Namespace)][..],
    );
    let one = prop::sample::select(&[Relation::For, Relation::Selecting][..]);
    let two = prop::sample::select(&[Relation::Allowing, Relation::Blocking][..]);
    prop_oneof![
        (set(), path_options()).prop_map(|(of, options)| Question::Blast { of, options }),
        (set(), on()).prop_map(|(of, on)| Question::Exposure { of, on }),
        (prop::option::of(set()), prop::option::of(set()), on(), level)
            .prop_map(|(from, to, on, by)| Question::Matrix { from, to, on, by }),
        (one, set(), direction()).prop_map(|(relation, of, direction)| Question::Policies {
            relation,
            of,
            to: None,
            direction,
            on: None
        }),
        (two, set(), set(), direction(), on()).prop_map(|(relation, of, to, direction, on)| {
            Question::Policies { relation, of, to: Some(to), direction, on }
        }),
        Just(Question::PodsOf(named(&["netpol", "db"]))),
    ]
}

fn severity() -> impl Strategy<Value = Option<LintSeverity>> {
    let severity = prop::sample::select(&[Severity::Error, Severity::Warning, Severity::Note][..]);
    let comparison =
        prop::sample::select(&[None, Some(Comparison::AtLeast), Some(Comparison::Equal)][..]);
    prop::option::of(
        (comparison, severity)
            .prop_map(|(comparison, severity)| LintSeverity { comparison, severity }),
    )
}

fn expect() -> impl Strategy<Value = Expect> {
    let flows = (set(), on()).prop_map(|(from, on)| {
        Claim::NoFlows(FlowsOf { verdict: Verdict::Deny, from: Some(from), to: None, on })
    });
    let claim =
        prop_oneof![
            (set(), any::<bool>(), set(), on())
                .prop_map(|(from, eventually, to, on)| Claim::Only { from, eventually, to, on }),
            (set(), set(), path_options()).prop_map(|(from, to, options)| Claim::NoPath {
                from,
                to,
                options
            }),
            severity().prop_map(Claim::NoLint),
            (prop::option::of(set()), direction())
                .prop_map(|(within, direction)| Claim::NoUnprotected { within, direction }),
            flows,
        ];
    (claim, any::<bool>(), any::<bool>()).prop_map(|(claim, warn, if_any)| Expect {
        severity: if warn { ExpectSeverity::Warn } else { ExpectSeverity::Fail },
        claim,
        if_any,
        because: None,
    })
}

pub(crate) fn statement() -> impl Strategy<Value = Statement> {
    let what = prop::sample::select(
        &[
            Exported::Graph,
            Exported::Matrix,
            Exported::Policies,
            Exported::Report,
            Exported::Snapshot,
        ][..],
    );
    let value =
        prop_oneof![set().prop_map(Definition::Endpoints), ports().prop_map(Definition::Ports)];
    let sources = prop::collection::vec(source(), 0..3);
    prop_oneof![
        4 => question().prop_map(Statement::Ask),
        2 => expect().prop_map(Statement::Expect),
        1 => changes().prop_map(Statement::WhatIf),
        1 => changes().prop_map(Statement::Change),
        1 => (sources, prop::option::of(set()))
            .prop_map(|(sources, within)| Statement::Diff { sources, within }),
        1 => (prop::option::of(set()), severity())
            .prop_map(|(within, severity)| Statement::Lint { within, severity }),
        1 => (what, prop::option::of(source())).prop_map(|(what, to)| Statement::Export { what, to }),
        1 => value.prop_map(|value| Statement::Let { name: said("x_1".to_owned()), value }),
        1 => Just(Statement::Use(Use::Namespace(named(&["shop"])))),
        1 => source().prop_map(|source| Statement::Use(Use::Source(source))),
    ]
}
