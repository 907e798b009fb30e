//! Questions.

use netpol_core::model::Verdict;

use super::endpoint::{endpoints, path};
use super::port::on;
use super::{
    Pair, Result, child, children, direction, has, incomplete, number, optional, required, span,
    word,
};
use crate::syntax::ast::{
    Endpoints, FlowsOf, LevelWord, Listable, Noun, PathOptions, Ports, Quantifier, Question,
    Relation,
};
use crate::syntax::error::SyntaxError;
use crate::syntax::parser::Rule;
use crate::syntax::span::Spanned;

/// Builds a question.
pub(super) fn question(pair: &Pair<'_>) -> Result<Question> {
    Ok(match pair.as_rule() {
        Rule::can | Rule::arrow_question => {
            let (from, to) = ends(pair)?;
            Question::Can { quantifier: quantifier(pair)?, from, to, on: ports(pair)? }
        }
        Rule::is => {
            let (to, from) = ends(pair)?;
            Question::Can { quantifier: None, from, to, on: ports(pair)? }
        }
        Rule::why => why(pair)?,
        Rule::who => Question::Who {
            eventually: has(pair, Rule::eventually),
            to: endpoints(&required(pair, Rule::endpoints)?)?,
            on: ports(pair)?,
            from: part(pair, Rule::from_part)?,
        },
        Rule::what => Question::What {
            eventually: has(pair, Rule::eventually),
            from: endpoints(&required(pair, Rule::endpoints)?)?,
            on: ports(pair)?,
            within: part(pair, Rule::within)?,
        },
        Rule::paths => {
            let (from, to) = path_ends(pair)?;
            Question::Paths { from, to, options: path_options(pair)? }
        }
        Rule::blast => Question::Blast {
            of: endpoints(&required(pair, Rule::endpoints)?)?,
            options: path_options(pair)?,
        },
        Rule::exposure => Question::Exposure {
            of: endpoints(&required(pair, Rule::endpoints)?)?,
            on: ports(pair)?,
        },
        Rule::matrix => Question::Matrix {
            from: part(pair, Rule::from_part)?,
            to: part(pair, Rule::to_part)?,
            on: ports(pair)?,
            by: optional(pair, Rule::level, |p| word(p, LevelWord::of_word))?,
        },
        Rule::policies => policies(pair)?,
        Rule::pods_of => {
            let policy = required(pair, Rule::path)?;
            Question::PodsOf(Spanned::new(path(&policy)?, span(&policy)))
        }
        Rule::resolve => Question::Resolve(endpoints(&required(pair, Rule::endpoints)?)?),
        Rule::count => Question::Count(listable(pair)?),
        Rule::list => Question::List(listable(pair)?),
        _ => return Err(incomplete(pair)),
    })
}

fn why(pair: &Pair<'_>) -> Result<Question> {
    let reversed = has(pair, Rule::why_is);
    let inner = required(pair, if reversed { Rule::why_is } else { Rule::why_can })?;
    let (first, second) = ends(&inner)?;
    let (from, to) = if reversed { (second, first) } else { (first, second) };
    let negated = has(&inner, Rule::cannot) || has(&inner, Rule::negation);
    Ok(Question::Why { negated, from, to, on: ports(&inner)? })
}

fn policies(pair: &Pair<'_>) -> Result<Question> {
    let mut sets = children(pair, Rule::endpoints);
    let of = endpoints(&sets.next().ok_or_else(|| incomplete(pair))?)?;
    let to = sets.next().map(|p| endpoints(&p)).transpose()?;
    let relation = required(pair, Rule::relation)?;
    let flow =
        matches!(word(&relation, Relation::of_word)?, Relation::Allowing | Relation::Blocking);
    if flow != to.is_some() {
        let help = "a flow is allowed or blocked: `policies allowing A -> B`; endpoints are selected: `policies for A`";
        let message = format!(
            "`policies {}` needs {}",
            relation.as_str(),
            if flow { "`A -> B`" } else { "one set" }
        );
        return Err(SyntaxError::new(span(&relation), message).help(help));
    }
    Ok(Question::Policies {
        relation: word(&relation, Relation::of_word)?,
        of,
        to,
        direction: optional(pair, Rule::direction, direction)?,
        on: ports(pair)?,
    })
}

/// Builds what `list` and `count` take.
pub(super) fn listable(pair: &Pair<'_>) -> Result<Listable> {
    if let Some(pair) = child(pair, Rule::flows) {
        return Ok(Listable::Flows(flows(&pair)?));
    }
    let objects = required(pair, Rule::objects)?;
    let noun = required(&objects, Rule::noun)?;
    let named = Noun::ALL.into_iter().find(|n| n.as_str().eq_ignore_ascii_case(noun.as_str()));
    let noun = Spanned::new(named.ok_or_else(|| incomplete(&noun))?, span(&noun));
    let direction = once(&objects, Rule::direction, "the direction", |d| {
        Ok(Spanned::new(direction(d)?, span(d)))
    })?;
    if let (Some(direction), false) = (&direction, noun.node == Noun::Unprotected) {
        let message = format!("`{}` does not go with `{}`", direction.node, noun.node);
        let help = "a direction goes with `list unprotected` and `policies for`";
        return Err(SyntaxError::new(direction.span, message).help(help));
    }
    Ok(Listable::Objects { noun, within: part(&objects, Rule::within)?, direction })
}

/// Builds `[denied] flows [from A] [to B] [on P]`.
pub(super) fn flows(pair: &Pair<'_>) -> Result<FlowsOf> {
    let verdict = optional(pair, Rule::flow_verdict, |p| word(p, verdict))?;
    Ok(FlowsOf {
        verdict: verdict.unwrap_or(Verdict::Allow),
        from: part(pair, Rule::from_part)?,
        to: part(pair, Rule::to_part)?,
        on: ports(pair)?,
    })
}

fn verdict(word: &str) -> Option<Verdict> {
    match word.to_ascii_lowercase().as_str() {
        "allowed" => Some(Verdict::Allow),
        "denied" => Some(Verdict::Deny),
        "unknown" => Some(Verdict::Unknown),
        "ambiguous" => Some(Verdict::Ambiguous),
        _ => None,
    }
}

/// Builds the two sets of a pair, in the order in which they stand.
pub(super) fn ends(pair: &Pair<'_>) -> Result<(Endpoints, Endpoints)> {
    let mut sets = children(pair, Rule::endpoints);
    match (sets.next(), sets.next()) {
        (Some(first), Some(second)) => Ok((endpoints(&first)?, endpoints(&second)?)),
        _ => Err(incomplete(pair)),
    }
}

/// Builds `on P`, which may stand in more than one place but be said once.
pub(super) fn ports(pair: &Pair<'_>) -> Result<Option<Ports>> {
    once(pair, Rule::on, "on", on)
}

fn once<'i, T>(
    pair: &Pair<'i>,
    rule: Rule,
    name: &str,
    build: impl FnOnce(&Pair<'i>) -> Result<T>,
) -> Result<Option<T>> {
    let mut found = children(pair, rule);
    let first = found.next();
    if let Some(second) = found.next() {
        let message = format!("`{name}` is said twice");
        return Err(SyntaxError::new(super::trimmed_span(&second), message));
    }
    first.map(|p| build(&p)).transpose()
}

/// Builds `from A`, `to A` or `in A`.
pub(super) fn part(pair: &Pair<'_>, rule: Rule) -> Result<Option<Endpoints>> {
    let name = match rule {
        Rule::from_part => "from",
        Rule::to_part => "to",
        _ => "in",
    };
    once(pair, rule, name, |p| endpoints(&required(p, Rule::endpoints)?))
}

/// Builds `from A to B`.
pub(super) fn path_ends(pair: &Pair<'_>) -> Result<(Endpoints, Endpoints)> {
    let missing = || incomplete(pair);
    let from = part(pair, Rule::from_part)?.ok_or_else(missing)?;
    let to = part(pair, Rule::to_part)?.ok_or_else(missing)?;
    Ok((from, to))
}

/// Builds `max 4 hops`, `via`, `avoiding`, `shortest` and `on`.
pub(super) fn path_options(pair: &Pair<'_>) -> Result<PathOptions> {
    let set = |p: &Pair<'_>| endpoints(&required(p, Rule::endpoints)?);
    Ok(PathOptions {
        shortest: has(pair, Rule::shortest),
        max_hops: once(pair, Rule::max_hops, "max", |p| number(&required(p, Rule::int)?))?,
        via: once(pair, Rule::via, "via", set)?,
        avoiding: once(pair, Rule::avoiding, "avoiding", set)?,
        on: ports(pair)?,
    })
}

fn quantifier(pair: &Pair<'_>) -> Result<Option<Quantifier>> {
    optional(pair, Rule::quantifier, |p| word(p, Quantifier::of_word))
}
