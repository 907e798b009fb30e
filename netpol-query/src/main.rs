//! The `netpol-query` program: hands the process's arguments and streams to the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Facts and programs are made of millions of small pieces, which the system's allocator hands out slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    netpol_query::cli::main()
}
