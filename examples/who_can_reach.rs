//! Manifests of a directory, and the workloads that can reach one pod on one TCP port.
//!
//! ```text
//! cargo run -p netpol-core --example who_can_reach -- examples/six-policies data/database-0 5432
//! ```

use std::error::Error;
use std::io::{self, Write as _};

use netpol_core::model::{Cluster, Dialect, PodId, PortSet, Protocol, Verdict};
use netpol_core::reach::{End, Level, Question, Selection, Snapshot};
use netpol_core::sources::{LoadOptions, Source, load};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, pod, port] = &arguments[..] else {
        return Err("usage: who_can_reach DIRECTORY NAMESPACE/POD PORT".into());
    };

    let loaded = load(&[Source::Path(directory.into())], &LoadOptions::default());
    for problem in loaded.errors() {
        writeln!(io::stderr(), "{problem}")?;
    }
    let snapshot = Snapshot::new(loaded.cluster, Dialect::spec());
    let target = find(snapshot.cluster(), pod)?;

    let question = Question {
        from: Selection {
            pods: snapshot.cluster().pod_ids().map(|pod| pod.0).collect(),
            ..Selection::default()
        },
        to: Selection::pod(target),
        ports: PortSet::single(Protocol::Tcp, port.parse()?).into(),
        level: Level::Workload,
        explain: false,
        denied: false,
    };
    let answer = snapshot.ask(&question);

    let mut out = io::stdout().lock();
    writeln!(out, "{pod} on tcp/{port} is reachable from")?;
    for row in answer.rows.iter().filter(|row| row.verdict == Verdict::Allow) {
        writeln!(out, "  {} ({} of {} pods)", named(&snapshot, &row.src), row.matching, row.total)?;
    }
    Ok(())
}

fn find(cluster: &Cluster, path: &str) -> Result<PodId, String> {
    let (namespace, name) = path.split_once('/').ok_or("a pod is written NAMESPACE/POD")?;
    let found = cluster.find_namespace(namespace).and_then(|id| cluster.find_pod(id, name));
    found.ok_or_else(|| format!("no pod is called `{path}`"))
}

fn named(snapshot: &Snapshot, end: &End) -> String {
    let cluster = snapshot.cluster();
    match end {
        End::Workload(id) => {
            let workload = cluster.workload(*id);
            let namespace = &cluster.namespace(workload.namespace).name;
            format!("{namespace}/{}/{}", workload.kind.to_lowercase(), workload.name)
        }
        End::Pod(id) => {
            let pod = cluster.pod(*id);
            format!("{}/pod/{}", cluster.namespace(pod.namespace).name, pod.name)
        }
        End::Namespace(id) => cluster.namespace(*id).name.to_string(),
        End::External(addresses) => addresses.to_string(),
        End::Name(name) => name.to_string(),
        End::IngressController => "ingress-controller".to_owned(),
    }
}
