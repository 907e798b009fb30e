//! What one name means, of whatever kind it is: for the shell's `\d`.

use netpol_core::model::{NamespaceId, PolicyId, ServiceId};

use super::find::Place;
use super::region::Region;
use super::scope::Scope;
use crate::error::{ErrorCode, QueryError};
use crate::kinds::Kind;
use crate::syntax::ast::{Endpoint, Item, Path, Question, Set, Statement};
use crate::syntax::{self, Span, Spanned};

/// What a name means.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    /// Pods, and addresses.
    Endpoints(Region),
    /// A namespace.
    Namespace(NamespaceId),
    /// A Service.
    Service(ServiceId),
    /// A policy.
    Policy(PolicyId),
}

/// The sentence whose grammar is that of a name.
const VERB: &str = "resolve ";

impl Scope<'_> {
    /// Finds what a text names.
    pub(crate) fn named(&self, text: &str) -> Result<Named, QueryError> {
        self.find_named(text).map_err(|mut error| {
            let own = |at: usize| at.saturating_sub(VERB.len());
            error.span = error.span.map(|s| Span::new(own(s.start), own(s.end)));
            error
        })
    }

    fn find_named(&self, text: &str) -> Result<Named, QueryError> {
        let Item::Sentence(sentence) = syntax::parse(&format!("{VERB}{text}"))? else {
            return Err(QueryError::new(ErrorCode::Syntax, "expected a name"));
        };
        let Statement::Ask(Question::Resolve(set)) = &sentence.statement else {
            return Err(QueryError::new(ErrorCode::Syntax, "expected a name"));
        };
        match &set.node {
            Set::One(Endpoint::Path(path)) => self.named_path(path, set.span),
            _ => self.endpoints(set).map(Named::Endpoints),
        }
    }

    fn named_path(&self, path: &Path, span: Span) -> Result<Named, QueryError> {
        let search = self.search();
        let target = self.target(path, span, &search, Place::Endpoint)?;
        match target.kind {
            Some(Kind::Policy(_)) => self.policy(path, span, &search).map(Named::Policy),
            Some(Kind::Service) => {
                // A Service without endpoints can be described all the same.
                let lenient = Scope { may_be_empty: true, ..*self };
                let found = lenient.service(path, span, &search);
                found.or_else(|_| self.service(path, span, &search)).map(Named::Service)
            }
            _ => {
                let set = Spanned::new(Set::One(Endpoint::Path(path.clone())), span);
                let found = self.endpoints(&set);
                match (path.parts.last().and_then(|p| p.node.literal()), found) {
                    (Some(name), found) if target.kind == Some(Kind::Namespace) => {
                        let id = self.cluster.find_namespace(name);
                        id.map_or_else(
                            || found.map(Named::Endpoints),
                            |id| Ok(Named::Namespace(id)),
                        )
                    }
                    (Some(name), Err(error)) if path.parts.len() == 1 => {
                        self.other(name, path, span).ok_or(error)
                    }
                    (_, found) => found.map(Named::Endpoints),
                }
            }
        }
    }

    /// A bare name that no workload and no pod has: of a namespace, Service or policy.
    fn other(&self, name: &str, path: &Path, span: Span) -> Option<Named> {
        let search = self.search();
        if let Some(id) = self.cluster.find_namespace(name) {
            return Some(Named::Namespace(id));
        }
        let services = || self.cluster.service_ids();
        let mut named = services().filter(|id| *self.cluster.service(*id).name == *name);
        if let (Some(one), None) = (named.next(), named.next()) {
            return Some(Named::Service(one));
        }
        self.policy(path, span, &search).ok().map(Named::Policy)
    }
}
