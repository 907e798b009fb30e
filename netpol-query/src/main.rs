//! The `netpol-query` program: hands the process's arguments and streams to the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    netpol_query::cli::main()
}
