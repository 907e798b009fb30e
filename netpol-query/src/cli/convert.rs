//! `netpol-query convert --to cnp|anp`: admin policies in the other version of their API, as YAML.

use std::io;

use super::args::{Invocation, TargetWord};
use super::color::Console;
use super::{Streams, input};
use crate::convert::{Target, convert as rewrite};
use crate::error::{ErrorCode, QueryError};
use crate::execute::Exit;
use crate::render::Format;

/// Converts what the command line names; policies that cannot be converted are named, and then nothing is written.
pub(super) fn convert(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    console: &Console,
) -> io::Result<Exit> {
    let Some(target) = invocation.args.to else {
        let error = QueryError::new(ErrorCode::Usage, "`convert` needs the version to convert to");
        let error =
            error.help("`--to cnp` (ClusterNetworkPolicy) or `--to anp` (AdminNetworkPolicy)");
        input::complain(invocation, streams, console, &error)?;
        return Ok(Exit::Wrong);
    };
    if !matches!(invocation.args.output, Format::Text | Format::Yaml) {
        let error = QueryError::new(ErrorCode::Usage, "converted policies have no form but yaml");
        input::complain(invocation, streams, console, &error)?;
        return Ok(Exit::Wrong);
    }
    let Some(session) = input::session(invocation, streams, console)? else {
        return Ok(Exit::Wrong);
    };
    let snapshot = session.snapshot();
    let cluster = snapshot.cluster();
    let target = match target {
        TargetWord::Cnp => Target::ClusterNetworkPolicy,
        TargetWord::Anp => Target::AdminNetworkPolicy,
    };
    let conversion = rewrite(cluster, snapshot.dialect(), target);
    for (id, refusal) in &conversion.refused {
        let policy = cluster.policy(*id);
        let message =
            format!("{}/{} cannot be converted: {refusal}", policy.kind.short(), policy.name);
        let error = QueryError::new(ErrorCode::Input, message)
            .help(format!("it stands at {}", policy.position));
        input::complain(invocation, streams, console, &error)?;
    }
    match conversion.equal {
        None => Ok(Exit::Wrong),
        Some(false) => {
            let message = "the converted policies do not answer like the original ones";
            let error = QueryError::new(ErrorCode::Internal, message);
            input::complain(invocation, streams, console, &error)?;
            Ok(Exit::Bug)
        }
        Some(true) => {
            streams.out.write_all(conversion.yaml.as_bytes())?;
            let count = conversion.converted;
            let s = if count == 1 { "y" } else { "ies" };
            writeln!(
                streams.err,
                "converted {count} polic{s}; every pair and port is answered as before; labels, annotations and comments \
                 are not carried over"
            )?;
            Ok(Exit::Yes)
        }
    }
}
