//! Sets of endpoints.

use std::net::IpAddr;

use ipnet::IpNet;
use netpol_core::model::{AddressRange, Family, IpSet, PodId};

use super::find::{Place, pods_within};
use super::region::Region;
use super::scope::{Scope, Search, Value};
use super::words;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::Span;
use crate::syntax::ast::{Endpoint, Endpoints, Set, Word};

type Found<T> = Result<T, QueryError>;

impl Scope<'_> {
    /// Looks up a set of endpoints; an empty one is an error.
    pub(super) fn endpoints(&self, set: &Endpoints) -> Found<Region> {
        let region = self.set(set, &self.search(), Place::Endpoint)?;
        self.not_empty(region, set)
    }

    /// Looks up a set that may hold namespaces without pods.
    pub(crate) fn region(&self, set: &Endpoints) -> Found<Region> {
        let region = self.set(set, &self.search(), Place::Endpoint)?;
        if region.namespaces.is_empty() { self.not_empty(region, set) } else { Ok(region) }
    }

    /// Looks up what follows `in`: bare names are namespaces.
    pub(super) fn within(&self, set: &Endpoints) -> Found<Region> {
        self.set(set, &self.search(), Place::Scope)
    }

    /// Where names are looked up: in the current namespace, if it is one of the cluster.
    pub(super) fn search(&self) -> Search {
        match self.namespace.and_then(|name| self.cluster.find_namespace(name)) {
            Some(id) => Search::Current(id),
            None => Search::Anywhere,
        }
    }

    fn not_empty(&self, region: Region, set: &Endpoints) -> Found<Region> {
        if region.selection.is_empty() && !self.may_be_empty {
            let message = format!("nothing is left of `{set}`");
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message));
        }
        Ok(region)
    }

    pub(super) fn set(&self, set: &Endpoints, search: &Search, place: Place) -> Found<Region> {
        match &set.node {
            Set::One(endpoint) => self.one(endpoint, set.span, search, place),
            Set::Union(sets) => self.combine(sets, search, place, Region::unite),
            Set::Intersection(sets) => self.combine(sets, search, place, Region::intersect),
            Set::Difference(sets) => self.combine(sets, search, place, Region::subtract),
            Set::Complement(inner) => {
                let mut region = words::everything(self);
                region.subtract(&self.set(inner, search, place)?);
                Ok(region)
            }
            Set::Within(inner, scope) => self.inside(inner, scope, search),
        }
    }

    fn combine(
        &self,
        sets: &[Endpoints],
        search: &Search,
        place: Place,
        join: impl Fn(&mut Region, &Region),
    ) -> Found<Region> {
        let mut regions = sets.iter().map(|s| self.set(s, search, place));
        let mut region = regions.next().transpose()?.unwrap_or_default();
        for other in regions {
            join(&mut region, &other?);
        }
        Ok(region)
    }

    /// `A in B`: names of A are looked up in the namespaces of B.
    fn inside(&self, inner: &Endpoints, scope: &Endpoints, search: &Search) -> Found<Region> {
        let outer = match search {
            Search::Within(_) => search.clone(),
            _ => Search::Anywhere,
        };
        let scope_region = self.set(scope, &outer, Place::Scope)?;
        let pods = scope_region.selection.pods.iter().map(PodId);
        let mut namespaces = scope_region.namespaces.clone();
        namespaces.extend(pods.map(|p| self.cluster.pod(p).namespace));
        let mut region = self.set(inner, &Search::Within(namespaces), Place::Endpoint)?;
        region.intersect(&scope_region);
        if region.selection.is_empty() && !self.may_be_empty {
            let span = Span::new(inner.span.start, scope.span.end);
            let message = format!("nothing of `{inner}` is in `{scope}`");
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, span, message));
        }
        Ok(region)
    }

    fn one(&self, endpoint: &Endpoint, span: Span, search: &Search, place: Place) -> Found<Region> {
        match endpoint {
            Endpoint::Variable(name) => self.variable(name, span),
            Endpoint::Word(word, selectors) if selectors.is_empty() => self.word(*word, span),
            Endpoint::Word(word, selectors) => {
                let pods = match word {
                    Word::Pods => pods_within(self.cluster, search),
                    Word::Nodes => pods_within(self.cluster, &Search::Anywhere)
                        .into_iter()
                        .filter(|p| self.cluster.pod(*p).host_network)
                        .collect(),
                    _ => {
                        let message = format!("`{}` takes no selector", word.as_str());
                        let help = "selectors narrow pods: `pods[app=web]`, `ns[env=prod]`";
                        return Err(QueryError::at(ErrorCode::Usage, span, message).help(help));
                    }
                };
                self.select(&pods, selectors, span, &endpoint.to_string())
            }
            Endpoint::Domain(name) => Ok(Region::domain(name)),
            Endpoint::Address(address) => self.address(*address, span),
            Endpoint::Net(net) => self.net(*net, span),
            Endpoint::Range(from, to) => {
                self.judged(*from, span)?;
                let range = AddressRange { from: *from, to: *to };
                Ok(self.addresses([range].into_iter().collect()))
            }
            Endpoint::Path(path) if path.port.is_some() => {
                let message = format!("`{path}` stands alone: its port says on which ports");
                let help = "a Service with a port is a destination of its own, without `on` and without other endpoints";
                Err(QueryError::at(ErrorCode::Usage, span, message).help(help))
            }
            Endpoint::Path(path) => self.path(path, span, search, place),
        }
    }

    fn variable(&self, name: &str, span: Span) -> Found<Region> {
        match self.variables.get(name) {
            Some(Value::Endpoints(region)) => Ok(region.clone()),
            Some(Value::Ports(_)) => {
                let message = format!("`${name}` stands for ports");
                Err(QueryError::at(ErrorCode::Usage, span, message)
                    .help(format!("write `on ${name}`")))
            }
            Some(Value::Lost(why)) => Err(Self::lost(name, why, span)),
            None => Err(self.no_variable(name, span)),
        }
    }

    /// A variable that a change has made meaningless.
    pub(super) fn lost(name: &str, why: &str, span: Span) -> QueryError {
        let message = format!("`${name}` means nothing any more: {why}");
        let help = format!("define it anew: `let ${name} = ns/shop`");
        QueryError::at(ErrorCode::NoSuchEndpoint, span, message).help(help)
    }

    pub(super) fn no_variable(&self, name: &str, span: Span) -> QueryError {
        let names = self.variables.keys().map(|k| (k.as_str(), ()));
        let near = super::suggest::nearest(name, names);
        let help = match near {
            Some((near, ())) => format!("did you mean `${near}`?"),
            None => format!("define it: `let ${name} = ns/shop`"),
        };
        let message = format!("nothing is called `${name}`");
        QueryError::at(ErrorCode::NoSuchEndpoint, span, message).help(help)
    }

    fn word(&self, word: Word, span: Span) -> Found<Region> {
        let region = words::region(self, word, span)?;
        if region.selection.is_empty() && !self.may_be_empty {
            let message = format!("`{}` matches nothing in this input", word.as_str());
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, span, message));
        }
        Ok(region)
    }

    /// An address that is some pod's is that pod.
    fn address(&self, address: IpAddr, span: Span) -> Found<Region> {
        self.judged(address, span)?;
        let pods = self.cluster.pods_with_address(address);
        if !pods.is_empty() {
            return Ok(Region::pods(pods.iter().copied()));
        }
        let service = self.cluster.services().iter().find(|s| s.cluster_ips.contains(&address));
        if let Some(service) = service {
            let namespace = &self.cluster.namespace(service.namespace).name;
            let message =
                format!("{address} is the cluster address of a Service, behind which pods answer");
            let help = format!("ask about `{namespace}/svc/{}`", service.name);
            return Err(QueryError::at(ErrorCode::Usage, span, message).help(help));
        }
        Ok(Region::addresses(IpSet::from(address)))
    }

    fn net(&self, net: IpNet, span: Span) -> Found<Region> {
        self.judged(net.addr(), span)?;
        if net.trunc() == net && net.prefix_len() == net.max_prefix_len() {
            return self.address(net.addr(), span);
        }
        Ok(self.addresses(IpSet::from(net)))
    }

    /// Addresses, and the pods that have one of them: their addresses are not cut out, unless nothing else is left.
    fn addresses(&self, addresses: IpSet) -> Region {
        let known = |p: &PodId| {
            let own = &self.cluster.pod(*p).addresses;
            own.iter().any(|a| addresses.contains(*a))
        };
        let mut region = Region::pods(self.cluster.pod_ids().filter(known));
        let own = region.selection.pods.iter().flat_map(|p| &self.cluster.pod(PodId(p)).addresses);
        let own: IpSet = own.map(|a| AddressRange { from: *a, to: *a }).collect();
        if !addresses.is_subset(&own) {
            region.unite(&Region::addresses(addresses));
        }
        region
    }

    /// Refuses an address of a family that the dialect does not judge.
    fn judged(&self, address: IpAddr, span: Span) -> Found<()> {
        if self.dialect.ipv4_only && Family::of(address) == Family::V6 {
            let message = format!("{address} is an IPv6 address; this dialect judges IPv4 alone");
            return Err(
                QueryError::at(ErrorCode::Usage, span, message).help("use `--dialect spec`")
            );
        }
        Ok(())
    }
}
