//! The binary `shopsync`.

/// A scan decodes on several threads, and what it decodes is freed on another. There glibc's allocator makes them wait for
/// each other (docs/adr/0009).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::cli::main()
}
