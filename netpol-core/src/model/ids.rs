//! Newtype ids: dense positions in the tables of one [`Cluster`](super::Cluster), never mixed with `usize`.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns the position in its table.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// Makes the id of a position; a table never holds more than `u32::MAX` entries.
            pub(crate) fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).unwrap_or(u32::MAX))
            }
        }
    };
}

id! {
    /// Names one pod of a cluster.
    PodId
}
id! {
    /// Names one namespace of a cluster.
    NamespaceId
}
id! {
    /// Names one node of a cluster.
    NodeId
}
id! {
    /// Names one workload (Deployment, StatefulSet, bare Pod, ...) of a cluster.
    WorkloadId
}
id! {
    /// Names one Service of a cluster.
    ServiceId
}
id! {
    /// Names one Ingress or Route of a cluster.
    IngressId
}
id! {
    /// Names one policy of a cluster, of any family.
    PolicyId
}
id! {
    /// Names one interned label: a key with a value.
    LabelId
}
