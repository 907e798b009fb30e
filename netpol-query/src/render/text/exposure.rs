//! How workloads are exposed.

use std::io::{self, Write};

use netpol_core::model::Direction;

use super::Page;
use crate::execute::{Endpoint, Exposed, Exposure, Row};
use crate::render::label;
use crate::render::palette::Palette;

/// At most so many ends are named in a line, unless the wide form is asked for.
const MOST_ENDS: usize = 4;

impl Page<'_> {
    pub(super) fn exposure(&self, out: &mut dyn Write, exposure: &Exposure) -> io::Result<()> {
        super::through(out, &exposure.asked)?;
        if exposure.workloads.is_empty() {
            return writeln!(out, "no workloads");
        }
        exposure.workloads.iter().try_for_each(|w| self.exposed(out, w))
    }

    fn exposed(&self, out: &mut dyn Write, exposed: &Exposed) -> io::Result<()> {
        writeln!(
            out,
            "{}  {}",
            Palette::paint(self.palette.bold, &label::endpoint(&exposed.endpoint)),
            self.protection(exposed),
        )?;
        let lines = [("in", "from", &exposed.inbound), ("out", "to", &exposed.outbound)];
        for (what, word, rows) in lines {
            if rows.is_empty() {
                let nothing = if what == "in" {
                    "nothing from elsewhere"
                } else {
                    "nothing outside the cluster"
                };
                writeln!(out, "  {what:<3}  {nothing}")?;
            }
            for (ports, ends) in by_ports(rows, what == "in") {
                let most = if self.explain { usize::MAX } else { MOST_ENDS };
                writeln!(out, "  {what:<3}  {word} {}   {ports}", super::listed(&ends, most))?;
            }
            if self.explain {
                for row in rows.iter().filter(|r| !r.reasons.is_empty()) {
                    writeln!(out, "       {}", Self::pair(row))?;
                    self.reasons_at(out, row, "         ")?;
                }
            }
        }
        let way = |who: &str, hops: Option<u64>| match hops? {
            1 => Some(format!("  {who} gets here directly")),
            hops => Some(format!("  {who} gets here in {hops} hops")),
        };
        let ways = [
            way("the internet", exposed.internet_hops),
            way("the ingress controller", exposed.ingress_hops),
        ];
        if ways.iter().all(Option::is_none) {
            let no = if exposed.certain { "no way" } else { "no certain way" };
            return writeln!(out, "  {no} leads here from the internet");
        }
        ways.iter().flatten().try_for_each(|line| writeln!(out, "{line}"))
    }

    fn protection(&self, exposed: &Exposed) -> String {
        let [ingress, egress] = exposed.protected;
        let open: Vec<&str> = [(ingress, Direction::Ingress), (egress, Direction::Egress)]
            .into_iter()
            .filter(|(protected, _)| !protected)
            .map(|(_, direction)| direction.as_str())
            .collect();
        if open.is_empty() {
            return Palette::paint(self.palette.good, "protected");
        }
        Palette::paint(self.palette.doubt, &format!("unprotected ({})", open.join(", ")))
    }
}

/// Puts together the other ends that have the same ports; ends outside the cluster come first.
fn by_ports(rows: &[Row], inbound: bool) -> Vec<(String, Vec<String>)> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    let outside = |r: &&Row| {
        let end = if inbound { &r.src } else { &r.dst };
        matches!(**end, Endpoint::External { .. })
    };
    let (first, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(outside);
    for row in first.into_iter().chain(rest) {
        let (ports, end) =
            (row.ports.to_string(), label::endpoint(if inbound { &row.src } else { &row.dst }));
        match lines.iter_mut().find(|(p, _)| *p == ports) {
            Some((_, ends)) if !ends.contains(&end) => ends.push(end),
            Some(_) => {}
            None => lines.push((ports, vec![end])),
        }
    }
    lines
}
