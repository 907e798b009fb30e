//! The objects of a preset, one after the other, so that no size needs them all in memory.

mod admin;
pub(crate) mod draw;
mod enterprise;
mod kano;
mod policies;
mod scale;

use std::convert::Infallible;

use netpol_core::model::{
    BuildError, Cluster, ClusterBuilder, NamespaceSpec, NodeSpec, PodSpec, Policy, PolicyKind,
    PolicySpec, Position, WorkloadSpec,
};

use crate::preset::Preset;
use draw::Draw;

/// One object of a generated cluster.
#[derive(Clone, Debug)]
pub enum Object {
    /// A Node.
    Node(NodeSpec),
    /// A Namespace; its other objects follow it.
    Namespace(NamespaceSpec),
    /// A workload; its pods, if it has any, follow it.
    Workload(WorkloadSpec),
    /// A Pod.
    Pod(PodSpec),
    /// A policy of any family.
    Policy(PolicyDraft),
}

/// A policy before it belongs to a cluster.
#[derive(Clone, Debug)]
pub struct PolicyDraft {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its namespace; `None` for the cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What it says.
    pub spec: PolicySpec,
}

/// Where generated objects go.
pub type Sink<'a, E> = dyn FnMut(Object) -> Result<(), E> + 'a;

/// Generates a preset: the same objects in the same order for the same number of pods and seed.
///
/// # Errors
///
/// Those of `sink`, the first of which ends the generation.
pub fn generate<E>(preset: Preset, pods: u32, seed: u64, sink: &mut Sink<'_, E>) -> Result<(), E> {
    let mut draw = Draw::new(seed);
    match preset {
        Preset::KanoRandom => kano::generate(pods, &mut draw, sink),
        Preset::KubeBurner => scale::kube_burner(pods, &mut draw, sink),
        Preset::Redhat240 => scale::redhat_240(pods, &mut draw, sink),
        Preset::CiliumNetpol => scale::cilium_netpol(pods, &mut draw, sink),
        Preset::AntreaXl => scale::antrea_xl(pods, sink),
        Preset::AntreaOneNs => scale::antrea_one_ns(pods, sink),
        Preset::CalicoSaas => scale::calico_saas(pods, &mut draw, sink),
        Preset::Enterprise
        | Preset::Live
        | Preset::Open
        | Preset::Templates
        | Preset::Dual
        | Preset::Admin => enterprise::generate(preset, pods, &mut draw, sink),
    }
}

/// Builds the cluster of a preset in memory.
///
/// # Errors
///
/// [`BuildError::TooManyPods`] above the limit of a cluster.
///
/// # Examples
///
/// ```
/// use netpol_bench::{Preset, cluster};
///
/// let cluster = cluster(Preset::Enterprise, 1_000, 1)?;
/// assert_eq!(cluster.pods().len(), 1_000);
/// # Ok::<(), netpol_core::model::BuildError>(())
/// ```
pub fn cluster(preset: Preset, pods: u32, seed: u64) -> Result<Cluster, BuildError> {
    let mut builder = Cluster::builder();
    let done = generate(preset, pods, seed, &mut |object| {
        add(&mut builder, object);
        Ok::<(), Infallible>(())
    });
    match done {
        Ok(()) => builder.build(),
    }
}

fn add(builder: &mut ClusterBuilder, object: Object) {
    match object {
        Object::Node(spec) => {
            builder.node(spec);
        }
        Object::Namespace(spec) => {
            builder.namespace(spec);
        }
        Object::Workload(spec) => builder.workload(spec),
        Object::Pod(spec) => builder.pod(spec),
        Object::Policy(draft) => {
            let namespace = draft.namespace.map(|n| builder.namespace_id(&n));
            builder.policy(Policy {
                kind: draft.kind,
                namespace,
                name: draft.name.into(),
                position: Position::new("<generated>", 0),
                spec: draft.spec,
            });
        }
    }
}
