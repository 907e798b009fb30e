//! Names and labels of what a change adds: the API server would refuse what is not of its form.

use super::find::Found;
use crate::error::{ErrorCode, QueryError};
use crate::kinds::Kind;
use crate::syntax::ast::Path;
use crate::syntax::{Span, Spanned};

/// Returns the one plain name of a path, which may say its kind: `attacker`, `ns/shop`.
pub(super) fn only(path: &Spanned<Path>, kind: &str) -> Found<String> {
    let part = match &path.node.parts[..] {
        [only] => Some(only),
        [word, last] => {
            let said = word.node.literal().and_then(Kind::of_word);
            (said.is_some() && said == Kind::of_word(kind)).then_some(last)
        }
        _ => None,
    };
    let name =
        part.and_then(|part| part.node.name.as_ref().filter(|_| part.node.selectors.is_empty()));
    let name = name.filter(|name| !name.is_glob() && path.node.port.is_none());
    name.map(|name| name.text().to_owned()).ok_or_else(|| {
        let message = format!("`{}` is not the name of one {}", path.node, word(kind));
        QueryError::at(ErrorCode::Usage, path.span, message)
    })
}

fn word(kind: &str) -> &str {
    if kind == "ns" { "namespace" } else { kind }
}

/// Checks a name as the API server does (RFC 1123).
pub(super) fn name(name: &str, kind: &str, span: Span) -> Found<()> {
    let (most, dots) = if kind == "namespace" { (63, false) } else { (253, true) };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| plain(c) || c == '-' || dots && c == '.';
    let ends = name.starts_with(plain) && name.ends_with(plain);
    if ends && name.len() <= most && name.chars().all(inner) && !name.contains("..") {
        return Ok(());
    }
    let message = format!("`{name}` cannot be the name of a {kind}");
    let help = format!("names are lower-case letters, digits and `-`, at most {most} of them");
    Err(QueryError::at(ErrorCode::Usage, span, message).help(help))
}

/// Checks labels as the API server does.
pub(super) fn labels(labels: &[(String, String)], span: Span) -> Found<()> {
    let wrong = |message: String| {
        let help =
            "a label is `KEY=VALUE` of letters, digits, `-`, `_` and `.`, at most 63 of them each";
        Err(QueryError::at(ErrorCode::Usage, span, message).help(help))
    };
    for (at, (key, value)) in labels.iter().enumerate() {
        if !is_key(key) {
            return wrong(format!("`{key}` cannot be the key of a label"));
        }
        if !(value.is_empty() || is_word(value)) {
            return wrong(format!("`{value}` cannot be the value of a label"));
        }
        if labels.iter().take(at).any(|(other, _)| other == key) {
            return wrong(format!("the label `{key}` is given twice"));
        }
    }
    Ok(())
}

fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => {
            is_word(name) && self::name(prefix, "label", Span::default()).is_ok()
        }
        None => is_word(key),
    }
}

fn is_word(word: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| end(c) || matches!(c, '-' | '_' | '.');
    word.len() <= 63 && word.starts_with(end) && word.ends_with(end) && word.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_names_are_those_of_the_api() {
        let ok =
            |key: &str, value: &str| labels(&[(key.into(), value.into())], Span::default()).is_ok();
        assert!(ok("app", "web") && ok("app.kubernetes.io/name", "a.b_c") && ok("app", ""));
        assert!(!ok("-app", "web") && !ok("app", "we b") && !ok("/app", "web") && !ok("app", "x-"));
        assert!(!ok("app", &"x".repeat(64)));
        let named = |text: &str, kind| name(text, kind, Span::default()).is_ok();
        assert!(named("attacker", "pod") && named("a.b", "pod") && !named("a.b", "namespace"));
        assert!(!named("Attacker", "pod") && !named("a..b", "pod") && !named("", "pod"));
    }
}
