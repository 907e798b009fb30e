//! The Kubernetes shapes of what is no policy, as far as they are used; all other fields are skipped unread.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// Text that was written as text: the serde reader would also take `80` and `null` for strings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Text(pub(super) Box<str>);

/// The name by which [`Text`] asks a deserializer; a tree then names the scalar that is no text.
pub(super) const TEXT: &str = "value";
/// The same for the keys and values of labels.
pub(super) const LABEL: &str = "label";

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TEXT, OfText).map(Self)
    }
}

struct Label(Box<str>);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(LABEL, OfText).map(Self)
    }
}

struct OfText;

impl<'de> Visitor<'de> for OfText {
    type Value = Box<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Box<str>, E> {
        Ok(text.into())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Box<str>, D::Error> {
        inner.deserialize_any(self)
    }
}

/// A port by number or name; what it is depends on how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IntOrText {
    Int(i64),
    Text(Box<str>),
}

impl<'de> Deserialize<'de> for IntOrText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = IntOrText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a name")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<IntOrText, E> {
                Ok(IntOrText::Int(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<IntOrText, E> {
                Ok(IntOrText::Int(i64::try_from(value).unwrap_or(i64::MAX)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<IntOrText, E> {
                Ok(IntOrText::Text(text.into()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Labels in their order; a key that stands twice is refused.
#[derive(Clone, Debug, Default)]
pub(super) struct LabelMap(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for LabelMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = LabelMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_unit<E: Error>(self) -> Result<LabelMap, E> {
                Ok(LabelMap::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelMap, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<Label, Label>()? {
                    if pairs.len() < 64 && pairs.iter().any(|p| *p.0 == *key.0) {
                        return Err(A::Error::custom(format_args!(
                            "the label `{}` stands here twice",
                            key.0
                        )));
                    }
                    pairs.push((key.0.into(), value.0.into()));
                }
                pairs.sort_unstable();
                match pairs.windows(2).find(|w| w.first().map(|p| &p.0) == w.last().map(|p| &p.0)) {
                    Some(_) => Err(A::Error::custom("a label stands here twice")),
                    None => Ok(LabelMap(pairs)),
                }
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

/// A list in which null is an absent list.
#[derive(Clone, Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Vec<T>>::deserialize(deserializer).map(|list| Self(list.unwrap_or_default()))
    }
}

/// A mapping in which null is an absent mapping.
#[derive(Clone, Debug, Default)]
pub(super) struct Part<T>(pub(super) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|part| Self(part.unwrap_or_default()))
    }
}

/// What every object says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Claim {
    pub(super) api_version: Option<Text>,
    pub(super) kind: Option<Text>,
    pub(super) items: Option<IgnoredAny>,
    pub(super) metadata: Option<IgnoredAny>,
}

/// An object with a `spec` and a `status` of its kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object<S, T> {
    #[serde(default)]
    pub(super) api_version: Option<Text>,
    #[serde(default)]
    pub(super) kind: Option<Text>,
    #[serde(default)]
    pub(super) metadata: Part<Metadata>,
    #[serde(default = "Part::default", bound(deserialize = "Part<S>: Default + Deserialize<'de>"))]
    pub(super) spec: Part<S>,
    #[serde(default = "Part::default", bound(deserialize = "Part<T>: Default + Deserialize<'de>"))]
    pub(super) status: Part<T>,
}

/// Nothing that is used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unused;

impl<'de> Deserialize<'de> for Unused {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: Option<Text>,
    pub(super) generate_name: Option<Text>,
    pub(super) namespace: Option<Text>,
    pub(super) labels: LabelMap,
    pub(super) owner_references: List<OwnerReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OwnerReference {
    pub(super) kind: Option<Text>,
    pub(super) name: Option<Text>,
    pub(super) controller: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeSpecMirror {
    #[serde(rename = "podCIDR")]
    pub(super) pod_cidr: Option<Text>,
    #[serde(rename = "podCIDRs")]
    pub(super) pod_cidrs: List<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeStatus {
    pub(super) addresses: List<NodeAddress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeAddress {
    pub(super) address: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodSpecMirror {
    pub(super) containers: List<Container>,
    pub(super) init_containers: List<Container>,
    pub(super) host_network: Option<bool>,
    pub(super) node_name: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Container {
    pub(super) ports: List<ContainerPortMirror>,
    pub(super) restart_policy: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerPortMirror {
    pub(super) name: Option<Text>,
    pub(super) container_port: Option<i64>,
    pub(super) protocol: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodStatus {
    pub(super) phase: Option<Text>,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<Text>,
    #[serde(rename = "podIPs")]
    pub(super) pod_ips: List<IpEntry>,
    #[serde(rename = "hostIP")]
    pub(super) host_ip: Option<Text>,
    #[serde(rename = "hostIPs")]
    pub(super) host_ips: List<IpEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IpEntry {
    pub(super) ip: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WorkloadSpecMirror {
    pub(super) replicas: Option<i64>,
    pub(super) template: Part<TemplateMirror>,
    pub(super) job_template: Part<JobTemplate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WorkloadStatus {
    pub(super) conditions: List<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    pub(super) status: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JobTemplate {
    pub(super) spec: Part<JobSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JobSpec {
    pub(super) template: Part<TemplateMirror>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TemplateMirror {
    pub(super) metadata: Part<Metadata>,
    pub(super) spec: Part<PodSpecMirror>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ServiceSpecMirror {
    #[serde(rename = "type")]
    pub(super) service_type: Option<Text>,
    pub(super) selector: LabelMap,
    #[serde(rename = "clusterIP")]
    pub(super) cluster_ip: Option<Text>,
    #[serde(rename = "clusterIPs")]
    pub(super) cluster_ips: List<Text>,
    pub(super) ports: List<ServicePortMirror>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ServicePortMirror {
    pub(super) name: Option<Text>,
    pub(super) protocol: Option<Text>,
    pub(super) port: Option<i64>,
    pub(super) target_port: Option<IntOrText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct IngressSpecMirror {
    pub(super) default_backend: Part<IngressBackendMirror>,
    pub(super) rules: List<IngressRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IngressRule {
    pub(super) http: Part<HttpRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HttpRule {
    pub(super) paths: List<HttpPath>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HttpPath {
    pub(super) backend: Part<IngressBackendMirror>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IngressBackendMirror {
    pub(super) service: Option<IngressServiceMirror>,
    pub(super) resource: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IngressServiceMirror {
    pub(super) name: Option<Text>,
    pub(super) port: Part<IngressPort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IngressPort {
    pub(super) number: Option<i64>,
    pub(super) name: Option<Text>,
}

/// An object by kind and name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) kind: Option<Text>,
    pub(super) name: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RouteSpecMirror {
    pub(super) to: Part<Reference>,
    pub(super) alternate_backends: List<Reference>,
    pub(super) port: Part<RoutePort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RoutePort {
    pub(super) target_port: Option<IntOrText>,
}
