//! The table from its command: measured, judged and written in three forms that agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::process::Command;

use netpol_bench::operation::Operation;
use netpol_bench::table::{Table, Verdict, plot, print};

fn run(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_netpol-bench")).args(arguments).output().unwrap()
}

#[test]
fn a_table_is_printed_and_written_in_three_forms() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let output = run(&[
        "table",
        "--presets",
        "enterprise,admin",
        "--sizes",
        "100,200",
        "--samples",
        "300",
        "--load-up-to",
        "150",
        "--out",
        out,
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let read = |name: &str| {
        String::from_utf8(std::fs::read(directory.path().join(name)).unwrap()).unwrap()
    };
    assert_eq!(read("table.txt"), printed);
    let table: Table = serde_json::from_str(&read("table.json")).unwrap();
    let mut again = Vec::new();
    print(&table, &mut again).unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), printed);
    assert_eq!(plot(&table).unwrap(), read("table.svg"));
    assert!(read("table.svg").contains("T2 build"));

    assert!(printed.contains("not measured: T1, T8"), "{printed}");
    let sizes: Vec<_> = table.rows.iter().map(|r| (&*r.preset, r.pods)).collect();
    assert_eq!(sizes, [("enterprise", 100), ("enterprise", 200), ("admin", 100), ("admin", 200)]);
    for row in &table.rows {
        assert_eq!(row.gate.flows, 300, "{}", row.preset);
        assert!(row.gate.pairs_exact && row.gate.edits > 0 && row.pairs > 0, "{row:?}");
        for operation in Operation::ALL {
            let untold = matches!(
                operation,
                // The program need not be built beside a test; memory is told by Linux alone.
                Operation::Program
                    | Operation::LoadPeakYaml
                    | Operation::LoadPeakJson
                    | Operation::BuildMemory
                    | Operation::BuildPeak
                    | Operation::WholePeak
            );
            let load = operation <= Operation::LoadSnapshot && row.pods > 150;
            let figure = row.figure(operation);
            assert!(
                untold || load || figure.is_some_and(|f| f.value > 0.0),
                "{}: {operation}",
                row.preset
            );
        }
    }
    let grows = |operation| table.growth.iter().any(|g| g.operation == operation && g.to == 200);
    assert!(grows(Operation::Build) && grows(Operation::VerdictById));
    assert!(
        table.goals.iter().all(|goal| goal.verdict == Verdict::NotMeasured),
        "too small to tell"
    );
}

#[test]
fn an_unknown_shape_is_refused_with_the_known_ones() {
    let output = run(&["table", "--presets", "enterprize"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("enterprize") && said.contains("enterprise"), "{said}");
}
