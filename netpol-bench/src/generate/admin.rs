//! Forty policies of kind ClusterNetworkPolicy on top of `enterprise`: both tiers, chains of Pass, networks, named ports.

use ipnet::IpNet;
use netpol_core::model::{
    Action, AdminPeer, AdminPolicySpec, AdminPort, AdminRule, PolicyKind, PolicySpec, Protocol,
    Selector, Subject, Tier,
};

use super::draw::Draw;
use super::enterprise::{ENVIRONMENTS, TEAMS};
use super::policies::{equals, everywhere4, net4, one_of, single};
use super::{Object, PolicyDraft, Sink};

const POLICIES_PER_TIER: u16 = 20;
const INGRESS_RULES: u32 = 13;
const EGRESS_RULES: u32 = 12;

/// Generates the policies, each with a priority of its own.
pub(super) fn policies<E>(draw: &mut Draw, sink: &mut Sink<'_, E>) -> Result<(), E> {
    for tier in [Tier::Admin, Tier::Baseline] {
        for number in 0..POLICIES_PER_TIER {
            let spec = AdminPolicySpec {
                tier,
                priority: Some(number * 10),
                subject: subject(number, draw),
                ingress: (0..INGRESS_RULES).map(|i| ingress_rule(i, draw)).collect(),
                egress: (0..EGRESS_RULES).map(|i| egress_rule(i, draw)).collect(),
            };
            let name = match tier {
                Tier::Admin => format!("admin-{number:02}"),
                Tier::Baseline => format!("baseline-{number:02}"),
            };
            sink(Object::Policy(PolicyDraft {
                kind: PolicyKind::ClusterNetworkPolicy,
                namespace: None,
                name,
                spec: PolicySpec::Admin(spec),
            }))?;
        }
    }
    Ok(())
}

/// Every fourth policy governs everyone; the others an environment, a component, some teams.
fn subject(number: u16, draw: &mut Draw) -> Subject {
    match number % 4 {
        0 => Subject::Namespaces(Selector::everything()),
        1 => Subject::Namespaces(equals("env", environment(draw))),
        2 => Subject::Pods {
            namespace_selector: Selector::everything(),
            pod_selector: equals("component", component(draw)),
        },
        _ => Subject::Namespaces(teams(draw)),
    }
}

/// The first rule of every policy passes a platform's traffic on, so that tiers chain; the others vary.
fn ingress_rule(index: u32, draw: &mut Draw) -> AdminRule {
    match index % 4 {
        0 => rule(Action::Pass, vec![AdminPeer::Namespaces(teams(draw))], ports(draw)),
        1 => rule(
            Action::Allow,
            vec![platform("monitoring")],
            vec![AdminPort::Name("metrics".into())],
        ),
        2 => rule(
            Action::Deny,
            vec![environment_peer(draw)],
            vec![AdminPort::Number(Protocol::Tcp, 22)],
        ),
        _ => rule(action(draw), vec![component_peer(draw), component_peer(draw)], ports(draw)),
    }
}

fn egress_rule(index: u32, draw: &mut Draw) -> AdminRule {
    match index % 4 {
        0 => rule(Action::Pass, vec![AdminPeer::Namespaces(teams(draw))], ports(draw)),
        1 => rule(action(draw), vec![AdminPeer::Networks(networks(draw))], numbered(draw)),
        2 => rule(Action::Pass, vec![component_peer(draw)], vec![AdminPort::Name("http".into())]),
        _ if index > 4 => rule(action(draw), vec![component_peer(draw)], ports(draw)),
        _ => rule(
            Action::Deny,
            vec![environment_peer(draw)],
            vec![AdminPort::Number(Protocol::Tcp, 22)],
        ),
    }
}

fn rule(action: Action, peers: Vec<AdminPeer>, ports: Vec<AdminPort>) -> AdminRule {
    AdminRule { name: None, action, peers, ports, line: 0 }
}

fn action(draw: &mut Draw) -> Action {
    [Action::Allow, Action::Deny, Action::Pass][draw.below(3) as usize]
}

fn environment(draw: &mut Draw) -> &'static str {
    ENVIRONMENTS[draw.below(3) as usize]
}

fn component(draw: &mut Draw) -> &'static str {
    ["frontend", "backend", "async", "cache", "database"][draw.below(5) as usize]
}

fn teams(draw: &mut Draw) -> Selector {
    one_of("team", draw.distinct(3, TEAMS).into_iter().map(|t| format!("team-{t:02}")))
}

fn platform(purpose: &str) -> AdminPeer {
    AdminPeer::Namespaces(equals("purpose", purpose))
}

fn environment_peer(draw: &mut Draw) -> AdminPeer {
    AdminPeer::Namespaces(equals("env", environment(draw)))
}

fn component_peer(draw: &mut Draw) -> AdminPeer {
    AdminPeer::Pods {
        namespace_selector: equals("env", environment(draw)),
        pod_selector: equals("component", component(draw)),
    }
}

/// Networks that hold all pods or none, so that they stay constants.
fn networks(draw: &mut Draw) -> Vec<IpNet> {
    match draw.below(8) {
        0 => vec![everywhere4()],
        1 => vec![single([169, 254, 169, 254].into())],
        _ => vec![net4(0xcb00_7100, 24), net4(0xc0a8_0000 + (draw.below(256) << 8), 24)],
    }
}

/// Any kind of port; a name is resolved on the destination pod.
fn ports(draw: &mut Draw) -> Vec<AdminPort> {
    match draw.below(3) {
        0 => vec![AdminPort::Name("http".into())],
        1 => vec![AdminPort::Name("metrics".into()), AdminPort::Number(Protocol::Udp, 53)],
        _ => numbered(draw),
    }
}

fn numbered(draw: &mut Draw) -> Vec<AdminPort> {
    match draw.below(3) {
        0 => vec![AdminPort::Number(Protocol::Tcp, 443), AdminPort::Number(Protocol::Tcp, 8443)],
        1 => vec![AdminPort::Range(Protocol::Tcp, 30_000, 32_767)],
        _ => vec![
            AdminPort::Number(Protocol::Tcp, 5432),
            AdminPort::Range(Protocol::Udp, 1024, 2047),
        ],
    }
}
