//! Tells Cargo to rebuild when the schema or the operations change, which the derive macros read at compile time.

fn main() {
    println!("cargo::rerun-if-changed=schema");
    println!("cargo::rerun-if-changed=operations");
}
