//! An answer of a registry.
