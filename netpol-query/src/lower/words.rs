//! The words for sets: `any`, `pods`, `external`, `internet`, `private`, `nodes`, `dns`, `metadata`,
//! `ingress-controller`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use netpol_core::model::{Cluster, Families, Family, IpSet, PodId, ServiceId};
use netpol_core::reach::ControllerEnd;

use super::region::Region;
use super::scope::Scope;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::Span;
use crate::syntax::ast::Word;

/// The private ranges: RFC 1918, CGNAT (RFC 6598) and link-local (RFC 3927); ULA (RFC 4193) and link-local (RFC 4291).
const PRIVATE: [(Family, &str); 7] = [
    (Family::V4, "10.0.0.0/8"),
    (Family::V4, "172.16.0.0/12"),
    (Family::V4, "192.168.0.0/16"),
    (Family::V4, "100.64.0.0/10"),
    (Family::V4, "169.254.0.0/16"),
    (Family::V6, "fc00::/7"),
    (Family::V6, "fe80::/10"),
];

/// The address at which clouds tell an instance about itself.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Looks up a word.
pub(super) fn region(scope: &Scope<'_>, word: Word, span: Span) -> Result<Region, QueryError> {
    let cluster = scope.cluster;
    Ok(match word {
        Word::Any => everything(scope),
        Word::Pods => Region::pods(cluster.pod_ids()),
        Word::External => Region::addresses(external(scope)),
        Word::Internet => Region::addresses(internet(scope)),
        Word::Private => {
            let inside = cluster.pod_cidrs().iter().map(|net| IpSet::from(*net));
            let private = private().intersection(&external(scope));
            Region::addresses(inside.fold(private, |set, net| set.difference(&net)))
        }
        Word::Nodes => nodes(cluster),
        Word::Dns => Region::pods(dns(cluster, span)?),
        Word::Metadata => Region::addresses(IpSet::from(IpAddr::V4(METADATA))),
        Word::IngressController => {
            if cluster.ingresses().is_empty() {
                let message =
                    "no Ingress or Route is in the input, so that there is no ingress controller";
                let help =
                    "add Ingress (networking.k8s.io/v1) or Route (route.openshift.io/v1) manifests";
                return Err(QueryError::at(ErrorCode::NoSuchEndpoint, span, message).help(help));
            }
            Region::ingress_controller()
        }
    })
}

/// Returns all pods, all that is outside and, where there is one, the ingress controller: where it leads.
pub(super) fn everything(scope: &Scope<'_>) -> Region {
    let mut region = Region::pods(scope.cluster.pod_ids());
    region.namespaces = scope.cluster.namespace_ids().collect();
    region.unite(&Region::addresses(external(scope)));
    if !scope.cluster.ingresses().is_empty() {
        region.selection.ingress_controller = ControllerEnd::WhereItLeads;
    }
    region
}

/// Returns every address of the families of the input; those of pods and nodes are not cut out.
pub(super) fn external(scope: &Scope<'_>) -> IpSet {
    let families = if scope.dialect.ipv4_only { Families::V4 } else { scope.cluster.families() };
    IpSet::families(families)
}

/// Returns every address that is neither inside nor private.
pub(super) fn internet(scope: &Scope<'_>) -> IpSet {
    external(scope).difference(&private())
}

/// Returns the private ranges of both families.
pub(crate) fn private() -> IpSet {
    let nets = PRIVATE.iter().filter_map(|(_, net)| net.parse::<IpNet>().ok());
    nets.fold(IpSet::none(), |set, net| set.union(&IpSet::from(net)))
}

fn nodes(cluster: &Cluster) -> Region {
    let mut region = Region::pods(cluster.pod_ids().filter(|p| cluster.pod(*p).host_network));
    for address in cluster.nodes().iter().flat_map(|n| n.addresses.iter()) {
        region.unite(&Region::addresses(IpSet::from(*address)));
    }
    region
}

/// The pods behind the cluster's DNS service, else those with the label that DNS pods carry.
fn dns(cluster: &Cluster, span: Span) -> Result<Vec<PodId>, QueryError> {
    let known = [
        ("kube-system", "kube-dns"),
        ("kube-system", "coredns"),
        ("kube-system", "rke2-coredns-rke2-coredns"),
        ("openshift-dns", "dns-default"),
    ];
    let is_dns = |id: &ServiceId| {
        let service = cluster.service(*id);
        let namespace = &*cluster.namespace(service.namespace).name;
        known.contains(&(namespace, &service.name))
    };
    let mut pods: Vec<PodId> =
        cluster.service_ids().filter(is_dns).flat_map(|s| cluster.service_pods(s)).collect();
    if pods.is_empty() {
        let labelled = |p: &PodId| cluster.pod_label(*p, "k8s-app") == Some("kube-dns");
        pods = cluster.pod_ids().filter(labelled).collect();
    }
    if pods.is_empty() {
        let message = "the input holds no cluster DNS";
        let help = "`dns` means the pods behind kube-system/svc/kube-dns, or those labelled k8s-app=kube-dns";
        return Err(QueryError::at(ErrorCode::NoSuchEndpoint, span, message).help(help));
    }
    Ok(pods)
}
