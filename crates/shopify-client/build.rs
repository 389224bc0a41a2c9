//! The derive macros read these files at compile time, but only the operations are known to Cargo.

fn main() {
    println!("cargo::rerun-if-changed=schema");
    println!("cargo::rerun-if-changed=operations");
}
