//! What a person does after `assay demo`: the same request by curl and by vt-py, and a server of one's own.

use secrecy::{ExposeSecret as _, SecretString};

/// The server of the demo while it stays, and what opens it.
pub(crate) struct Staying<'a> {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: &'a str,
    /// The operator's key; it is written out, because the server and the key are gone with the demo.
    pub(crate) key: &'a SecretString,
}

/// The lines for the file of this hash. `program` is how this program was called. Without a server that stays, they
/// are for one that `assay serve` starts.
pub(crate) fn lines(staying: Option<&Staying<'_>>, program: &str, sha256: &str) -> String {
    let (base, key, curl_key) = match staying {
        Some(Staying { base, key }) => {
            let key = key.expose_secret();
            (*base, format!("'{key}'"), format!("'x-apikey: {key}'"))
        }
        None => (
            "http://127.0.0.1:8080",
            "os.environ['ASSAY_API_KEY']".to_owned(),
            "\"x-apikey: $ASSAY_API_KEY\"".to_owned(),
        ),
    };
    let import = if staying.is_some() { "import vt" } else { "import os, vt" };
    let head = match staying {
        Some(_) => format!("This server stays at {base} until Ctrl-C. Go on from another terminal:"),
        None => format!(
            "The server of this demo is gone. `{program} demo --keep` keeps it and fills in its address and key below;\n\
             `{program} serve` starts one to stay, whose key (shown at its first start) goes into ASSAY_API_KEY. Then:"
        ),
    };
    format!(
        "{head}\n\n\
         curl   curl -H {curl_key} {base}/api/v3/files/{sha256}\n\
         vt-py  pip install vt-py\n\
         \u{20}      python3 -c \"{import}; client = vt.Client({key}, host='{base}'); \
         print(client.get_object('/files/{sha256}').last_analysis_stats); client.close()\"\n\
         assay  {}",
        own_line(staying, program)
    )
}

/// The line for this program itself.
fn own_line(staying: Option<&Staying<'_>>, program: &str) -> String {
    match staying {
        Some(Staying { base, key }) => {
            format!("ASSAY_SERVER={base} ASSAY_API_KEY={} {program} scan .", key.expose_secret())
        }
        None => format!("{program} scan ."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_server_that_stays_hold_its_address_and_key() {
        let key = SecretString::from("a55a");
        let staying = Staying { base: "http://127.0.0.1:4000", key: &key };
        insta::assert_snapshot!(lines(Some(&staying), "assay", "275a"), @"");
    }

    #[test]
    fn the_lines_after_a_server_that_is_gone_tell_how_to_start_one() {
        insta::assert_snapshot!(lines(None, "target/release/assay", "275a"), @"");
    }
}
