//! `campaigns`: the whole outbound contact centre in one process, on an embedded database.

mod client;
mod commands;
mod engine;
mod failure;
mod output;
mod server;

use clap::Parser;

/// Many small and short-lived values of many threads are what glibc's allocator is slow at, and keeps
/// memory for. How this one is tuned stands in `.cargo/config.toml`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    let command = commands::Command::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("campaigns: the operating system gave no threads: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    match runtime.block_on(command.run()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("campaigns: {failure}");
            std::process::ExitCode::FAILURE
        }
    }
}
