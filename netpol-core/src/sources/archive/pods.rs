//! Pods in blocks: what several of them share stands once in each.

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::blocks::Places;
use super::frame::Refused;
use super::rows::{PodBlock, PodRow};
use super::write::Files;
use crate::model::{Cluster, ContainerPort, LabelId, Labels, NamespaceId, NodeId, Pod, WorkloadId};

/// So many pods make a block.
const PODS: usize = 4096;

/// Cuts the pods of a cluster into blocks.
pub(super) fn blocks<'a>(
    cluster: &'a Cluster,
    files: &mut Files<'a>,
) -> impl Iterator<Item = PodBlock<'a>> {
    cluster.pods().chunks(PODS).map(|pods| block(pods, files))
}

/// Positions of lists that are met for the first time.
type Lists<'a, T> = IndexMap<&'a [T], u32, RandomState>;

fn position<'a, T: std::hash::Hash + Eq>(lists: &mut Lists<'a, T>, list: &'a [T]) -> (u32, bool) {
    let next = u32::try_from(lists.len()).unwrap_or(u32::MAX);
    let at = *lists.entry(list).or_insert(next);
    (at, at == next)
}

fn block<'a>(pods: &'a [Pod], files: &mut Files<'a>) -> PodBlock<'a> {
    let mut block = PodBlock::default();
    let (mut labels, mut ports) = (Lists::default(), Lists::default());
    for pod in pods {
        let (label_list, is_new) = position(&mut labels, &pod.labels[..]);
        if is_new {
            block.labels.extend(pod.labels.iter().map(|id| id.0));
            block.label_lists.push(u32::try_from(pod.labels.len()).unwrap_or(u32::MAX));
        }
        let (port_list, is_new) = position(&mut ports, &pod.ports[..]);
        if is_new {
            block.port_lists.push(pod.ports.to_vec());
        }
        block.pods.push(PodRow {
            name: &pod.name,
            namespace: pod.namespace.0,
            workload: pod.workload.0,
            labels: label_list,
            ports: port_list,
            addresses: pod.addresses.to_vec(),
            node: pod.node.map(|n| n.0),
            host_network: pod.host_network,
            from_template: pod.from_template,
            place: files.place(&pod.position),
        });
    }
    block
}

/// Makes the pods of a block.
pub(super) fn read(block: PodBlock<'_>, places: &Places) -> Result<Vec<Pod>, Refused> {
    let mut labels = Vec::with_capacity(block.label_lists.len());
    let mut rest = &block.labels[..];
    for length in block.label_lists {
        let parts = rest.split_at_checked(length as usize);
        let (own, later) =
            parts.ok_or_else(|| Refused::malformed("a list of labels is cut off"))?;
        labels.push(own.iter().copied().map(LabelId).collect::<Labels>());
        rest = later;
    }
    if !rest.is_empty() {
        return Err(Refused::malformed("there are labels that no list holds"));
    }
    let ports: Vec<Arc<[ContainerPort]>> = block.port_lists.into_iter().map(Arc::from).collect();
    let pods = block.pods.into_iter().map(|row| pod(row, &labels, &ports, places));
    pods.collect()
}

fn pod(
    row: PodRow<'_>,
    labels: &[Labels],
    ports: &[Arc<[ContainerPort]>],
    places: &Places,
) -> Result<Pod, Refused> {
    let missing =
        |what: &str| Refused::malformed(format!("pod `{}` has no list of {what}", row.name));
    let own_labels = labels.get(row.labels as usize).ok_or_else(|| missing("labels"))?;
    let own_ports = ports.get(row.ports as usize).ok_or_else(|| missing("ports"))?;
    Ok(Pod {
        name: row.name.into(),
        namespace: NamespaceId(row.namespace),
        workload: WorkloadId(row.workload),
        labels: Arc::clone(own_labels),
        ports: Arc::clone(own_ports),
        addresses: Box::<[IpAddr]>::from(row.addresses),
        node: row.node.map(NodeId),
        host_network: row.host_network,
        from_template: row.from_template,
        position: places.position(row.place)?,
    })
}
