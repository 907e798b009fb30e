//! Pipes.

use super::{Pair, Result, child, children, has, incomplete, number, required, span, string, word};
use crate::syntax::ast::{Comparison, FormatWord, Pipe, Predicate, Test, TestOperator};
use crate::syntax::parser::Rule;
use crate::syntax::span::Spanned;

/// Builds a step of a pipe; `None` for anything else.
pub(super) fn pipe(pair: &Pair<'_>) -> Result<Option<Pipe>> {
    Ok(Some(match pair.as_rule() {
        Rule::p_where => Pipe::Where(predicate(&required(pair, Rule::any_of)?)?),
        Rule::p_group => Pipe::Group(fields(pair)),
        Rule::p_sort => Pipe::Sort {
            field: field(&required(pair, Rule::field)?),
            descending: child(pair, Rule::sort_order).is_some_and(|o| has(&o, Rule::kw_desc)),
        },
        Rule::p_limit => Pipe::Limit(number(&required(pair, Rule::int)?)?),
        Rule::p_select => Pipe::Select(fields(pair)),
        Rule::p_count => Pipe::Count,
        Rule::p_as => {
            let format = required(pair, Rule::format)?;
            Pipe::As(FormatWord(format.as_str().to_ascii_lowercase()))
        }
        _ => return Ok(None),
    }))
}

fn field(pair: &Pair<'_>) -> Spanned<String> {
    Spanned::new(pair.as_str().to_owned(), span(pair))
}

fn fields(pair: &Pair<'_>) -> Vec<Spanned<String>> {
    children(pair, Rule::field).map(|f| field(&f)).collect()
}

fn predicate(pair: &Pair<'_>) -> Result<Predicate> {
    let any_of = children(pair, Rule::all_of)
        .map(|all| children(&all, Rule::test).map(|t| test(&t)).collect())
        .collect::<Result<_>>()?;
    Ok(Predicate { any_of })
}

fn test(pair: &Pair<'_>) -> Result<Test> {
    let operator = if let Some(values) = child(pair, Rule::in_values) {
        TestOperator::In(children(&values, Rule::field_value).map(|v| value(&v)).collect())
    } else if let Some(compared) = child(pair, Rule::compared) {
        let right = value(&required(&compared, Rule::field_value)?);
        match child(&compared, Rule::comparison) {
            Some(sign) => TestOperator::Compare(word(&sign, Comparison::of_sign)?, right),
            None if has(&compared, Rule::match_sign) => TestOperator::Match(right),
            None => return Err(incomplete(pair)),
        }
    } else {
        TestOperator::Present
    };
    let field = field(&required(pair, Rule::field)?);
    Ok(Test { negated: has(pair, Rule::negation), field, operator })
}

fn value(pair: &Pair<'_>) -> Spanned<String> {
    let text = match child(pair, Rule::string) {
        Some(quoted) => string(&quoted),
        None => pair.as_str().to_owned(),
    };
    Spanned::new(text, span(pair))
}
