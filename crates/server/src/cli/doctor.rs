//! `assay doctor`: what keeps a client from a server, and the mend.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use assay_model::clock::System;

use crate::client::doctor::{self, Chart, Finding, Patient};
use crate::client::key::KeySource;
use crate::show::output::print_json;
use crate::show::{Format, Output, findings};

/// What `--help` ends with.
const NOTES: &str = "It walks from the address over name, connection, TLS and HTTP to the key, its account, quotas and \
privileges, against any server that speaks VirusTotal's API v3. The key is never printed, and is not sent where its form \
is wrong.

  assay doctor --server https://assay.example --api-key-file ~/.assay-key

JSON is a list of {step, grade, message, mend}; grades are fine, note, warning, problem.

Exit status:
  0  all is well
  1  there are findings: warnings or problems
  2  nothing could be checked";

/// Find what keeps clients from a server, with the mend
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Arguments {
    /// The server's address, as your clients have it; it may be wrong in any way
    #[arg(
        long,
        value_name = "URL",
        env = "ASSAY_SERVER",
        default_value = "http://127.0.0.1:8080",
        help_heading = "Connection"
    )]
    server: String,

    #[command(flatten)]
    key: KeySource,

    /// PEM file with an authority to trust beside the system's (`tls/ca.pem` in the server's data folder)
    #[arg(long, value_name = "FILE", env = "ASSAY_CA_FILE", help_heading = "Connection")]
    ca: Option<PathBuf>,

    /// How long each step may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration,
          help_heading = "Connection")]
    patience: Duration,

    /// Send the key even over plain HTTP to another machine
    #[arg(long, help_heading = "Connection")]
    insecure_http: bool,

    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { server, key, ca, patience, insecure_http, output } = arguments;
    let patient = Patient { server, key, authority: ca, patience, insecure_http };
    let look = output.colours.look();
    let tell = |finding: &Finding| {
        if output.format == Format::Table {
            // Each as soon as it is known; whoever reads no further (`| head`) is no fault.
            let _ = writeln!(std::io::stdout(), "{}", findings::line(finding, look));
        }
    };
    let mut chart = Chart::new(Box::new(tell));
    doctor::examine(&patient, &System, &mut chart).await;
    let found = chart.into_findings();
    match output.format {
        Format::Json => print_json(&found)?,
        Format::Table => {
            let _ = writeln!(std::io::stdout(), "{}", findings::sum(&found));
        }
    }
    let ill = found.iter().any(|finding| finding.grade.wants_a_mend());
    Ok(if ill { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
