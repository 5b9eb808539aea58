//! Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    heartbeat::main(std::env::args_os())
}
