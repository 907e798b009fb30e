//! Statements into plans.

use netpol_core::model::{Direction, PortSet};
use netpol_core::reach::{ControllerEnd, Selection};

use super::plan::{
    Ask, ClaimPlan, CountPlan, ExpectPlan, ExposurePlan, ListPlan, Plan, PoliciesPlan, Translation,
};
use super::region::Region;
use super::scope::{Scope, Value};
use super::words;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::ast::{
    Claim, Definition, Endpoint, Endpoints, Expect, FlowsOf, Listable, Noun, Path, PathOptions,
    Ports, Question, Relation, Set, Statement, Use,
};
use crate::syntax::{Span, Spanned};

type Found<T> = Result<T, QueryError>;

/// Looks up everything that a statement names.
///
/// # Errors
///
/// [`QueryError`] where an endpoint matches nothing or several things, or where the statement is one about several
/// snapshots, which a [`Session`](crate::session::Session) answers.
pub fn lower(statement: &Statement, scope: &Scope<'_>) -> Found<Plan> {
    match statement {
        Statement::Ask(question) => scope.question(question),
        Statement::Expect(expect) => scope.expect(expect),
        Statement::Let { name, value } => {
            let value = match value {
                Definition::Endpoints(set) => Value::Endpoints(scope.endpoints(set)?),
                Definition::Ports(ports) => Value::Ports(scope.port_items(ports)?),
            };
            Ok(Plan::Define { name: name.node.clone(), value })
        }
        Statement::Use(Use::Namespace(path)) => scope.used_namespace(path),
        Statement::Use(Use::Source(_)) => Err(of_session("`use` of manifests")),
        Statement::WhatIf(_) => Err(of_session("`what if`")),
        Statement::Change(_) => Err(of_session("a change")),
        Statement::Diff { .. } => Err(of_session("`diff`")),
        Statement::Lint { within, severity } => {
            Ok(Plan::Lint(Box::new(scope.lint(within.as_ref(), *severity)?)))
        }
        Statement::Export { what, to } => scope.export(*what, to.as_ref()),
    }
}

/// The sentence needs more than one snapshot.
fn of_session(what: &str) -> QueryError {
    QueryError::new(
        ErrorCode::Usage,
        format!("{what} is answered by a session, which keeps what is loaded"),
    )
}

impl Scope<'_> {
    fn question(&self, question: &Question) -> Found<Plan> {
        Ok(match question {
            Question::Can { quantifier, from, to, on } => {
                Plan::Can { ask: self.ask(from, to, on.as_ref())?, quantifier: *quantifier }
            }
            Question::Why { negated, from, to, on } => {
                Plan::Why { ask: self.ask(from, to, on.as_ref())?, negated: *negated }
            }
            Question::Who { eventually: true, to, on, from } => {
                Plan::Hops(Box::new(self.who_eventually(to, on.as_ref(), from.as_ref())?))
            }
            Question::What { eventually: true, from, on, within } => {
                Plan::Hops(Box::new(self.what_eventually(from, on.as_ref(), within.as_ref())?))
            }
            Question::Who { to, on, from, .. } => {
                Plan::Who(self.between(from.as_ref(), Some(to), on.as_ref())?)
            }
            Question::What { from, on, within, .. } => {
                self.what(from, on.as_ref(), within.as_ref())?
            }
            Question::Paths { from, to, options } => {
                Plan::Hops(Box::new(self.paths(from, to, options)?))
            }
            Question::Blast { of, options } => Plan::Hops(Box::new(self.blast(of, options)?)),
            Question::Exposure { of, on } => {
                Plan::Exposure(Box::new(self.exposure(of, on.as_ref())?))
            }
            Question::Matrix { from, to, on, by } => Plan::Matrix {
                ask: self.between(from.as_ref(), to.as_ref(), on.as_ref())?,
                by: *by,
            },
            Question::Policies { relation, of, to, direction, on } => {
                self.policies(*relation, of, to.as_ref(), *direction, on.as_ref())?
            }
            Question::PodsOf(path) => {
                Plan::PodsOf(self.policy(&path.node, path.span, &self.search())?)
            }
            Question::Resolve(set) => Plan::Resolve(self.endpoints(set)?),
            Question::List(Listable::Flows(flows)) => {
                Plan::Flows { ask: self.flows(flows)?, verdict: flows.verdict }
            }
            Question::List(Listable::Objects { noun, within, direction }) => {
                let direction = direction.as_ref().map(|d| d.node);
                Plan::List(self.objects(noun.node, within.as_ref(), direction)?)
            }
            Question::Count(what) => Plan::Count(self.count(what)?),
        })
    }

    fn count(&self, what: &Listable) -> Found<CountPlan> {
        Ok(match what {
            Listable::Flows(flows) => CountPlan::Flows(Box::new(self.flows(flows)?), flows.verdict),
            Listable::Objects { noun, within, direction } => {
                let direction = direction.as_ref().map(|d| d.node);
                CountPlan::Objects(self.objects(noun.node, within.as_ref(), direction)?)
            }
        })
    }

    fn flows(&self, flows: &FlowsOf) -> Found<Ask> {
        self.between(flows.from.as_ref(), flows.to.as_ref(), flows.on.as_ref())
    }

    fn objects(
        &self,
        noun: Noun,
        within: Option<&Endpoints>,
        direction: Option<Direction>,
    ) -> Found<ListPlan> {
        let within = within.map(|set| self.within(set)).transpose()?;
        Ok(ListPlan { noun, within, direction: direction.unwrap_or(Direction::Ingress) })
    }

    fn ask(&self, from: &Endpoints, to: &Endpoints, on: Option<&Ports>) -> Found<Ask> {
        self.between(Some(from), Some(to), on)
    }

    /// Makes a question about pairs; an end that was not said is everything.
    pub(super) fn between(
        &self,
        from: Option<&Endpoints>,
        to: Option<&Endpoints>,
        on: Option<&Ports>,
    ) -> Found<Ask> {
        let sources = match from {
            Some(set) => self.endpoints(set)?,
            None => words::everything(self),
        };
        if let (Some(set), false) = (from, sources.selection.names.is_empty()) {
            let message = "a domain name is a destination, not a source".to_owned();
            return Err(QueryError::at(ErrorCode::Usage, set.span, message));
        }
        let (to_region, through) = self.destination(to, on)?;
        let on = match (&through, on) {
            (Some(_), _) => Some(PortSet::none().into()),
            (None, Some(ports)) => Some(self.ports(ports, &to_region.selection)?),
            (None, None) => None,
        };
        let span = match (from, to) {
            (Some(a), Some(b)) => {
                Some(Span::new(a.span.start.min(b.span.start), a.span.end.max(b.span.end)))
            }
            (Some(one), None) | (None, Some(one)) => Some(one.span),
            (None, None) => None,
        };
        let said = (from.map(ToString::to_string), to.map(ToString::to_string));
        Ok(Ask { from: sources.selection, to: to_region.selection, on, through, said, span })
    }

    fn destination(
        &self,
        to: Option<&Endpoints>,
        on: Option<&Ports>,
    ) -> Found<(Region, Option<Translation>)> {
        let Some(set) = to else { return Ok((words::everything(self), None)) };
        let Some((path, port)) = service_with_port(set) else {
            let region = self.endpoints(set)?;
            if region.selection.ingress_controller == ControllerEnd::Everywhere {
                let message = "`ingress-controller` is a source, not a destination".to_owned();
                let help = "it stands for whoever carries what Ingress and Route objects let in: \
                            `what can ingress-controller reach`";
                return Err(QueryError::at(ErrorCode::Usage, set.span, message).help(help));
            }
            return Ok((region, None));
        };
        if on.is_some() {
            let message = format!("`{path}` says its port already");
            let help = "leave out `on`, or name the Service without its port";
            return Err(QueryError::at(ErrorCode::Usage, set.span, message).help(help));
        }
        let service = self.service(path, set.span, &self.search())?;
        let through = self.translation(service, port)?;
        let pods = through.parts.iter().flat_map(|(_, pods)| pods.iter().copied());
        Ok((Region::pods(pods), Some(through)))
    }

    fn what(
        &self,
        from: &Endpoints,
        on: Option<&Ports>,
        within: Option<&Endpoints>,
    ) -> Found<Plan> {
        let mut ask = self.between(Some(from), None, None)?;
        if let Some(set) = within {
            let region = self.within(set)?;
            if region.selection.is_empty() {
                let message = format!("`{set}` holds no pods");
                return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message));
            }
            ask.to = region.selection;
            ask.said.1 = Some(set.to_string());
        }
        ask.on = on.map(|ports| self.ports(ports, &ask.to)).transpose()?;
        Ok(Plan::What(ask))
    }

    fn exposure(&self, of: &Endpoints, on: Option<&Ports>) -> Found<ExposurePlan> {
        let mut inward = self.between(None, Some(of), on)?;
        if inward.to.pods.is_empty() {
            let message = format!("`{of}` holds no pods: only they are exposed");
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, of.span, message));
        }
        inward.from.pods -= &inward.to.pods;
        inward.to = Selection { pods: inward.to.pods, ..Selection::default() };
        let outward = Ask {
            from: inward.to.clone(),
            to: Selection::addresses(words::external(self)),
            through: None,
            on: on.map(|ports| self.ports(ports, &inward.to)).transpose()?,
            said: (Some(of.to_string()), None),
            span: inward.span,
        };
        Ok(ExposurePlan { inward, outward, internet: words::internet(self) })
    }

    fn policies(
        &self,
        relation: Relation,
        of: &Endpoints,
        to: Option<&Endpoints>,
        direction: Option<Direction>,
        on: Option<&Ports>,
    ) -> Found<Plan> {
        let flow = to.map(|to| self.ask(of, to, on)).transpose()?;
        if let (None, Some(_)) = (&flow, on) {
            let message = format!("`on` does not go with `policies {relation}`");
            return Err(QueryError::at(ErrorCode::Usage, of.span, message));
        }
        let of = if flow.is_some() { Region::default() } else { self.endpoints(of)? };
        Ok(Plan::Policies(Box::new(PoliciesPlan { relation, of, flow, direction })))
    }

    fn used_namespace(&self, path: &Spanned<Path>) -> Found<Plan> {
        let name = match &path.node.parts[..] {
            [only] if only.node.selectors.is_empty() => {
                only.node.name.as_ref().map_or("", |n| n.text())
            }
            _ => "",
        };
        if name == "*" {
            return Ok(Plan::UseNamespace(None));
        }
        if self.cluster.find_namespace(name).is_some() {
            return Ok(Plan::UseNamespace(Some(name.to_owned())));
        }
        let message = format!("no namespace is called `{}`", path.node);
        let help = super::suggest::namespace(self.cluster, name);
        Err(QueryError::at(ErrorCode::NoSuchEndpoint, path.span, message).maybe_help(help))
    }

    fn expect(&self, expect: &Expect) -> Found<Plan> {
        let scope = Scope { may_be_empty: expect.if_any, ..*self };
        Ok(Plan::Expect(Box::new(ExpectPlan {
            claim: scope.claim(&expect.claim).map_err(accept_empty)?,
            severity: expect.severity,
            if_any: expect.if_any,
            because: expect.because.clone(),
        })))
    }

    fn claim(&self, claim: &Claim) -> Found<ClaimPlan> {
        Ok(match claim {
            Claim::Reach { eventually: true, exactly: true, to, .. } => {
                let message = "`exactly` does not go with `eventually`".to_owned();
                return Err(QueryError::at(ErrorCode::Usage, to.span, message));
            }
            Claim::Reach { eventually: true, quantifier, from, negated, to, on, .. } => {
                let options = PathOptions { on: on.clone(), ..PathOptions::default() };
                let plan = Box::new(self.paths(from, to, &options)?);
                match (negated, quantifier) {
                    (true, Some(_)) => {
                        let message = "`all` and `some` do not go with `cannot eventually`";
                        return Err(QueryError::at(ErrorCode::Usage, from.span, message));
                    }
                    (true, None) => ClaimPlan::NoPath(plan),
                    (false, _) => ClaimPlan::Eventually { plan, quantifier: *quantifier },
                }
            }
            Claim::Only { eventually: true, from, to, on } => {
                let options = PathOptions { on: on.clone(), ..PathOptions::default() };
                let inside = Box::new(self.paths(from, to, &options)?);
                let others = Box::new(self.others(&inside, format!("not ({from})")));
                ClaimPlan::OnlyEventually { inside, others }
            }
            Claim::Reach { quantifier, from, negated, to, on, exactly, .. } => {
                let ask = self.ask(from, to, on.as_ref())?;
                if *exactly
                    && ask
                        .on
                        .as_ref()
                        .is_none_or(|on| !on.names.is_empty() || on.numbers.is_empty())
                {
                    let message = "`exactly` needs ports by number";
                    let help = "write `on tcp/80 exactly`";
                    return Err(QueryError::at(ErrorCode::Usage, to.span, message).help(help));
                }
                let (quantifier, negated, exactly) = (*quantifier, *negated, *exactly);
                ClaimPlan::Reach { ask: Box::new(ask), quantifier, negated, exactly }
            }
            Claim::Only { from, to, on, .. } => {
                let inside = self.ask(from, to, on.as_ref())?;
                let mut rest = words::everything(self);
                let allowed = Region { selection: inside.from.clone(), ..Region::default() };
                rest.subtract(&allowed);
                let said = (Some(format!("not ({from})")), inside.said.1.clone());
                let others = Ask { from: rest.selection, said, ..inside.clone() };
                ClaimPlan::Only { inside: Box::new(inside), others: Box::new(others) }
            }
            Claim::NoFlows(flows) => {
                ClaimPlan::NoFlows(Box::new(self.flows(flows)?), flows.verdict)
            }
            Claim::NoPath { from, to, options } => {
                ClaimPlan::NoPath(Box::new(self.paths(from, to, options)?))
            }
            Claim::NoLint(severity) => ClaimPlan::NoLint(Box::new(self.lint(None, *severity)?)),
            Claim::NoUnprotected { within, direction } => {
                let list = self.objects(Noun::Unprotected, within.as_ref(), *direction)?;
                if let (Some(set), Some(region)) = (within, &list.within)
                    && region.selection.pods.is_empty()
                    && !self.may_be_empty
                {
                    let message = format!("`{set}` holds no pods");
                    return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message));
                }
                ClaimPlan::None(list)
            }
            Claim::Count { what, comparison, number } => {
                ClaimPlan::Count(self.count(what)?, *comparison, *number)
            }
        })
    }
}

fn service_with_port(set: &Endpoints) -> Option<(&Path, &Spanned<String>)> {
    match &set.node {
        Set::One(Endpoint::Path(path)) => path.port.as_ref().map(|port| (path, port)),
        _ => None,
    }
}

/// Nothing matches what is expected: the sentence may say that this is fine.
fn accept_empty(error: QueryError) -> QueryError {
    if error.code != ErrorCode::NoSuchEndpoint {
        return error;
    }
    let near = error.help.as_ref().map_or_else(String::new, |help| format!("{help}  "));
    error.help(format!("{near}add `if any` to accept an empty set"))
}
