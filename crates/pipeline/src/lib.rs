//! The flow of a sample: ingest, identify, analyse, index; stages over leased jobs.
