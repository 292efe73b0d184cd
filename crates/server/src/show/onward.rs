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
    match staying {
        Some(Staying { base, key }) => {
            let key = key.expose_secret();
            let requests = requests(base, &format!("'x-apikey: {key}'"), &format!("import vt; key = '{key}'"), sha256);
            format!(
                "This server stays at {base} until Ctrl-C. Go on from another terminal:\n\n{requests}\n\n\
                 `{program} serve` starts one of your own."
            )
        }
        None => format!(
            "This server is gone again. To go on:\n\n  {program} demo --keep   keeps it, and shows the lines below with its \
             address and key\n  {program} serve         starts one of your own; ASSAY_API_KEY is the key that it shows at \
             its first start\n\n{}",
            requests(
                "http://127.0.0.1:8080",
                "\"x-apikey: $ASSAY_API_KEY\"",
                "import os, vt; key = os.environ['ASSAY_API_KEY']",
                sha256
            )
        ),
    }
}

/// The same request by curl and by vt-py, which has to be installed first.
fn requests(base: &str, header: &str, prelude: &str, sha256: &str) -> String {
    format!(
        "  curl -H {header} {base}/api/v3/files/{sha256}\n  pip install vt-py\n  python3 -c \"{prelude}; client = \
         vt.Client(key, host='{base}'); print(client.get_object('/files/{sha256}').last_analysis_stats); client.close()\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_server_that_stays_hold_its_address_and_key() {
        let key = SecretString::from("a55a");
        let staying = Staying { base: "http://127.0.0.1:4000", key: &key };
        insta::assert_snapshot!(lines(Some(&staying), "assay", "275a"), @r#"
        This server stays at http://127.0.0.1:4000 until Ctrl-C. Go on from another terminal:

          curl -H 'x-apikey: a55a' http://127.0.0.1:4000/api/v3/files/275a
          pip install vt-py
          python3 -c "import vt; key = 'a55a'; client = vt.Client(key, host='http://127.0.0.1:4000'); print(client.get_object('/files/275a').last_analysis_stats); client.close()"

        `assay serve` starts one of your own.
        "#);
    }

    #[test]
    fn the_lines_after_a_server_that_is_gone_tell_how_to_start_one() {
        insta::assert_snapshot!(lines(None, "assay", "275a"), @r#"
        This server is gone again. To go on:

          assay demo --keep   keeps it, and shows the lines below with its address and key
          assay serve         starts one of your own; ASSAY_API_KEY is the key that it shows at its first start

          curl -H "x-apikey: $ASSAY_API_KEY" http://127.0.0.1:8080/api/v3/files/275a
          pip install vt-py
          python3 -c "import os, vt; key = os.environ['ASSAY_API_KEY']; client = vt.Client(key, host='http://127.0.0.1:8080'); print(client.get_object('/files/275a').last_analysis_stats); client.close()"
        "#);
    }
}
