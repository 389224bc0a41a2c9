//! The entry point of the binary `shopsync`.

/// mimalloc instead of glibc's allocator: a scan allocates on several threads and frees on another, and glibc's arenas
/// make those threads wait for each other (docs/adr/0009).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::cli::main()
}
