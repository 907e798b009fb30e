//! Engine-neutral cases: manifests, a dialect, and the verdicts that every evaluator must give.
//!
//! A file holds a list of cases. Ends are `namespace/pod`, an address, `fqdn:name` or `ingress-controller`; `*` is every pod and `ns/*` every
//! pod of a namespace, each without pairs of a pod with itself; several ends or ports are separated by spaces.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;

use crate::model::{
    Cluster, Dialect, Families, Family, Flow, HostNetwork, IpBlockPods, Peer, PodId, Protocol,
    TieBreak, Verdict,
};
use crate::sources::{LoadOptions, Loaded, Severity, Source, load};

/// An evaluator with its name.
#[derive(Clone, Copy, Debug)]
pub struct Oracle {
    /// How a failure names it.
    pub name: &'static str,
    /// Judges one flow.
    pub verdict: fn(&Cluster, Dialect, &Flow) -> Verdict,
}

/// One case of the corpus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What must hold, as a sentence; unique within a file.
    pub name: String,
    /// The place in the specification that says so.
    pub why: String,
    /// The documents of the cluster.
    pub manifests: String,
    /// How they are read.
    #[serde(default)]
    pub options: Options,
    /// Which dialect judges.
    #[serde(default)]
    pub dialect: DialectOptions,
    /// The codes of the errors that loading must report; none means that it must succeed.
    #[serde(default)]
    pub errors: Vec<String>,
    /// The codes of warnings and notes that loading must report among others.
    #[serde(default)]
    pub reports: Vec<String>,
    /// Verdicts, line by line.
    #[serde(default)]
    pub flows: Vec<FlowLine>,
    /// Verdicts of all ordered pairs of pods.
    #[serde(default)]
    pub matrices: Vec<Matrix>,
}

/// Command-line options that concern loading.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--pod-cidr`.
    #[serde(default)]
    pub pod_cidrs: Vec<String>,
    /// `--fqdn`.
    #[serde(default)]
    pub domains: BTreeMap<String, Vec<IpAddr>>,
}

/// Command-line options that concern the dialect.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialectOptions {
    /// `spec` (default) or `np-guard`.
    pub base: Option<String>,
    /// `node` or `policed`.
    pub host_network: Option<String>,
    /// `match` or `never`.
    pub ip_block_pods: Option<String>,
    /// `name`.
    pub tie_break: Option<String>,
}

/// Flows that have one verdict.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowLine {
    /// Who connects.
    pub from: String,
    /// To whom.
    pub to: String,
    /// On which ports, such as `tcp/80`.
    pub on: String,
    /// `IPv4` or `IPv6`; without it, every family that both ends have.
    pub family: Option<String>,
    /// `ALLOW`, `DENY`, `UNKNOWN` or `AMBIGUOUS`.
    pub verdict: String,
}

/// The verdicts of all ordered pairs of pods on some ports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// On which ports.
    pub on: String,
    /// Everything is allowed but what these lines say, such as `DENY x/* -> y/a`; a later line overrides an earlier one.
    pub steps: Vec<String>,
}

/// What is expected of the flows of one cluster.
type Expectations = Vec<(Flow, Verdict)>;

impl Case {
    /// Reads the cases of a file.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn parse(text: &[u8]) -> Result<Vec<Self>, String> {
        serde_yaml::from_slice(text).map_err(|e| e.to_string())
    }

    /// Asks every oracle about every flow and lists what is wrong; empty where all is well.
    pub fn check(&self, oracles: &[Oracle]) -> Vec<String> {
        let mut failures = Vec::new();
        match self.load() {
            Ok(loaded) => {
                failures.extend(self.check_diagnostics(&loaded));
                match self.expectations(&loaded.cluster) {
                    Ok((dialect, expectations)) => failures.extend(check_verdicts(
                        oracles,
                        &loaded.cluster,
                        dialect,
                        &expectations,
                    )),
                    Err(message) => failures.push(message),
                }
            }
            Err(message) => failures.push(message),
        }
        failures.into_iter().map(|f| format!("{}: {f}", self.name)).collect()
    }

    fn load(&self) -> Result<Loaded, String> {
        let np_guard = self.dialect.base.as_deref() == Some("np-guard");
        let cidrs = self.options.pod_cidrs.iter();
        let options = LoadOptions {
            namespace: self.options.namespace.clone(),
            np_guard,
            pod_cidrs: cidrs
                .map(|c| c.parse().map_err(|e| format!("`{c}`: {e}")))
                .collect::<Result<_, _>>()?,
            domains: self.options.domains.clone().into_iter().collect(),
        };
        let bytes = self.manifests.as_bytes().into();
        Ok(load(&[Source::Bytes { name: "case.yaml".into(), bytes }], &options))
    }

    fn check_diagnostics(&self, loaded: &Loaded) -> Vec<String> {
        let codes = |is_error: bool| -> BTreeSet<&str> {
            let diagnostics = loaded.diagnostics.iter();
            diagnostics
                .filter(|d| (d.severity == Severity::Error) == is_error)
                .map(|d| d.code.as_str())
                .collect()
        };
        let mut failures = Vec::new();
        let expected: BTreeSet<&str> = self.errors.iter().map(String::as_str).collect();
        if codes(true) != expected {
            let found: Vec<String> = loaded.errors().map(ToString::to_string).collect();
            failures.push(format!("errors {expected:?} were expected, found {found:?}"));
        }
        for code in &self.reports {
            if !codes(false).contains(code.as_str()) {
                let found: Vec<String> =
                    loaded.diagnostics.iter().map(ToString::to_string).collect();
                failures.push(format!("`{code}` was not reported, only {found:?}"));
            }
        }
        failures
    }

    fn expectations(&self, cluster: &Cluster) -> Result<(Dialect, Expectations), String> {
        let dialect = self.dialect.dialect()?;
        let mut all = Vec::new();
        for line in &self.flows {
            let verdict = parse_verdict(&line.verdict)?;
            let families = line.family.as_deref().map(parse_family).transpose()?;
            let flows = flows(cluster, dialect, [&line.from, &line.to], &line.on)?;
            let before = all.len();
            let flows = flows.into_iter().filter(|f| families.is_none_or(|x| x == f.family));
            all.extend(flows.map(|flow| (flow, verdict)));
            if all.len() == before {
                return Err(format!("no flow from {} to {}", line.from, line.to));
            }
        }
        for matrix in &self.matrices {
            all.extend(matrix.expectations(cluster, dialect)?);
        }
        Ok((dialect, all))
    }
}

fn check_verdicts(
    oracles: &[Oracle],
    cluster: &Cluster,
    dialect: Dialect,
    expectations: &Expectations,
) -> Vec<String> {
    let mut failures = Vec::new();
    for oracle in oracles {
        for (flow, expected) in expectations {
            let verdict = (oracle.verdict)(cluster, dialect, flow);
            if verdict != *expected {
                let flow = describe(cluster, flow);
                failures.push(format!("{} says {verdict}, not {expected}: {flow}", oracle.name));
            }
        }
    }
    failures
}

impl DialectOptions {
    fn dialect(&self) -> Result<Dialect, String> {
        let mut dialect = match self.base.as_deref() {
            None | Some("spec") => Dialect::spec(),
            Some("np-guard") => Dialect::np_guard(),
            Some(other) => return Err(format!("`{other}` is no dialect")),
        };
        match self.host_network.as_deref() {
            None => {}
            Some("node") => dialect.host_network = HostNetwork::Node,
            Some("policed") => dialect.host_network = HostNetwork::Policed,
            Some(other) => return Err(format!("`{other}` is not for host_network")),
        }
        match self.ip_block_pods.as_deref() {
            None => {}
            Some("match") => dialect.ip_block_pods = IpBlockPods::Match,
            Some("never") => dialect.ip_block_pods = IpBlockPods::Never,
            Some(other) => return Err(format!("`{other}` is not for ip_block_pods")),
        }
        match self.tie_break.as_deref() {
            None => {}
            Some("name") => dialect.tie_break = TieBreak::Name,
            Some(other) => return Err(format!("`{other}` is not for tie_break")),
        }
        Ok(dialect)
    }
}

impl Matrix {
    fn expectations(&self, cluster: &Cluster, dialect: Dialect) -> Result<Expectations, String> {
        let all = flows(cluster, dialect, ["*", "*"], &self.on)?;
        let mut expectations: Expectations =
            all.into_iter().map(|flow| (flow, Verdict::Allow)).collect();
        for step in &self.steps {
            let wrong = || format!("`{step}` is not like `DENY x/a -> y/*`");
            let (verdict, ends) = step.split_once(' ').ok_or_else(wrong)?;
            let (from, to) = ends.split_once(" -> ").ok_or_else(wrong)?;
            let verdict = parse_verdict(verdict)?;
            let changed = flows(cluster, dialect, [from, to], &self.on)?;
            for (flow, expected) in &mut expectations {
                if changed.contains(flow) {
                    *expected = verdict;
                }
            }
        }
        Ok(expectations)
    }
}

/// Lists the flows from each end of one list to each end of another, in every family that both have.
fn flows(
    cluster: &Cluster,
    dialect: Dialect,
    [from, to]: [&str; 2],
    on: &str,
) -> Result<Vec<Flow>, String> {
    let skips_self = from.contains('*') || to.contains('*');
    let (sources, destinations) = (parse_ends(cluster, from)?, parse_ends(cluster, to)?);
    let ports: Vec<_> = on.split_whitespace().map(parse_port).collect::<Result<_, _>>()?;
    let judged = Families { v4: true, v6: !dialect.ipv4_only };
    let mut flows = Vec::new();
    for src in &sources {
        for dst in &destinations {
            if skips_self && src == dst {
                continue;
            }
            let families = families_of(cluster, src).and(families_of(cluster, dst)).and(judged);
            for (protocol, port) in &ports {
                flows.extend(families.iter().map(|family| Flow {
                    src: src.clone(),
                    dst: dst.clone(),
                    protocol: *protocol,
                    port: *port,
                    family,
                }));
            }
        }
    }
    Ok(flows)
}

fn families_of(cluster: &Cluster, end: &Peer) -> Families {
    match end {
        Peer::Pod(pod) => cluster.pod_families(*pod),
        Peer::Address(address) => [Family::of(*address)].into_iter().collect(),
        Peer::Name(_) => Families { v4: true, v6: true },
        Peer::IngressController => cluster.families(),
    }
}

fn parse_ends(cluster: &Cluster, text: &str) -> Result<Vec<Peer>, String> {
    let mut ends = Vec::new();
    for word in text.split_whitespace() {
        if word == "ingress-controller" {
            ends.push(Peer::IngressController);
        } else if let Some(name) = word.strip_prefix("fqdn:") {
            ends.push(Peer::Name(name.into()));
        } else if let Ok(address) = word.parse() {
            ends.push(Peer::Address(address));
        } else {
            let pods = cluster.pod_ids().filter(|pod| pod_is(cluster, *pod, word));
            let before = ends.len();
            ends.extend(pods.map(Peer::Pod));
            if ends.len() == before {
                return Err(format!("`{word}` is no end of this cluster"));
            }
        }
    }
    Ok(ends)
}

fn pod_is(cluster: &Cluster, pod: PodId, word: &str) -> bool {
    let pod = cluster.pod(pod);
    let namespace = &cluster.namespace(pod.namespace).name;
    match word.split_once('/') {
        Some((wanted, name)) => **namespace == *wanted && (name == "*" || *pod.name == *name),
        None => word == "*",
    }
}

fn parse_port(text: &str) -> Result<(Protocol, u16), String> {
    let wrong = || format!("`{text}` is not like `tcp/80`");
    let (protocol, port) = text.split_once('/').ok_or_else(wrong)?;
    let protocol = protocol.to_ascii_uppercase().parse().map_err(|()| wrong())?;
    let port = port.parse().map_err(|e| format!("`{text}`: {e}"))?;
    Ok((protocol, port))
}

fn parse_family(text: &str) -> Result<Family, String> {
    let mut families = Family::ALL.into_iter();
    families.find(|f| f.as_str() == text).ok_or_else(|| format!("`{text}` is no family"))
}

fn parse_verdict(text: &str) -> Result<Verdict, String> {
    let verdicts = [Verdict::Allow, Verdict::Deny, Verdict::Unknown, Verdict::Ambiguous];
    let mut verdicts = verdicts.into_iter();
    verdicts.find(|v| v.as_str() == text).ok_or_else(|| format!("`{text}` is no verdict"))
}

/// Writes a flow as a person would.
pub fn describe(cluster: &Cluster, flow: &Flow) -> String {
    let end = |peer: &Peer| match peer {
        Peer::Pod(pod) => {
            let pod = cluster.pod(*pod);
            format!("{}/{}", cluster.namespace(pod.namespace).name, pod.name)
        }
        Peer::Address(address) => address.to_string(),
        Peer::Name(name) => format!("fqdn:{name}"),
        Peer::IngressController => "ingress-controller".into(),
    };
    let protocol = flow.protocol.as_str().to_ascii_lowercase();
    let (src, dst) = (end(&flow.src), end(&flow.dst));
    format!("{src} -> {dst} on {protocol}/{} ({})", flow.port, flow.family)
}
