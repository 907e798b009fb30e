//! Questions over several hops: `paths`, `eventually`, `blast radius`.

use std::collections::HashSet;
use std::sync::Arc;

use netpol_core::model::PodId;
use netpol_core::reach::{self, Arrival, End, Hops, Level, PathChoice, Question, Selection, Shape};

use super::Engine;
use super::answer::{Asked, Body, Endpoint, Reason, Row, Warning};
use super::ends::Names;
use crate::error::{ErrorCode, QueryError};
use crate::lower::{HopsKind, HopsPlan};

/// Ways over several hops.
#[derive(Clone, Debug, PartialEq)]
pub struct Ways {
    /// Which question they answer.
    pub kind: HopsKind,
    /// What was asked.
    pub asked: Asked,
    /// The ways, short ones first.
    pub ways: Vec<Way>,
    /// How many there were, before a pipe left some of them out.
    pub found: usize,
    /// Whether the search went to its end, and no hop on the way is in doubt.
    pub certain: bool,
    /// Whether there are more than were looked for.
    pub more: bool,
    /// What every way to some ends goes through; empty where that was not looked at.
    pub choke_points: Vec<Choke>,
    /// Ends that can all reach one another.
    pub groups: Vec<Vec<Arc<Endpoint>>>,
}

impl Ways {
    /// Lists the hops of all ways, each of them once.
    pub fn rows(&self) -> Vec<Row> {
        let mut seen = HashSet::new();
        let hops = self.ways.iter().flat_map(|way| &way.hops);
        hops.filter(|row| seen.insert((row.src.id(), row.dst.id()))).cloned().collect()
    }
}

/// One way: a row for each hop.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The hops, at least one.
    pub hops: Vec<Row>,
}

/// An end that every way to some others goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct Choke {
    /// The end.
    pub endpoint: Arc<Endpoint>,
    /// The number of ends behind it; for `paths` the number of paths, which is all.
    pub before: u64,
}

impl Way {
    /// Returns where it begins.
    pub fn src(&self) -> Option<&Arc<Endpoint>> {
        self.hops.first().map(|row| &row.src)
    }

    /// Returns where it ends.
    pub fn dst(&self) -> Option<&Arc<Endpoint>> {
        self.hops.last().map(|row| &row.dst)
    }
}

impl Engine<'_> {
    /// Answers a question over several hops.
    pub(super) fn ways(
        &self,
        plan: &HopsPlan,
        warnings: &mut Vec<Warning>,
    ) -> Result<Body, QueryError> {
        if plan.hops.from.is_empty() || plan.hops.to.iter().all(|(to, _)| to.is_empty()) {
            return Err(nowhere(plan));
        }
        let answer = match plan.kind {
            HopsKind::Paths => self.paths(plan, warnings),
            HopsKind::Who => {
                let closure = self.snapshot.eventual_sources(&plan.hops);
                self.closure(plan, &closure, warnings)
            }
            HopsKind::What | HopsKind::Blast => {
                let closure = self.snapshot.eventual_destinations(&plan.hops);
                self.closure(plan, &closure, warnings)
            }
        };
        Ok(Body::Ways(answer))
    }

    fn paths(&self, plan: &HopsPlan, warnings: &mut Vec<Warning>) -> Ways {
        let mut paths = self.snapshot.paths(&plan.hops, &plan.choice);
        if paths.paths.is_empty()
            && paths.doubtful > 0
            && self.possible_way(plan) == Some(Vec::new())
        {
            // What is in doubt leads nowhere.
            paths.doubtful = 0;
        }
        warn(warnings, paths.stopped, paths.doubtful);
        let mut names = Names::new(self.snapshot.cluster());
        let certain = !paths.stopped && paths.doubtful == 0;
        let complete = certain && !paths.more && !plan.choice.shortest;
        let choke_points = if complete { common(&paths.paths, &mut names) } else { Vec::new() };
        let ways: Vec<Way> =
            paths.paths.into_iter().map(|path| self.way(path, &mut names)).collect();
        let (asked, found) = (self.asked(&plan.ask), ways.len());
        Ways {
            kind: plan.kind,
            asked,
            ways,
            found,
            certain,
            more: paths.more,
            choke_points,
            groups: Vec::new(),
        }
    }

    fn closure(
        &self,
        plan: &HopsPlan,
        closure: &reach::Closure,
        warnings: &mut Vec<Warning>,
    ) -> Ways {
        warn(warnings, closure.stopped, closure.doubtful);
        let shape = self.snapshot.shape(&plan.hops, closure).unwrap_or_default();
        let mut names = Names::new(self.snapshot.cluster());
        let arrivals = closure.arrivals.iter().map(|a| self.arrival(a, &mut names));
        let mut ways: Vec<Way> = arrivals.collect();
        let ranks = names.ranks();
        let far = |way: &Way| {
            if plan.kind == HopsKind::Who { way.src().cloned() } else { way.dst().cloned() }
        };
        ways.sort_by_key(|way| {
            (way.hops.len(), far(way).and_then(|e| ranks.get(&Arc::as_ptr(&e)).copied()))
        });
        let certain = !closure.stopped && closure.doubtful == 0;
        let (mut choke_points, groups) = named(&shape, &closure.arrivals, &mut names);
        if !certain {
            // A hop in doubt may lead around what seems to be the only way.
            choke_points.clear();
        }
        let (asked, found) = (self.asked(&plan.ask), ways.len());
        Ways { kind: plan.kind, asked, ways, found, certain, more: false, choke_points, groups }
    }

    fn arrival(&self, arrival: &Arrival, names: &mut Names<'_>) -> Way {
        self.way(arrival.way.clone(), names)
    }

    fn way(&self, rows: Vec<reach::Row>, names: &mut Names<'_>) -> Way {
        let explained = |row: reach::Row| {
            let reasons = if self.settings.explain || self.settings.page {
                self.reasons(&row, names)
            } else {
                Vec::new()
            };
            let mut row = names.row(row);
            row.reasons = reasons;
            row
        };
        Way { hops: rows.into_iter().map(explained).collect() }
    }

    /// Returns why a hop is allowed.
    fn reasons(&self, row: &reach::Row, names: &mut Names<'_>) -> Vec<Reason> {
        let question = Question {
            from: self.selection(&row.src),
            to: self.selection(&row.dst),
            ports: row.ports.clone().into(),
            level: Level::Workload,
            explain: true,
            denied: false,
        };
        let rows = self.snapshot.ask(&question).rows;
        let allowed = rows.into_iter().filter(|r| r.verdict == row.verdict);
        let mut reasons: Vec<Reason> = Vec::new();
        for reason in allowed.flat_map(|r| names.row(r).reasons) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }

    fn selection(&self, end: &End) -> Selection {
        match end {
            End::Pod(pod) => Selection::pod(*pod),
            End::Workload(id) => {
                let pods: &[PodId] = &self.snapshot.cluster().workload(*id).pods;
                Selection { pods: pods.iter().map(|p| p.0).collect(), ..Selection::default() }
            }
            End::Namespace(_) => Selection::default(),
            End::External(ranges) => Selection::addresses(ranges.clone()),
            End::IngressController => Selection::ingress_controller(),
            End::Name(name) => Selection { names: vec![Arc::clone(name)], ..Selection::default() },
        }
    }

    /// Makes a question of each pair of a source and a target.
    pub(super) fn one_by_one(&self, plan: &HopsPlan) -> Vec<HopsPlan> {
        let mut pairs = Vec::new();
        for src in self.ends(&plan.ask.from) {
            for (to, ports) in &plan.hops.to {
                for dst in self.ends(to) {
                    let mut pair = plan.clone();
                    pair.hops.from = self.selection(&src);
                    pair.hops.to = vec![(self.selection(&dst), ports.clone())];
                    pair.hops.avoiding -= &pair.hops.from.pods;
                    let label = |end: &End| Some(Names::new(self.snapshot.cluster()).end(end).id());
                    pair.ask.said = (label(&src), label(&dst));
                    pairs.push(pair);
                }
            }
        }
        // An end that is a source and a target has nowhere to go to from itself.
        let itself = |plan: &HopsPlan| plan.hops.to.iter().all(|(to, _)| *to == plan.hops.from);
        pairs.retain(|pair| !itself(pair));
        pairs
    }

    /// Tells whether there is a way; `None` where that is in doubt. With it, the hops of a shortest one.
    pub(super) fn has_way(
        &self,
        plan: &HopsPlan,
        warnings: &mut Vec<Warning>,
    ) -> (Option<bool>, Vec<Row>) {
        let shortest = PathChoice { shortest: true, most: 1, ..plan.choice.clone() };
        let certain = self.snapshot.paths(&plan.hops, &shortest);
        let mut names = Names::new(self.snapshot.cluster());
        let hops = |path: Option<&Vec<reach::Row>>, names: &mut Names<'_>| {
            path.map(|p| self.way(p.clone(), names).hops).unwrap_or_default()
        };
        if let Some(path) = certain.paths.first() {
            return (Some(true), hops(Some(path), &mut names));
        }
        if certain.stopped {
            warnings.push(search_stopped());
            return (None, Vec::new());
        }
        if certain.doubtful == 0 {
            return (Some(false), Vec::new());
        }
        match self.possible_way(plan) {
            Some(path) if path.is_empty() => (Some(false), Vec::new()),
            path => (None, hops(path.as_ref(), &mut names)),
        }
    }

    /// Finds a shortest way over hops that may be allowed, empty where there is none; `None` where the search stopped.
    fn possible_way(&self, plan: &HopsPlan) -> Option<Vec<reach::Row>> {
        let shortest = PathChoice { shortest: true, most: 1, ..plan.choice.clone() };
        let doubtful = Hops { doubtful: true, ..plan.hops.clone() };
        let possible = self.snapshot.paths(&doubtful, &shortest);
        let stopped = possible.stopped;
        possible.paths.into_iter().next().or_else(|| (!stopped).then(Vec::new))
    }
}

/// Says that a search stopped, or that it left out what is in doubt.
pub(super) fn warn(warnings: &mut Vec<Warning>, stopped: bool, doubtful: u64) {
    let mut add = |warning: Warning| {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    };
    if stopped {
        add(search_stopped());
    }
    if doubtful > 0 {
        let pairs = if doubtful == 1 { "1 pair".into() } else { format!("{doubtful} pairs") };
        let message = format!(
            "not followed, since the verdict is in doubt: {pairs} on the way (`unknown flows` lists them)"
        );
        let code = "UNKNOWN_FLOWS".into();
        add(Warning { code, message, object: None, file: None, line: None });
    }
}

fn search_stopped() -> Warning {
    let message = "the search stopped at its bound of work: there may be more; name smaller sets, or say `max 3 hops`";
    Warning {
        code: "SEARCH_STOPPED".into(),
        message: message.into(),
        object: None,
        file: None,
        line: None,
    }
}

fn nowhere(plan: &HopsPlan) -> QueryError {
    let error = QueryError::new(ErrorCode::NoSuchEndpoint, "there is nothing to go from, or to");
    QueryError { span: plan.ask.span, ..error }
}

/// Lists the ends in the middle of every path, where there are several paths.
fn common(paths: &[Vec<reach::Row>], names: &mut Names<'_>) -> Vec<Choke> {
    let middle = |path: &Vec<reach::Row>| -> HashSet<End> {
        path.iter().skip(1).map(|row| row.src.clone()).collect()
    };
    let Some((first, rest)) = paths.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Vec::new();
    };
    let others: Vec<HashSet<End>> = rest.iter().map(middle).collect();
    let in_all = |end: &End| others.iter().all(|m| m.contains(end));
    let ends = first.iter().skip(1).map(|row| &row.src).filter(|end| in_all(end));
    ends.map(|end| Choke { endpoint: names.end(end), before: paths.len() as u64 }).collect()
}

/// Names a shape; of what stands behind a choke point, only what was asked about counts.
fn named(
    shape: &Shape,
    arrivals: &[Arrival],
    names: &mut Names<'_>,
) -> (Vec<Choke>, Vec<Vec<Arc<Endpoint>>>) {
    let asked: HashSet<&End> = arrivals.iter().map(|a| &a.end).collect();
    let counts = |end: &&End| matches!(end, End::External(_)) || asked.contains(*end);
    let choke_points = shape
        .choke_points
        .iter()
        .map(|point| (names.end(&point.end), point.before.iter().filter(counts).count() as u64))
        .filter(|(_, before)| *before > 0)
        .map(|(endpoint, before)| Choke { endpoint, before })
        .collect();
    let groups = shape.groups.iter().map(|group| {
        group.iter().filter(|e| asked.contains(e)).map(|e| names.end(e)).collect::<Vec<_>>()
    });
    let groups = groups.filter(|group| group.len() > 1).collect();
    (choke_points, groups)
}
