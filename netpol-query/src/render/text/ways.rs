//! Ways over several hops.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use netpol_core::model::{Families, IpSet, PortSet, Protocol};

use super::Page;
use crate::execute::{Endpoint, Row, Way, Ways};
use crate::lower::HopsKind;
use crate::render::label;
use crate::render::palette::Palette;

/// At most so many port ranges are spelled out.
const MOST_PORTS: usize = 4;
/// At most so many ends of a hop are listed, unless the wide form is asked for.
const MOST_ENDS: usize = 12;

/// Prints a way: `internet → web:any → db:5432`.
pub(in crate::render) fn arrows(way: &Way, label: &dyn Fn(&Endpoint) -> String) -> String {
    let first = way.src().map_or_else(String::new, |end| label(end));
    let hop = |row: &Row| format!(" → {}:{}{}", label(&row.dst), ports(&row.ports), share(row));
    way.hops.iter().map(hop).fold(first, |text, hop| text + &hop)
}

/// Prints ports as they follow a colon: TCP by number alone.
pub(in crate::render) fn ports(ports: &PortSet) -> String {
    if *ports == PortSet::all() {
        return "any".into();
    }
    let ranges: Vec<_> = ports.ranges().collect();
    let shown = ranges.iter().take(MOST_PORTS).map(|r| {
        let protocol = match r.protocol {
            Protocol::Tcp => String::new(),
            other => format!("{}/", other.as_str().to_ascii_lowercase()),
        };
        match (r.from, r.to) {
            (1, u16::MAX) => r.protocol.as_str().to_ascii_lowercase(),
            (from, to) if from == to => format!("{protocol}{from}"),
            (from, to) => format!("{protocol}{from}-{to}"),
        }
    });
    let more = if ranges.len() > MOST_PORTS { ",…" } else { "" };
    format!("{}{more}", shown.collect::<Vec<_>>().join(","))
}

/// Says that a hop is not open to all pairs of pods.
fn share(row: &Row) -> String {
    if row.matching == row.total {
        String::new()
    } else {
        format!(" ({}/{} pairs)", row.matching, row.total)
    }
}

impl Page<'_> {
    pub(super) fn ways(&self, out: &mut dyn Write, ways: &Ways) -> io::Result<()> {
        super::through(out, &ways.asked)?;
        let names = Short::of(ways);
        let label = |end: &Endpoint| names.label(end);
        match ways.kind {
            HopsKind::Paths => self.paths(out, ways, &label)?,
            _ => self.by_hop(out, ways, &label)?,
        }
        self.choke_points(out, ways, &label)?;
        self.groups(out, ways, &label)
    }

    fn paths(
        &self,
        out: &mut dyn Write,
        ways: &Ways,
        label: &dyn Fn(&Endpoint) -> String,
    ) -> io::Result<()> {
        if ways.ways.is_empty() {
            return writeln!(out, "{}", if ways.certain { "no path" } else { "no certain path" });
        }
        for way in &ways.ways {
            writeln!(out, "  {}  {}", way.hops.len(), arrows(way, label))?;
            self.explained(out, way)?;
        }
        let count = ways.ways.len();
        let text = match (ways.more, count) {
            (true, _) => format!(
                "the first {count} paths; narrow them with `max 3 hops`, `via` or `avoiding`"
            ),
            (false, 1) => "1 path".into(),
            (false, _) => format!("{count} paths"),
        };
        writeln!(out, "{}", Palette::paint(self.palette.dim, &text))
    }

    /// Writes the reasons of each hop below its way.
    fn explained(&self, out: &mut dyn Write, way: &Way) -> io::Result<()> {
        if self.explain {
            for row in way.hops.iter().filter(|r| !r.reasons.is_empty()) {
                writeln!(out, "       {}", Self::pair(row))?;
                self.reasons_at(out, row, "         ")?;
            }
        }
        Ok(())
    }

    fn by_hop(
        &self,
        out: &mut dyn Write,
        ways: &Ways,
        label: &dyn Fn(&Endpoint) -> String,
    ) -> io::Result<()> {
        let who = ways.kind == HopsKind::Who;
        writeln!(out, "{}", headline(ways))?;
        let mut hops: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut seen: BTreeSet<(usize, String)> = BTreeSet::new();
        for way in &ways.ways {
            let end = if who { way.src() } else { way.dst() };
            let names = hops.entry(way.hops.len()).or_default();
            if let Some(name) = end.map(|e| label(e))
                && seen.insert((way.hops.len(), name.clone()))
            {
                names.push(name);
            }
        }
        for (hop, names) in hops {
            let most = if self.explain { usize::MAX } else { MOST_ENDS };
            writeln!(out, "  hop {hop}  {}", super::listed(&names, most))?;
        }
        if self.explain {
            for way in &ways.ways {
                writeln!(out, "  {}  {}", way.hops.len(), arrows(way, label))?;
                self.explained(out, way)?;
            }
        }
        Ok(())
    }

    fn choke_points(
        &self,
        out: &mut dyn Write,
        ways: &Ways,
        label: &dyn Fn(&Endpoint) -> String,
    ) -> io::Result<()> {
        if ways.choke_points.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = ways
            .choke_points
            .iter()
            .map(|point| match ways.kind {
                HopsKind::Paths => label(&point.endpoint),
                _ => format!("{} (for {})", label(&point.endpoint), point.before),
            })
            .collect();
        let what = match ways.kind {
            HopsKind::Paths => "every path passes",
            HopsKind::Who => "the only way in for others",
            HopsKind::What | HopsKind::Blast => "the only way on to others",
        };
        writeln!(
            out,
            "  {}  {}",
            Palette::paint(self.palette.bold, what),
            super::listed(&named, MOST_ENDS)
        )
    }

    fn groups(
        &self,
        out: &mut dyn Write,
        ways: &Ways,
        label: &dyn Fn(&Endpoint) -> String,
    ) -> io::Result<()> {
        for group in &ways.groups {
            let names: Vec<String> = group.iter().map(|e| label(e)).collect();
            let what = Palette::paint(self.palette.bold, "all reach one another");
            writeln!(out, "  {what}  {}", super::listed(&names, MOST_ENDS))?;
        }
        Ok(())
    }
}

fn headline(ways: &Ways) -> String {
    let on = ways.asked.ports.as_ref().map_or_else(String::new, |p| format!(" on {p}"));
    let said = |end: &Option<String>| end.clone().unwrap_or_else(|| "anything".into());
    let ends = |far: fn(&Way) -> Option<&std::sync::Arc<Endpoint>>| {
        counted(ways.ways.iter().filter_map(far).map(|e| &**e))
    };
    if ways.ways.len() != ways.found {
        let (shown, all) = (ways.ways.len(), ways.found);
        return format!(
            "{shown} of {all} ends that {}",
            match ways.kind {
                HopsKind::Who => format!("can eventually reach {}{on}", said(&ways.asked.to)),
                _ => format!("{} can eventually reach{on}", said(&ways.asked.from)),
            }
        );
    }
    match ways.kind {
        HopsKind::Who => {
            format!("{} can eventually reach {}{on}", ends(Way::src), said(&ways.asked.to))
        }
        _ => format!("{} can eventually reach {}{on}", said(&ways.asked.from), ends(Way::dst)),
    }
}

/// Says how many workloads and pods there are, and whether the internet is among them.
fn counted<'a>(ends: impl Iterator<Item = &'a Endpoint>) -> String {
    let mut objects: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut outside = IpSet::none();
    for end in ends {
        match end {
            Endpoint::External { ranges } => outside = outside.union(ranges),
            other => {
                objects.insert((other.type_word(), other.id()));
            }
        }
    }
    let mut parts = Vec::new();
    for kind in ["workload", "pod", "name"] {
        match objects.iter().filter(|(k, _)| *k == kind).count() {
            0 => {}
            1 => parts.push(format!("1 {kind}")),
            count => parts.push(format!("{count} {kind}s")),
        }
    }
    if objects.iter().any(|(k, _)| *k == "ingress-controller") {
        parts.push("the ingress controller".into());
    }
    match outside_word(&outside) {
        Some("internet") => parts.push("the internet".into()),
        Some(_) => parts.push("some addresses".into()),
        None => {}
    }
    if parts.is_empty() { "nothing".into() } else { parts.join(" and ") }
}

/// Tells whether addresses hold the whole internet.
fn outside_word(ranges: &IpSet) -> Option<&'static str> {
    if ranges.is_empty() {
        return None;
    }
    let present: Families = ranges.families_present();
    let public = IpSet::families(present).difference(&crate::lower::private_ranges());
    let whole = public.difference(ranges).is_empty();
    Some(if whole { "internet" } else { "addresses" })
}

/// Names that are as short as they can be without a doubt.
struct Short {
    /// How often each name stands for another end.
    names: BTreeMap<String, usize>,
    one_namespace: bool,
}

impl Short {
    fn of(ways: &Ways) -> Self {
        let hops = ways.ways.iter().flat_map(|w| &w.hops).flat_map(|r| [&r.src, &r.dst]);
        let chokes = ways.choke_points.iter().map(|c| &c.endpoint);
        let ends: BTreeMap<String, (String, String)> = hops
            .chain(chokes)
            .chain(ways.groups.iter().flatten())
            .filter_map(|e| Some((e.id(), (e.namespace()?.to_owned(), e.name()?.to_owned()))))
            .collect();
        let namespaces: BTreeSet<&String> = ends.values().map(|(namespace, _)| namespace).collect();
        let one_namespace = namespaces.len() <= 1;
        let mut names = BTreeMap::new();
        for (_, name) in ends.values() {
            *names.entry(name.clone()).or_insert(0) += 1;
        }
        Self { names, one_namespace }
    }

    fn label(&self, end: &Endpoint) -> String {
        match end {
            Endpoint::External { ranges } => match outside_word(ranges) {
                Some("internet") => "internet".into(),
                Some(_) => label::endpoint(end),
                // One node stands for all that is outside.
                None => "internet".into(),
            },
            Endpoint::Workload { name, .. } | Endpoint::Pod { name, .. }
                if self.one_namespace && self.names.get(name) == Some(&1) =>
            {
                name.clone()
            }
            _ => label::endpoint(end),
        }
    }
}
