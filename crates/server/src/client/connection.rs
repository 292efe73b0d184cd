//! The flags and variables by which every client command finds its server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Certificate;

use super::address::Address;
use super::api::Client;
use super::key::KeySource;
use super::problem::Problem;
use super::watch::Watch;

/// Where the server is and how it is spoken to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// The server's address; `/api/v3` at its end may be there or not
    #[arg(long, value_name = "URL", env = "ASSAY_SERVER", default_value = "http://127.0.0.1:8080")]
    server: Address,

    #[command(flatten)]
    key: KeySource,

    /// PEM file with an authority to trust beside the system's (`tls/ca.pem` in the server's data folder)
    #[arg(long, value_name = "FILE", env = "ASSAY_CA_FILE")]
    ca: Option<PathBuf>,
}

impl Connection {
    /// Reads key and authority. Connects to nothing yet.
    pub(crate) fn open(self, watch: Arc<dyn Watch>) -> Result<Client, Problem> {
        let authorities = self.ca.as_deref().map(authorities).transpose()?.unwrap_or_default();
        Client::new(self.server, self.key.key()?, authorities, watch)
    }
}

/// The certificates of a PEM file; at least one.
pub(crate) fn authorities(path: &Path) -> Result<Vec<Certificate>, Problem> {
    let shown = path.display();
    let pem = std::fs::read(path)
        .map_err(|error| Problem::local(format!("the authority's file {shown} cannot be read: {error}")))?;
    let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(Problem::local(format!("{shown} holds no certificate in PEM form")).mend(
            "--ca and ASSAY_CA_FILE want the authority's certificate, `tls/ca.pem` in the server's data folder.",
        ));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_no_authority() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        assert!(authorities(&path).is_err_and(|problem| problem.message.contains("cannot be read")));
        std::fs::write(&path, "no PEM").expect("written");
        assert!(authorities(&path).is_err_and(|problem| problem.message.contains("no certificate")));
    }
}
