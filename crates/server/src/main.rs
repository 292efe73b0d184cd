//! The binary `assay`: configuration, assembly, command line.
fn main() {}
