//! Ports, and the ports of Services.

use netpol_core::model::{PodId, PortSet, Protocol, ServiceId, ServicePort, TargetPort};
use netpol_core::reach::{AskedPorts, Selection};

use super::plan::Translation;
use super::scope::{Scope, Value};
use super::suggest;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::ast::{PortItem, Ports};
use crate::syntax::{Span, Spanned};

type Found<T> = Result<T, QueryError>;

impl Scope<'_> {
    /// Looks up ports; a name that no destination declares is an error.
    pub(super) fn ports(&self, ports: &Ports, to: &Selection) -> Found<AskedPorts> {
        let asked = self.port_items(ports)?;
        for item in &ports.items {
            if let PortItem::Name(name) = &item.node {
                self.declared(name, item.span, to)?;
            }
        }
        Ok(asked)
    }

    /// Looks up ports without a destination at hand.
    pub(super) fn port_items(&self, ports: &Ports) -> Found<AskedPorts> {
        let mut asked: AskedPorts = PortSet::none().into();
        for item in &ports.items {
            let set = match &item.node {
                PortItem::Any => PortSet::all(),
                PortItem::Protocol(protocol) => PortSet::protocol(*protocol),
                PortItem::Range(protocol, from, to) => PortSet::range(*protocol, *from..=*to),
                PortItem::Name(name) => {
                    asked.names.push(name.as_str().into());
                    PortSet::none()
                }
                PortItem::Variable(name) => {
                    let other = self.port_variable(name, item.span)?;
                    asked.names.extend(other.names);
                    other.numbers
                }
            };
            asked.numbers = asked.numbers.union(&set);
        }
        asked.names.sort();
        asked.names.dedup();
        Ok(asked)
    }

    fn port_variable(&self, name: &str, span: Span) -> Found<AskedPorts> {
        match self.variables.get(name) {
            Some(Value::Ports(ports)) => Ok(ports.clone()),
            Some(Value::Endpoints(_)) => {
                let message = format!("`${name}` stands for endpoints, not for ports");
                let help = format!("define it as ports: `let ${name} = ports tcp/80`");
                Err(QueryError::at(ErrorCode::Usage, span, message).help(help))
            }
            Some(Value::Lost(why)) => Err(Self::lost(name, why, span)),
            None => Err(self.no_variable(name, span)),
        }
    }

    fn declared(&self, name: &str, span: Span, to: &Selection) -> Found<()> {
        let names = || {
            let pods = to.pods.iter().map(PodId);
            pods.flat_map(|p| self.cluster.pod(p).ports.iter().filter_map(|c| c.name.as_deref()))
        };
        if self.may_be_empty || names().any(|n| n == name) {
            return Ok(());
        }
        let near = suggest::nearest(name, names().map(|n| (n, ())));
        let help = match near {
            Some((near, ())) => format!("did you mean `{near}`?"),
            None => "a port name is one that a container of the destination declares; numbers always work".into(),
        };
        let message = format!("no container of the destination declares a port called `{name}`");
        Err(QueryError::at(ErrorCode::NoSuchEndpoint, span, message).help(help))
    }

    /// Translates a Service's port into the ports of the pods behind it: the pods by the port that it means there.
    pub(super) fn translation(
        &self,
        service: ServiceId,
        port: &Spanned<String>,
    ) -> Found<Translation> {
        let facts = self.cluster.service(service);
        let wanted: Vec<&ServicePort> = facts
            .ports
            .iter()
            .filter(|p| match port.node.parse::<u16>() {
                Ok(number) => p.port == number,
                Err(_) => p.name.as_deref() == Some(port.node.as_str()),
            })
            .collect();
        if wanted.is_empty() {
            let known: Vec<String> = facts.ports.iter().map(describe).collect();
            let message = format!("the Service `{}` has no port {}", facts.name, port.node);
            let help = if known.is_empty() {
                "it declares no ports".to_owned()
            } else {
                format!("its ports are {}", known.join(", "))
            };
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, port.span, message).help(help));
        }
        let mut parts: Vec<(PortSet, Vec<PodId>)> = Vec::new();
        for pod in self.cluster.service_pods(service) {
            let ports = wanted
                .iter()
                .fold(PortSet::none(), |set, p| set.union(&self.cluster.target_port(pod, p)));
            match parts.iter_mut().find(|(known, _)| *known == ports) {
                Some((_, pods)) => pods.push(pod),
                None => parts.push((ports, vec![pod])),
            }
        }
        if parts.iter().all(|(ports, _)| ports.is_empty()) && !self.may_be_empty {
            let target = |p: &&ServicePort| match &p.target {
                TargetPort::Name(name) => format!("`{name}`"),
                TargetPort::Number(number) => number.to_string(),
            };
            let targets: Vec<String> = wanted.iter().map(target).collect();
            let message = format!(
                "the Service `{}` leads nowhere on port {}: none of its pods declares {}",
                facts.name,
                port.node,
                targets.join(", ")
            );
            let help = "name the port in the containers' `ports`, or correct `targetPort`";
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, port.span, message).help(help));
        }
        Ok(Translation { service, port: port.node.clone(), parts })
    }
}

fn describe(port: &ServicePort) -> String {
    let protocol = if port.protocol == Protocol::Tcp {
        String::new()
    } else {
        format!("{}/", port.protocol.as_str().to_ascii_lowercase())
    };
    match &port.name {
        Some(name) => format!("{protocol}{} ({name})", port.port),
        None => format!("{protocol}{}", port.port),
    }
}
