//! Finds nodes, Services and policies by their names.

use std::collections::BTreeSet;

use netpol_core::model::{IpSet, Node, NodeId, PodId, PolicyId, ServiceId};

use super::find::{Found, Place, Target};
use super::region::Region;
use super::scope::{Scope, Search};
use super::selectors;
use super::suggest;
use crate::error::{ErrorCode, QueryError};
use crate::kinds::Kind;
use crate::syntax::Span;
use crate::syntax::ast::Path;

impl Scope<'_> {
    pub(super) fn nodes(&self, target: &Target<'_>) -> Found<Region> {
        let cluster = self.cluster;
        let kind_word = self.kind_with_selectors(target.part).is_some();
        let named = |(_, node): &(NodeId, &Node)| {
            let by_name = kind_word || self.is_named(target, &node.name);
            by_name && selectors::matches(cluster, &node.labels, &target.part.selectors)
        };
        let nodes =
            cluster.nodes().iter().filter_map(|n| cluster.find_node(&n.name).map(|id| (id, n)));
        let found: Vec<_> = nodes.filter(named).collect();
        if found.is_empty() && !self.may_be_empty {
            let names = cluster.nodes().iter().map(|n| (&*n.name, ()));
            let word = target.part.to_string();
            let help =
                suggest::nearest(&word, names).map(|(n, ())| format!("did you mean `node/{n}`?"));
            let message = format!("no node is called `{word}`");
            return Err(
                QueryError::at(ErrorCode::NoSuchEndpoint, target.span, message).maybe_help(help)
            );
        }
        let ids: BTreeSet<NodeId> = found.iter().map(|(id, _)| *id).collect();
        let on_node = |p: &PodId| {
            let pod = cluster.pod(*p);
            pod.host_network && pod.node.is_some_and(|n| ids.contains(&n))
        };
        let mut region = Region::pods(cluster.pod_ids().filter(on_node));
        for address in found.iter().flat_map(|(_, node)| node.addresses.iter()) {
            region.unite(&Region::addresses(IpSet::from(*address)));
        }
        Ok(region)
    }

    pub(super) fn services(&self, target: &Target<'_>) -> Found<Vec<ServiceId>> {
        let cluster = self.cluster;
        let named = |id: &ServiceId| self.is_named(target, &cluster.service(*id).name);
        let all: Vec<ServiceId> = cluster.service_ids().filter(named).collect();
        let describe = |id: ServiceId| {
            let service = cluster.service(id);
            format!("{}/svc/{}", cluster.namespace(service.namespace).name, service.name)
        };
        let found = self.choose(target, all, |id| cluster.service(id).namespace, describe)?;
        if let [one] = found[..]
            && !self.may_be_empty
            && cluster.service_pods(one).next().is_none()
        {
            let message = format!("the Service `{}` has no endpoints", describe(one));
            let help = match &cluster.service(one).selector {
                Some(selector) => format!("no pod has {selector}"),
                None => "it has no selector".into(),
            };
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, target.span, message).help(help));
        }
        if !found.is_empty() || self.may_be_empty {
            return Ok(found);
        }
        let word = target.part.to_string();
        let names = cluster.services().iter().filter(|s| target.search.covers(s.namespace));
        let near = suggest::nearest(&word, names.map(|s| (&*s.name, ())));
        let help = near.map(|(n, ())| format!("did you mean `svc/{n}`?"));
        let message = format!("no Service is called `{word}`");
        Err(QueryError::at(ErrorCode::NoSuchEndpoint, target.span, message).maybe_help(help))
    }

    /// Finds the one Service of a path `svc/x`.
    pub(super) fn service(&self, path: &Path, whole: Span, search: &Search) -> Found<ServiceId> {
        let target = self.target(path, whole, search, Place::Endpoint)?;
        let found = self.services(&target)?;
        if let [one] = found[..] {
            return Ok(one);
        }
        let message = format!("`{path}` is {} Services", found.len());
        let help = "a Service with a port stands alone";
        Err(QueryError::at(ErrorCode::AmbiguousName, whole, message).help(help))
    }

    /// Finds the one policy of a path `netpol/x`.
    pub(super) fn policy(&self, path: &Path, whole: Span, search: &Search) -> Found<PolicyId> {
        let cluster = self.cluster;
        let target = self.target(path, whole, search, Place::Endpoint)?;
        let kind = match &target.kind {
            Some(Kind::Policy(kind)) => Some(*kind),
            None => None,
            Some(_) => {
                let help = "policies are `netpol/NAME`, `cnp/NAME`, `anp/NAME` and `banp/NAME`";
                let message = format!("`{path}` is no policy");
                return Err(QueryError::at(ErrorCode::NoSuchEndpoint, whole, message).help(help));
            }
        };
        let of_kind = |id: &PolicyId| kind.is_none_or(|k| cluster.policy(*id).kind == k);
        let named = |id: &PolicyId| self.is_named(&target, &cluster.policy(*id).name);
        let covered =
            |id: &PolicyId| cluster.policy(*id).namespace.is_none_or(|n| target.search.covers(n));
        let all: Vec<PolicyId> = cluster.policy_ids().filter(of_kind).filter(named).collect();
        let mut found: Vec<PolicyId> = all.iter().copied().filter(covered).collect();
        if found.is_empty() && matches!(target.search, Search::Current(_)) {
            found = all;
        }
        match found[..] {
            [one] => Ok(one),
            [] => {
                let word = target.part.to_string();
                let names = cluster.policy_ids().map(|id| (&*cluster.policy(id).name, id));
                let help = suggest::nearest(&word, names)
                    .map(|(_, id)| format!("did you mean `{}`?", suggest::policy(cluster, id)));
                let message = format!("no policy is called `{word}`");
                Err(QueryError::at(ErrorCode::NoSuchEndpoint, target.span, message)
                    .maybe_help(help))
            }
            _ => {
                let names: Vec<_> = found.iter().map(|id| suggest::policy(cluster, *id)).collect();
                let message = format!("`{path}` is {} policies", found.len());
                let help = format!("it may be {}", names.join(", "));
                Err(QueryError::at(ErrorCode::AmbiguousName, target.span, message).help(help))
            }
        }
    }
}
