//! The switches by which implementations differ.

/// How host-network pods are treated (`--host-network`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostNetwork {
    /// They are node traffic: never a subject, never matched by a pod or namespace selector (Decision D3).
    Node,
    /// They are ordinary pods.
    Policed,
}

/// Whether a NetworkPolicy `ipBlock` matches the addresses of pods (`--ip-block-pods`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpBlockPods {
    /// An `ipBlock` matches pod addresses too (Decision D6).
    Match,
    /// An `ipBlock` matches only addresses that are no pod's.
    Never,
}

/// What selectors say of the ingress controller, whose namespace and labels the input does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IngressControllerLabels {
    /// They may be any: a selector of everything matches, any other may or may not, and where that matters the verdict
    /// is `UNKNOWN`.
    Unknown,
    /// Neither the pod nor its namespace has any.
    Unlabelled,
}

/// What happens when policies of equal tier and priority disagree (`--tie-break`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TieBreak {
    /// The verdict is `AMBIGUOUS` where the possible orders differ (Decision D11).
    Ambiguous,
    /// The lower name is asked first; between kinds of equal name, the order of the kinds' names.
    Name,
}

/// How ICMP and other protocols without ports are judged, of which Kubernetes says nothing (networkpolicy-v1, Decision D15):
/// the simulator leaves them out, a datapath has to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpMode {
    /// As any connection, by the rules that say nothing about ports: such a rule with a matching peer decides, and what no
    /// rule of an isolated pod matches is denied.
    Policy,
    /// They are always allowed.
    Allow,
}

/// Everything but the input that may change a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own that implementations turn"
)]
pub struct Dialect {
    /// How host-network pods are treated.
    pub host_network: HostNetwork,
    /// Whether `ipBlock` matches pods with known or unknown addresses.
    pub ip_block_pods: IpBlockPods,
    /// Whether admin `networks` and `nodes` peers match pods (and node addresses of host-network pods).
    pub admin_networks_match_pods: bool,
    /// Whether traffic from a pod's own node to the pod is exempt (Decision D4).
    pub own_node_exempt: bool,
    /// Whether only IPv4 is judged.
    pub ipv4_only: bool,
    /// Whether init containers that restart always declare ports (Decision D16).
    pub restartable_init_ports: bool,
    /// What selectors say of the ingress controller.
    pub ingress_controller_labels: IngressControllerLabels,
    /// How ties of equal priority end.
    pub tie_break: TieBreak,
    /// How protocols without ports are judged.
    pub icmp: IcmpMode,
}

impl Dialect {
    /// The Kubernetes documentation, read literally, with the Decisions of networkpolicy-v1.
    pub const fn spec() -> Self {
        Self {
            host_network: HostNetwork::Node,
            ip_block_pods: IpBlockPods::Match,
            admin_networks_match_pods: true,
            own_node_exempt: true,
            ipv4_only: false,
            restartable_init_ports: true,
            ingress_controller_labels: IngressControllerLabels::Unknown,
            tie_break: TieBreak::Ambiguous,
            icmp: IcmpMode::Policy,
        }
    }

    /// What np-guard's netpol-analyzer does: host-network pods are policed, no `ipBlock`, `networks` or `nodes`
    /// peer ever matches a pod, no own-node exemption, IPv4 only, an ingress controller without labels.
    pub const fn np_guard() -> Self {
        Self {
            host_network: HostNetwork::Policed,
            ip_block_pods: IpBlockPods::Never,
            admin_networks_match_pods: false,
            own_node_exempt: false,
            ipv4_only: true,
            restartable_init_ports: false,
            ingress_controller_labels: IngressControllerLabels::Unlabelled,
            tie_break: TieBreak::Ambiguous,
            icmp: IcmpMode::Policy,
        }
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::spec()
    }
}
