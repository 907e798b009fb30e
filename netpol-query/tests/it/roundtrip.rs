//! Random sentences print and parse back; random text never breaks the parser.

use netpol_core::model::{Operator, Protocol, Requirement, Selector, Verdict};
use netpol_query::syntax::ast::{
    Claim, Comparison, Endpoint, Endpoints, Expect, ExpectSeverity, FlowsOf, Item, Listable, Name,
    Noun, Part, Path, PathOptions, Pipe, PortItem, Ports, Predicate, Quantifier, Question,
    Sentence, Set, Statement, Test, TestOperator, Word,
};
use netpol_query::syntax::{Span, Spanned, chunks, parse};
use proptest::prelude::*;

use crate::statements;

pub(crate) fn said<T>(node: T) -> Spanned<T> {
    Spanned::new(node, Span::default())
}

fn plain() -> impl Strategy<Value = Name> {
    const WORDS: &[&str] =
        &["web", "db-1", "a.b", "front*", "*", "x?z", "deploy", "ns", "svc", "can-do"];
    prop::sample::select(WORDS).prop_map(|w| Name::Plain(w.to_owned()))
}

fn name() -> impl Strategy<Value = Name> {
    let quoted = prop::sample::select(&["on", "reach", "pods", "a b", "\"", "\\"][..]);
    prop_oneof![4 => plain(), 1 => quoted.prop_map(|w| Name::Quoted(w.to_owned()))]
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let value = prop::sample::select(&["a", "b.c", "", "x y"][..]).prop_map(Box::<str>::from);
    let values = prop::collection::vec(value, 1..3);
    let operator = prop_oneof![
        values.clone().prop_map(Operator::In),
        values.prop_map(Operator::NotIn),
        Just(Operator::Exists),
        Just(Operator::DoesNotExist),
    ];
    let key = prop::sample::select(&["app", "a.b/c-d", "tier"][..]);
    (key, operator).prop_map(|(key, operator)| Requirement { key: key.into(), operator })
}

fn selector() -> impl Strategy<Value = Spanned<Selector>> {
    prop::collection::vec(requirement(), 0..3)
        .prop_map(|requirements| said(Selector { requirements }))
}

fn part() -> impl Strategy<Value = Spanned<Part>> {
    let selectors = prop::collection::vec(selector(), 0..2);
    let named = (name(), selectors).prop_map(|(n, selectors)| Part { name: Some(n), selectors });
    let unnamed = selector().prop_map(|s| Part { name: None, selectors: vec![s] });
    prop_oneof![4 => named, 1 => unnamed].prop_map(said)
}

fn path() -> impl Strategy<Value = Path> {
    prop::collection::vec(part(), 1..4).prop_map(|parts| Path { parts, port: None })
}

fn service() -> impl Strategy<Value = Path> {
    prop::sample::select(&["80", "http"][..]).prop_map(|port| {
        let mut path = Path::plain(&["shop", "svc", "web"]);
        path.port = Some(said(port.to_owned()));
        path
    })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let word = prop::sample::select(&Word::ALL[..]);
    prop_oneof![
        6 => path().prop_map(Endpoint::Path),
        1 => service().prop_map(Endpoint::Path),
        1 => Just(Endpoint::Variable("web_1".into())),
        2 => (word, prop::collection::vec(selector(), 0..2)).prop_map(|(w, s)| Endpoint::Word(w, s)),
        1 => Just(Endpoint::Domain("api.example.com".into())),
        1 => any::<(std::net::Ipv4Addr, u8)>()
            .prop_map(|(a, l)| Endpoint::Net(ipnet::IpNet::new(a.into(), l % 33).unwrap())),
        1 => any::<std::net::Ipv6Addr>()
            .prop_filter("mapped", |a| a.to_ipv4_mapped().is_none())
            .prop_map(|a| Endpoint::Address(a.into())),
        1 => any::<std::net::Ipv4Addr>().prop_map(|a| Endpoint::Address(a.into())),
    ]
}

pub(crate) fn set() -> impl Strategy<Value = Endpoints> {
    let one = endpoint().prop_map(|e| said(Set::One(e)));
    one.prop_recursive(3, 12, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            some.clone().prop_map(|s| said(Set::Union(s))),
            some.clone().prop_map(|s| said(Set::Intersection(s))),
            some.prop_map(|s| said(Set::Difference(s))),
            inner.clone().prop_map(|s| said(Set::Complement(Box::new(s)))),
            (inner.clone(), inner).prop_map(|(a, b)| said(Set::Within(Box::new(a), Box::new(b)))),
        ]
    })
}

pub(crate) fn ports() -> impl Strategy<Value = Ports> {
    let protocol = prop::sample::select(&Protocol::ALL[..]);
    let item = prop_oneof![
        Just(PortItem::Any),
        protocol.clone().prop_map(PortItem::Protocol),
        (protocol, 1..60_000_u16, 0..5_000_u16).prop_map(|(p, a, n)| PortItem::Range(p, a, a + n)),
        Just(PortItem::Name("http-1".into())),
        Just(PortItem::Variable("ports".into())),
    ];
    prop::collection::vec(item.prop_map(said), 1..4).prop_map(|items| Ports { items })
}

pub(crate) fn on() -> impl Strategy<Value = Option<Ports>> {
    prop::option::of(ports())
}

fn flows() -> impl Strategy<Value = FlowsOf> {
    let verdict = prop::sample::select(
        &[Verdict::Allow, Verdict::Deny, Verdict::Unknown, Verdict::Ambiguous][..],
    );
    (verdict, prop::option::of(set()), prop::option::of(set()), on())
        .prop_map(|(verdict, from, to, on)| FlowsOf { verdict, from, to, on })
}

fn listable() -> impl Strategy<Value = Listable> {
    let objects = (prop::sample::select(&Noun::ALL[..]), prop::option::of(set()))
        .prop_map(|(noun, within)| Listable::Objects { noun: said(noun), within, direction: None });
    prop_oneof![flows().prop_map(Listable::Flows), objects]
}

fn question() -> impl Strategy<Value = Question> {
    let quantifier =
        prop::sample::select(&[None, Some(Quantifier::All), Some(Quantifier::Some)][..]);
    prop_oneof![
        (quantifier, set(), set(), on()).prop_map(|(quantifier, from, to, on)| Question::Can {
            quantifier,
            from,
            to,
            on
        }),
        (any::<bool>(), set(), set(), on()).prop_map(|(negated, from, to, on)| Question::Why {
            negated,
            from,
            to,
            on
        }),
        (any::<bool>(), set(), on(), prop::option::of(set()))
            .prop_map(|(eventually, to, on, from)| Question::Who { eventually, to, on, from }),
        (any::<bool>(), set(), on(), prop::option::of(set())).prop_map(
            |(eventually, from, on, within)| Question::What { eventually, from, on, within }
        ),
        (set(), set(), path_options()).prop_map(|(from, to, options)| Question::Paths {
            from,
            to,
            options
        }),
        listable().prop_map(Question::List),
        listable().prop_map(Question::Count),
        set().prop_map(Question::Resolve),
    ]
}

pub(crate) fn path_options() -> impl Strategy<Value = PathOptions> {
    let hops = prop::option::of(0..9_u32);
    (any::<bool>(), hops, prop::option::of(set()), prop::option::of(set()), on()).prop_map(
        |(shortest, max_hops, via, avoiding, on)| PathOptions {
            shortest,
            max_hops,
            via,
            avoiding,
            on,
        },
    )
}

fn expect() -> impl Strategy<Value = Expect> {
    let reach = (set(), any::<bool>(), set(), on(), any::<bool>()).prop_map(
        |(from, negated, to, on, exactly)| Claim::Reach {
            quantifier: None,
            from,
            negated,
            eventually: false,
            to,
            on,
            exactly,
        },
    );
    let count = (listable(), 0..99_u64).prop_map(|(what, number)| Claim::Count {
        what,
        comparison: Comparison::AtMost,
        number,
    });
    let claim = prop_oneof![reach, flows().prop_map(Claim::NoFlows), count];
    let because = prop::option::of(prop::sample::select(&["x", "a \"b\" \\ c"][..]));
    (claim, any::<bool>(), because).prop_map(|(claim, if_any, because)| Expect {
        severity: ExpectSeverity::Fail,
        claim,
        if_any,
        because: because.map(str::to_owned),
    })
}

fn pipe() -> impl Strategy<Value = Spanned<Pipe>> {
    let field = || {
        prop::sample::select(&["src.namespace", "ports", "dst.name"][..])
            .prop_map(|f| said(f.to_owned()))
    };
    let value =
        prop::sample::select(&["pay", "tcp/22", "a b", "5"][..]).prop_map(|v| said(v.to_owned()));
    let operator = prop_oneof![
        Just(TestOperator::Present),
        value.clone().prop_map(|v| TestOperator::Compare(Comparison::AtLeast, v)),
        value.clone().prop_map(TestOperator::Match),
        prop::collection::vec(value, 1..3).prop_map(TestOperator::In),
    ];
    let test = (any::<bool>(), field(), operator).prop_map(|(negated, field, operator)| Test {
        negated,
        field,
        operator,
    });
    let any_of = prop::collection::vec(prop::collection::vec(test, 1..3), 1..3);
    prop_oneof![
        any_of.prop_map(|any_of| Pipe::Where(Predicate { any_of })),
        prop::collection::vec(field(), 1..3).prop_map(Pipe::Group),
        (field(), any::<bool>()).prop_map(|(field, descending)| Pipe::Sort { field, descending }),
        (0..99_u64).prop_map(Pipe::Limit),
        Just(Pipe::Count),
    ]
    .prop_map(said)
}

fn sentence() -> impl Strategy<Value = Sentence> {
    let statement = prop_oneof![
        4 => question().prop_map(Statement::Ask),
        1 => expect().prop_map(Statement::Expect),
        4 => statements::statement(),
    ];
    let with = prop_oneof![6 => Just(Vec::new()), 1 => statements::changes()];
    (with, statement, prop::collection::vec(pipe(), 0..3))
        .prop_map(|(with, statement, pipes)| Sentence { with, statement, pipes })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_printed_parses_back(sentence in sentence()) {
        let printed = sentence.to_string();
        match parse(&printed) {
            Ok(Item::Sentence(parsed)) => prop_assert_eq!(*parsed, sentence, "{}", printed),
            other => prop_assert!(false, "{printed}\n{other:?}"),
        }
    }

    #[test]
    fn random_text_never_breaks_the_parser(text in "\\PC{0,60}") {
        for chunk in chunks(&text) {
            if let Err(error) = parse(chunk.text) {
                prop_assert!(chunk.text.get(error.span.start..error.span.end).is_some());
            }
        }
    }

    #[test]
    fn random_words_of_the_language_never_break_the_parser(
        words in prop::collection::vec(prop::sample::select(&[
            "can", "reach", "on", "tcp/80", "flows", "from", "to", "(", ")", "[a=b]", "pods", "in", "ns/x", ",",
            "not", "except", "|", "where", "because", "\"x\"", "->", "?", "expect", "cannot", "any", "10.0.0.0/8",
            "who", "what", "if", "delete", "$x", "=", "let", "{", "}", "test", ":", "svc/x:80", "*", "and",
        ][..]), 0..14)
    ) {
        let text = words.join(" ");
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.span.start..error.span.end).is_some(), "{}", text);
        }
    }
}

/// What the fuzzer found.
#[test]
fn a_question_mark_before_an_arrow_is_no_pattern() {
    assert!(parse("frontend?-> redis on 6379").is_err());
    assert!(parse("front?nd->redis").is_ok());
}
