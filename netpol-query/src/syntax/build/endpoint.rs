//! Endpoints and sets.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use netpol_core::model::{Operator, Requirement, Selector};

use super::{
    Pair, Result, child, children, has, incomplete, required, span, string, variable_name,
};
use crate::syntax::ast::{Endpoint, Endpoints, Name, Part, Path, Set, Word};
use crate::syntax::error::SyntaxError;
use crate::syntax::parser::Rule;
use crate::syntax::span::Spanned;

/// Builds a set: `endpoints`, or a part of it.
pub(super) fn endpoints(pair: &Pair<'_>) -> Result<Endpoints> {
    operands(pair, Rule::union, Set::Difference, |union| {
        operands(union, Rule::intersection, Set::Union, |intersection| {
            operands(intersection, Rule::unary, Set::Intersection, unary)
        })
    })
}

/// One operand stands for itself; several are joined.
fn operands(
    pair: &Pair<'_>,
    rule: Rule,
    join: impl FnOnce(Vec<Endpoints>) -> Set,
    build: impl Fn(&Pair<'_>) -> Result<Endpoints>,
) -> Result<Endpoints> {
    let mut sets = children(pair, rule).map(|p| build(&p)).collect::<Result<Vec<_>>>()?;
    if sets.len() == 1 {
        return sets.pop().ok_or_else(|| incomplete(pair));
    }
    Ok(Spanned::new(join(sets), super::trimmed_span(pair)))
}

/// Builds `[not] endpoint [in scope]`.
pub(super) fn unary(pair: &Pair<'_>) -> Result<Endpoints> {
    let mut set = match child(pair, Rule::group) {
        Some(group) => endpoints(&required(&group, Rule::endpoints)?)?,
        None => one(&required(pair, Rule::endpoint)?)?,
    };
    let whole = super::trimmed_span(pair);
    if let Some(scope) = child(pair, Rule::scope) {
        let within = Set::Within(Box::new(set), Box::new(self::scope(&scope)?));
        set = Spanned::new(within, whole);
    }
    if has(pair, Rule::negation) {
        set = Spanned::new(Set::Complement(Box::new(set)), whole);
    }
    Ok(set)
}

fn scope(pair: &Pair<'_>) -> Result<Endpoints> {
    let inner = pair.clone().into_inner().next().ok_or_else(|| incomplete(pair))?;
    let endpoint = match inner.as_rule() {
        Rule::group => return endpoints(&required(&inner, Rule::endpoints)?),
        Rule::variable => Endpoint::Variable(variable_name(&inner)),
        _ => Endpoint::Path(path(&inner)?),
    };
    Ok(Spanned::new(Set::One(endpoint), span(&inner)))
}

fn one(pair: &Pair<'_>) -> Result<Endpoints> {
    let inner = pair.clone().into_inner().next().ok_or_else(|| incomplete(pair))?;
    let endpoint = match inner.as_rule() {
        Rule::variable => Endpoint::Variable(variable_name(&inner)),
        Rule::word_endpoint => word(&inner)?,
        Rule::fqdn => Endpoint::Domain(domain(&inner)?),
        Rule::cidr => Endpoint::Net(cidr(&inner)?),
        Rule::ip_range => range(&inner)?,
        Rule::ip => Endpoint::Address(address(&inner, inner.as_str())?),
        _ => Endpoint::Path(path_with_port(pair, &inner)?),
    };
    Ok(Spanned::new(Set::One(endpoint), super::trimmed_span(pair)))
}

fn word(pair: &Pair<'_>) -> Result<Endpoint> {
    let text = required(pair, Rule::word)?;
    let word = match text.as_str().to_ascii_lowercase().as_str() {
        "anything" | "anyone" => Word::Any,
        other => {
            let found = Word::ALL.into_iter().find(|w| w.as_str() == other);
            found.ok_or_else(|| incomplete(pair))?
        }
    };
    Ok(Endpoint::Word(word, selectors(pair)?))
}

fn domain(pair: &Pair<'_>) -> Result<String> {
    let name = pair.as_str().split_once(':').map_or("", |(_, name)| name);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && !l.contains('*');
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(name);
    }
    let message = format!("`{}` is no domain name", pair.as_str());
    Err(SyntaxError::new(span(pair), message)
        .help("write one name, such as `fqdn:api.example.com`"))
}

fn cidr(pair: &Pair<'_>) -> Result<IpNet> {
    let text = pair.as_str();
    let (base, length) = text.split_once('/').unwrap_or((text, ""));
    let base = address(pair, base)?;
    let most = if base.is_ipv4() { 32 } else { 128 };
    let length = length.parse().ok().filter(|l| *l <= most);
    let net = length.and_then(|l| IpNet::new(base, l).ok());
    net.ok_or_else(|| {
        let message = format!("`{text}` is no CIDR: the prefix length is 0 to {most}");
        SyntaxError::new(span(pair), message)
    })
}

fn range(pair: &Pair<'_>) -> Result<Endpoint> {
    let (from, to) = pair.as_str().split_once('-').unwrap_or((pair.as_str(), ""));
    let (from, to) = (address(pair, from)?, address(pair, to)?);
    if from > to {
        let message = format!("the range `{}` ends before it begins", pair.as_str());
        return Err(SyntaxError::new(span(pair), message).help(format!("write `{to}-{from}`")));
    }
    Ok(Endpoint::Range(from, to))
}

fn address(pair: &Pair<'_>, text: &str) -> Result<IpAddr> {
    text.parse::<IpAddr>().map(canonical).map_err(|_cause| {
        let family = if text.contains(':') { "an IPv6 address" } else { "an IPv4 address" };
        let error = SyntaxError::new(span(pair), format!("`{text}` is not {family}"));
        if text.contains(':') {
            error
        } else {
            error.help("each of the four parts is 0 to 255, without leading zeros")
        }
    })
}

/// An IPv4 address in the clothes of IPv6 is the IPv4 address.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, |v4: Ipv4Addr| IpAddr::V4(v4)),
        IpAddr::V4(_) => address,
    }
}

fn path_with_port(pair: &Pair<'_>, inner: &Pair<'_>) -> Result<Path> {
    let mut path = path(inner)?;
    let Some(suffix) = child(pair, Rule::port_suffix) else { return Ok(path) };
    let port = suffix.as_str().trim_start_matches(':').to_owned();
    if !is_service(&path) {
        let message =
            format!("`{}`: only a Service has a port of its own", pair.as_str().trim_end());
        let help = format!("write `{path} on {port}`, or `svc/NAME:{port}` for a Service's port");
        return Err(SyntaxError::new(super::trimmed_span(pair), message).help(help));
    }
    path.port = Some(Spanned::new(port, span(&suffix)));
    Ok(path)
}

/// Tells whether the kind of a path is Service: `svc/x`, `shop/svc/x`.
fn is_service(path: &Path) -> bool {
    let kind = path.parts.len().checked_sub(2).and_then(|i| path.parts.get(i));
    let word = kind.and_then(|part| match &part.node.name {
        Some(Name::Plain(text)) if part.node.selectors.is_empty() => Some(text.as_str()),
        _ => None,
    });
    word.is_some_and(|w| ["svc", "service", "services"].iter().any(|s| w.eq_ignore_ascii_case(s)))
}

/// Builds a path of one to three parts.
pub(super) fn path(pair: &Pair<'_>) -> Result<Path> {
    let parts = children(pair, Rule::part)
        .map(|p| Ok(Spanned::new(part(&p)?, span(&p))))
        .collect::<Result<_>>()?;
    Ok(Path { parts, port: None })
}

fn part(pair: &Pair<'_>) -> Result<Part> {
    let name = child(pair, Rule::part_name).map(|name| match child(&name, Rule::string) {
        Some(quoted) => Name::Quoted(string(&quoted)),
        None => Name::Plain(name.as_str().to_owned()),
    });
    Ok(Part { name, selectors: selectors(pair)? })
}

fn selectors(pair: &Pair<'_>) -> Result<Vec<Spanned<Selector>>> {
    children(pair, Rule::selector).map(|s| Ok(Spanned::new(selector(&s)?, span(&s)))).collect()
}

fn selector(pair: &Pair<'_>) -> Result<Selector> {
    let requirements =
        children(pair, Rule::requirement).map(|r| requirement(&r)).collect::<Result<_>>()?;
    Ok(Selector { requirements })
}

fn requirement(pair: &Pair<'_>) -> Result<Requirement> {
    let inner = pair.clone().into_inner().next().ok_or_else(|| incomplete(pair))?;
    let (key, operator) = match inner.as_rule() {
        Rule::absent => (required(&inner, Rule::key)?, Operator::DoesNotExist),
        Rule::set_requirement => {
            let values = children(&inner, Rule::value).map(|v| value(&v)).collect();
            let operator = required(&inner, Rule::set_operator)?;
            let operator = if has(&operator, Rule::kw_notin) {
                Operator::NotIn(values)
            } else {
                Operator::In(values)
            };
            (required(&inner, Rule::key)?, operator)
        }
        Rule::equality => {
            let values = vec![child(&inner, Rule::value).map(|v| value(&v)).unwrap_or_default()];
            let operator = if required(&inner, Rule::equality_sign)?.as_str() == "!=" {
                Operator::NotIn(values)
            } else {
                Operator::In(values)
            };
            (required(&inner, Rule::key)?, operator)
        }
        _ => (inner, Operator::Exists),
    };
    Ok(Requirement { key: key.as_str().into(), operator })
}

/// Returns a label value.
pub(super) fn value(pair: &Pair<'_>) -> Box<str> {
    match child(pair, Rule::string) {
        Some(quoted) => string(&quoted).into(),
        None => pair.as_str().into(),
    }
}
