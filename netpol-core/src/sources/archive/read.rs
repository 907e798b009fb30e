//! The bytes of a snapshot file into what was loaded.

use serde::Deserialize;

use super::blocks::{self, Places, Said};
use super::check;
use super::frame::{self, Refused};
use super::pods;
use super::rows::{FindingBlock, Head, LabelBlock, ObjectBlock, PodBlock, PolicyRead};
use crate::model::cluster::{MAX_PODS, Tables};
use crate::model::{Cluster, LabelTable, Pod, Policy, Position};
use crate::sources::parallel;
use crate::sources::{Diagnostic, DiagnosticCode, LoadOptions, Loaded, Severity};

/// Reads a file of this name.
pub(in crate::sources) fn read(file: &str, bytes: &[u8], options: &LoadOptions) -> Loaded {
    match loaded(bytes, options) {
        Ok(loaded) => with_notes(loaded, file, options),
        Err(Refused { message, help }) => {
            let code = (Severity::Error, DiagnosticCode::Unreadable);
            let diagnostics = vec![finding(file, code, message, help)];
            let (cluster, remarks, completed) = <(Cluster, Vec<_>, Vec<_>)>::default();
            Loaded { cluster, diagnostics, remarks, completed }
        }
    }
}

fn finding(
    file: &str,
    (severity, code): (Severity, DiagnosticCode),
    message: String,
    help: &str,
) -> Diagnostic {
    Diagnostic {
        severity,
        code,
        message,
        object: None,
        position: Some(Position::new(file, 0)),
        help: Some(help.to_owned()),
    }
}

/// Says where manifests would be read otherwise than they were for this file: leniently, or not.
fn with_notes(mut loaded: Loaded, file: &str, options: &LoadOptions) -> Loaded {
    let lenient = loaded.diagnostics.iter().filter(|d| d.code == DiagnosticCode::Lenient).count();
    let errors = loaded.errors().count();
    if lenient > 0 && !options.np_guard {
        let objects = if lenient == 1 { "an object" } else { "objects" };
        let message =
            format!("the snapshot file holds {objects} that `--dialect np-guard` alone reads");
        let help = "give the same dialect, or write it again from the manifests";
        let code = (Severity::Error, DiagnosticCode::InvalidValue);
        loaded.diagnostics.push(finding(file, code, message, help));
    }
    if lenient == 0 && errors > 0 && options.np_guard {
        let message = "the snapshot file was written without what had errors, some of which \
                       `--dialect np-guard` may read"
            .to_owned();
        let help = "write it again from the manifests with that dialect";
        let code = (Severity::Warning, DiagnosticCode::Lenient);
        loaded.diagnostics.push(finding(file, code, message, help));
    }
    loaded
}

/// One block, apart from others.
enum Block<'a> {
    Labels(&'a [u8]),
    Objects(&'a [u8]),
    Findings(&'a [u8]),
    Policies(&'a [u8]),
    Pods(&'a [u8]),
}

/// What a block holds.
enum Part {
    Labels(LabelTable),
    Objects(Box<Tables>),
    Findings(Said),
    Policies(Vec<Policy>),
    Pods(Vec<Pod>),
}

fn loaded(bytes: &[u8], options: &LoadOptions) -> Result<Loaded, Refused> {
    let body = frame::unwrap(bytes)?;
    let (head, rest) = postcard::take_from_bytes::<Head<'_>>(body)
        .map_err(|error| Refused::malformed(format!("its head: {error}")))?;
    let blocks = split(&head, rest)?;
    let places = Places::new(&head.files);
    let parts = parallel::map(&blocks, |block| part(block, &places));
    let (mut tables, said) = joined(parts)?;
    check::tables(&mut tables)?;
    add_options(&mut tables, options);
    let (remarks, diagnostics) = said.findings.into_iter().partition(|d| d.code.is_for_lint());
    let cluster = Cluster::of_tables(tables);
    Ok(Loaded { cluster, diagnostics, remarks, completed: said.completed })
}

/// Cuts what follows the head into its blocks; the large ones come first, since they take longest.
fn split<'a>(head: &Head<'_>, mut rest: &'a [u8]) -> Result<Vec<Block<'a>>, Refused> {
    let mut take = |length: u32| {
        let (block, later) = rest
            .split_at_checked(length as usize)
            .ok_or_else(|| Refused::malformed("a block is longer than the file"))?;
        rest = later;
        Ok(block)
    };
    let mut blocks = vec![
        Block::Labels(take(head.labels)?),
        Block::Objects(take(head.objects)?),
        Block::Findings(take(head.findings)?),
    ];
    for length in &head.policies {
        blocks.push(Block::Policies(take(*length)?));
    }
    for length in &head.pods {
        blocks.push(Block::Pods(take(*length)?));
    }
    if rest.is_empty() {
        Ok(blocks)
    } else {
        Err(Refused::malformed("something follows the last block"))
    }
}

/// Reads a block, of which nothing may be left.
fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, Refused> {
    let (value, rest) = postcard::take_from_bytes::<T>(bytes)
        .map_err(|error| Refused::malformed(format!("its {what}: {error}")))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(Refused::malformed(format!("something follows its {what}")))
    }
}

fn part(block: &Block<'_>, places: &Places) -> Result<Part, Refused> {
    Ok(match block {
        Block::Labels(bytes) => {
            Part::Labels(blocks::labels(&whole::<LabelBlock<'_>>(bytes, "labels")?)?)
        }
        Block::Objects(bytes) => {
            let block = whole::<ObjectBlock<'_>>(bytes, "objects")?;
            Part::Objects(Box::new(blocks::objects(block, places)?))
        }
        Block::Findings(bytes) => {
            Part::Findings(blocks::said(whole::<FindingBlock<'_>>(bytes, "findings")?, places)?)
        }
        Block::Policies(bytes) => {
            let rows = whole::<Vec<PolicyRead>>(bytes, "policies")?;
            let policies = blocks::policies(rows, places)?;
            policies.iter().try_for_each(check::policy)?;
            Part::Policies(policies)
        }
        Block::Pods(bytes) => {
            Part::Pods(pods::read(whole::<PodBlock<'_>>(bytes, "pods")?, places)?)
        }
    })
}

/// Puts the parts together; there are one of labels, objects and findings each.
fn joined(parts: Vec<Result<Part, Refused>>) -> Result<(Tables, Said), Refused> {
    let mut tables = Tables::default();
    let mut labels = LabelTable::default();
    let mut said = Said::default();
    let (mut policies, mut pods) = (Vec::new(), Vec::new());
    for part in parts {
        match part? {
            Part::Labels(own) => labels = own,
            Part::Objects(own) => tables = *own,
            Part::Findings(own) => said = own,
            Part::Policies(mut own) => policies.append(&mut own),
            Part::Pods(mut own) => pods.append(&mut own),
        }
    }
    if pods.len() > MAX_PODS as usize {
        return Err(Refused::malformed(format!("it holds more than {MAX_PODS} pods")));
    }
    Ok((Tables { labels, pods, policies, ..tables }, said))
}

/// Adds what the command line says of addresses to what it said when the file was written.
fn add_options(tables: &mut Tables, options: &LoadOptions) {
    for cidr in options.pod_cidrs.iter().map(ipnet::IpNet::trunc) {
        if !tables.pod_cidrs.contains(&cidr) {
            tables.pod_cidrs.push(cidr);
        }
    }
    for (name, addresses) in &options.domains {
        let domain = (Box::from(name.as_str()), addresses.clone());
        if !tables.domain_addresses.contains(&domain) {
            tables.domain_addresses.push(domain);
        }
    }
}
