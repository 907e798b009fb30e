//! Ingress and Route objects. They never are an error: what cannot be used of them is a warning.

use super::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use super::mirrors::{
    IngressBackendMirror, IngressPort, IngressSpecMirror, IntOrText, Reference, RouteSpecMirror,
    Text,
};
use super::objects::Body;
use super::tree::clip;
use crate::model::{
    BackendPort, BackendState, Cluster, Ingress, IngressBackend, IngressKind, IngressSpec,
};

/// Reads to which Services an Ingress leads.
pub(super) fn of_ingress(spec: IngressSpecMirror) -> Body {
    let mut draft = Draft::default();
    let paths = spec.rules.0.into_iter().flat_map(|rule| rule.http.0.paths.0);
    let backends = paths.map(|path| path.backend.0);
    for backend in [spec.default_backend.0].into_iter().chain(backends) {
        draft.ingress(backend);
    }
    draft.body(IngressKind::Ingress)
}

/// Reads to which Services a Route leads.
pub(super) fn of_route(spec: RouteSpecMirror) -> Body {
    let mut draft = Draft::default();
    let port = match spec.port.0.target_port {
        None => Some(BackendPort::Any),
        Some(IntOrText::Int(number)) => number_of(number),
        Some(IntOrText::Text(name)) => Some(BackendPort::Name(name)),
    };
    for target in [spec.to.0].into_iter().chain(spec.alternate_backends.0) {
        draft.route(&target, port.as_ref());
    }
    draft.body(IngressKind::Route)
}

fn number_of(number: i64) -> Option<BackendPort> {
    u16::try_from(number).ok().filter(|n| *n > 0).map(BackendPort::Number)
}

fn text(text: Option<&Text>) -> &str {
    text.map_or("", |t| &t.0)
}

/// What one object names.
#[derive(Default)]
struct Draft {
    backends: Vec<(String, BackendPort)>,
    unused: Vec<String>,
}

impl Draft {
    fn ingress(&mut self, backend: IngressBackendMirror) {
        if let Some(Reference { kind, name }) = backend.resource {
            let (kind, name) = (clip(text(kind.as_ref())), clip(text(name.as_ref())));
            self.unused.push(format!("the backend {kind} `{name}` is no Service, it was skipped"));
        }
        let Some(service) = backend.service else { return };
        let name = text(service.name.as_ref());
        let port = match service.port.0 {
            IngressPort { name: Some(name), .. } if !name.0.is_empty() => {
                Some(BackendPort::Name(name.0))
            }
            IngressPort { number, .. } => number.and_then(number_of),
        };
        self.add(name, port);
    }

    fn route(&mut self, target: &Reference, port: Option<&BackendPort>) {
        let (kind, name) = (text(target.kind.as_ref()), text(target.name.as_ref()));
        if !matches!(kind, "" | "Service") {
            let (kind, name) = (clip(kind), clip(name));
            self.unused.push(format!("the backend {kind} `{name}` is no Service, it was skipped"));
            return;
        }
        self.add(name, port.cloned());
    }

    fn add(&mut self, name: &str, port: Option<BackendPort>) {
        match port {
            _ if name.is_empty() => {
                self.unused.push("a backend names no Service, it was skipped".into());
            }
            None => {
                let message = format!("the backend `{}` names no port, it was skipped", clip(name));
                self.unused.push(message);
            }
            Some(port) => {
                let backend = (name.to_owned(), port);
                if !self.backends.contains(&backend) {
                    self.backends.push(backend);
                }
            }
        }
    }

    fn body(self, kind: IngressKind) -> Body {
        let spec = IngressSpec { kind, backends: self.backends, ..IngressSpec::default() };
        Body::Ingress(spec, self.unused)
    }
}

/// Warns of backends that lead to no pod, or only by a lenient reading.
pub(super) fn warnings(cluster: &Cluster) -> impl Iterator<Item = Diagnostic> {
    cluster.ingresses().iter().flat_map(|ingress| {
        ingress.backends.iter().filter_map(move |backend| warning(ingress, backend))
    })
}

fn warning(ingress: &Ingress, backend: &IngressBackend) -> Option<Diagnostic> {
    let service = format!("the Service `{}`", clip(&backend.service));
    let port = match &backend.port {
        BackendPort::Any => "TCP port".to_owned(),
        BackendPort::Number(number) => format!("TCP port {number}"),
        BackendPort::Name(name) => format!("TCP port `{}`", clip(name)),
    };
    let (message, help) = match backend.state {
        BackendState::Leads => return None,
        BackendState::Leniently => {
            let (said, meant) = match ingress.kind {
                IngressKind::Ingress => ("target port", "its own port"),
                IngressKind::Route => ("own port", "the target port"),
            };
            let message = format!("{port} is a {said} of {service}, where {meant} is expected");
            (message, "it was read as meant, as common controllers do")
        }
        BackendState::NoService => {
            let message =
                format!("{service} is not in the input, so that this backend leads nowhere");
            (message, "add the Service's manifest to the input")
        }
        BackendState::NoPort => {
            let message = format!("{service} has no {port}, so that this backend leads nowhere");
            (message, "name one of the Service's ports")
        }
        BackendState::NoPods => {
            let message = format!(
                "{service} selects no pod of the input, so that this backend leads nowhere"
            );
            (message, "a Service without selector, or an ExternalName, leads to no pod")
        }
    };
    let kind = ingress.kind.as_str().to_ascii_lowercase();
    Some(Diagnostic {
        severity: Severity::Warning,
        code: DiagnosticCode::IngressBackend,
        message,
        object: Some(format!("{}/{kind}/{}", clip(&ingress.namespace), clip(&ingress.name))),
        position: Some(ingress.position.clone()),
        help: Some(help.to_owned()),
    })
}
