//! The address as a person typed it: what is wrong with its form, and the server that is meant. In goes text, out comes
//! an [`Address`] where one can be made out.

use url::{Host, Url};

use super::finding::{Chart, Step};
use crate::client::address::Address;

/// Where `VirusTotal` answers.
const VIRUSTOTAL: &str = "www.virustotal.com";

/// Paths that people copy together with the host, and what they are. The first that the path begins with counts.
const PATHS: &[(&str, &str)] = &[
    ("/vtapi/v2", "the base of API v2"),
    ("/api/v2", "the base of an API v2"),
    ("/api/v1", "the base of an API v1"),
    ("/gui", "VirusTotal's web interface"),
    ("/ui", "the API of VirusTotal's web interface"),
];

/// Whether the host is `VirusTotal` itself.
pub(crate) fn is_virustotal(address: &Address) -> bool {
    matches!(address.place().0, Host::Domain(name) if name == VIRUSTOTAL || name == bare(VIRUSTOTAL))
}

/// Looks at the address; None where no server can be made out, or where it is not to be spoken to.
pub(super) fn examine(typed: &str, chart: &mut Chart) -> Option<Address> {
    let text = without_wrapping(typed, chart);
    let text = with_whole_scheme(text, chart)?;
    let Some(text) = without_rest(&text, chart) else {
        chart.problem(Step::Address, "the address is not understood", EXAMPLE);
        return None;
    };
    let address: Address = match text.parse() {
        Ok(address) => address,
        Err(why) => {
            chart.problem(Step::Address, format!("the address is not understood: {why}"), EXAMPLE);
            return None;
        }
    };
    if !text.contains("://") {
        chart.warning(
            Step::Address,
            format!("the address has no scheme; taken as {address}"),
            format!("Write {address}: other clients, vt-py among them, do not guess."),
        );
    }
    if !names_a_known_host(&address, chart) {
        return None;
    }
    let (_, port) = address.place();
    chart.fine(Step::Address, format!("{address}, port {port}"));
    Some(address)
}

const EXAMPLE: &str = "An address looks like https://assay.example or http://127.0.0.1:8080.";

/// Without blanks and quotation marks around it, which a configuration file may have left there.
fn without_wrapping<'a>(typed: &'a str, chart: &mut Chart) -> &'a str {
    let trimmed = typed.trim();
    let text = trimmed.trim_matches(['"', '\'', '`', '<', '>']);
    if text.len() != trimmed.len() {
        chart.warning(
            Step::Address,
            "the address has quotation marks or brackets around it",
            "Take them away: not every client does.",
        );
    } else if trimmed.len() != typed.len() {
        chart.warning(
            Step::Address,
            "the address has a blank or a line end around it",
            "Take it away: not every client does.",
        );
    }
    text.trim()
}

/// Mends `https:/host`, `https//host` and schemes that are nearly `http` or `https`; refuses others.
fn with_whole_scheme(text: &str, chart: &mut Chart) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let scheme: String = lower.chars().take_while(char::is_ascii_alphanumeric).collect();
    let rest = &text[scheme.len()..];
    let host = rest.trim_start_matches([':', '/', '\\']);
    let between = &rest[..rest.len() - host.len()];
    let meant = match scheme.as_str() {
        "http" | "https" => scheme.as_str(),
        "htp" | "htttp" | "hhtp" | "ttp" => "http",
        "htps" | "htpps" | "httsp" | "htttps" | "hhtps" | "ttps" | "httpss" => "https",
        other if between == "://" => {
            chart.problem(
                Step::Address,
                format!("the address begins with {other}://, not with http:// or https://"),
                EXAMPLE,
            );
            return None;
        }
        _ => return Some(text.to_owned()),
    };
    let is_a_port = between == ":" && host.chars().next().is_some_and(|digit| digit.is_ascii_digit());
    if between.is_empty() || is_a_port || (meant == scheme && between == "://") {
        return Some(text.to_owned());
    }
    let whole = format!("{meant}://{host}");
    chart.warning(
        Step::Address,
        format!("the address begins with {scheme}{between}; taken as {meant}://"),
        format!("Begin it with {meant}://."),
    );
    Some(whole)
}

/// Only scheme, host, port and a path that is the server's root. None where the text is no address at all.
fn without_rest(text: &str, chart: &mut Chart) -> Option<String> {
    let had_scheme = text.contains("://");
    let mut url = Url::parse(&if had_scheme { text.to_owned() } else { format!("https://{text}") }).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        chart.problem(
            Step::Address,
            "the address holds a user name or a password",
            "Take them away: the key goes into ASSAY_API_KEY or a file, and addresses end up in logs.",
        );
        url.set_username("").and_then(|()| url.set_password(None)).ok()?;
    }
    if url.query().is_some() || url.fragment().is_some() {
        chart.warning(
            Step::Address,
            "the address has a query or a fragment; only the server's root is wanted",
            "Cut it off at the question mark. A key that stood in it is to be rotated: addresses end up in logs.",
        );
        url.set_query(None);
        url.set_fragment(None);
    }
    let path = url.path().to_owned();
    let root = root_of(&path, chart);
    if root != path {
        url.set_path(&root);
    }
    let whole = url.as_str();
    Some(if had_scheme { whole.to_owned() } else { whole.trim_start_matches("https://").to_owned() })
}

/// The part of a path before the API.
fn root_of(path: &str, chart: &mut Chart) -> String {
    let lower = path.to_ascii_lowercase();
    if let Some(at) = lower.find("/api/v3") {
        let rest = path[at + "/api/v3".len()..].trim_matches('/');
        if rest.is_empty() {
            chart.note(
                Step::Address,
                "/api/v3 at the end is fine here; clients such as vt-py want the address without it",
            );
        } else {
            chart.warning(
                Step::Address,
                format!("the address is that of an endpoint (/api/v3/{rest}), not of the server"),
                "Name the server without /api/v3 and what follows.",
            );
        }
        return path[..at].to_owned();
    }
    for (begin, what) in PATHS {
        if let Some(at) = lower.find(begin).filter(|at| ends_a_segment(&lower[at + begin.len()..])) {
            chart.problem(
                Step::Address,
                format!("{begin} is {what}; v3 is under /api/v3"),
                "Name the server without a path: v3 clients add /api/v3 themselves. Where a client can only speak v2, \
                 give it this address and leave its paths as they are.",
            );
            return path[..at].to_owned();
        }
    }
    path.to_owned()
}

fn ends_a_segment(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// Tells names that are nearly `VirusTotal`'s, and names that only look like what they are. False where nothing is to
/// be sent there.
fn names_a_known_host(address: &Address, chart: &mut Chart) -> bool {
    let (Host::Domain(name), _) = address.place() else { return true };
    if name.split('.').any(|label| label.starts_with("xn--")) {
        chart.warning(
            Step::Address,
            format!("the host's name has letters beyond ASCII; it stands for {name}"),
            "Type the name by hand: letters of other scripts look like Latin ones.",
        );
    }
    let wanted = bare(VIRUSTOTAL);
    if name == VIRUSTOTAL {
        return true;
    }
    if name == wanted {
        let mend = format!("Write https://{VIRUSTOTAL}: a key is not sent on after a redirect.");
        chart.warning(Step::Address, format!("VirusTotal answers at {VIRUSTOTAL}; {name} only points there"), mend);
        return true;
    }
    let near = name.ends_with(&format!(".{wanted}")) || distance(bare(name), wanted) <= 2;
    if near {
        chart.problem(
            Step::Address,
            format!("{name} is not VirusTotal: its API answers at {VIRUSTOTAL}"),
            format!("Write https://{VIRUSTOTAL}. Nothing was sent to {name}."),
        );
    }
    !near
}

fn bare(name: &str) -> &str {
    name.strip_prefix("www.").unwrap_or(name)
}

/// How many letters have to be changed, added, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Finding, Grade};
    use super::*;

    fn look(typed: &str) -> (Option<String>, Vec<Finding>) {
        let mut chart = Chart::new(Box::new(|_| ()));
        let address = examine(typed, &mut chart).map(|address| address.to_string());
        (address, chart.into_findings())
    }

    fn worst(findings: &[Finding]) -> Grade {
        findings.iter().map(|finding| finding.grade).max().expect("a finding")
    }

    #[test]
    fn each_way_to_write_an_address_wrongly_is_named_and_the_server_is_made_out() {
        for (typed, server, grade, said) in [
            ("https://host", "https://host", Grade::Fine, "port 443"),
            ("https://host/api/v3/", "https://host", Grade::Note, "vt-py"),
            ("host", "https://host", Grade::Warning, "no scheme"),
            ("localhost:8080", "http://localhost:8080", Grade::Warning, "no scheme"),
            ("http:8080", "https://http:8080", Grade::Warning, "no scheme"),
            (" https://host\n", "https://host", Grade::Warning, "line end"),
            ("\"https://host\"", "https://host", Grade::Warning, "quotation marks"),
            ("https:/host", "https://host", Grade::Warning, "https:/"),
            ("https//host", "https://host", Grade::Warning, "https//"),
            ("htps://host", "https://host", Grade::Warning, "htps://"),
            ("https://host/vtapi/v2/", "https://host", Grade::Problem, "API v2"),
            ("https://host/vtapi/v2/file/report", "https://host", Grade::Problem, "API v2"),
            ("https://host/assay/api/v3/files/275a", "https://host/assay", Grade::Warning, "endpoint"),
            ("https://host/gui/home", "https://host", Grade::Problem, "web interface"),
            ("https://host/guidance", "https://host/guidance", Grade::Fine, "guidance"),
            ("https://host/api/v3?apikey=1", "https://host", Grade::Warning, "query"),
            ("https://me:word@host", "https://host", Grade::Problem, "password"),
            ("https://virustotal.com", "https://virustotal.com", Grade::Warning, "www.virustotal.com"),
            ("https://www.virustotal.com/api/v3", "https://www.virustotal.com", Grade::Note, "vt-py"),
        ] {
            let (address, findings) = look(typed);
            assert_eq!(address.as_deref(), Some(server), "{typed}");
            assert_eq!(worst(&findings), grade, "{typed}: {findings:?}");
            let all: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
            assert!(all.join("\n").contains(said), "{typed}: {all:?}");
            assert!(!all.join("\n").contains("word@"), "{all:?}");
        }
    }

    #[test]
    fn an_address_that_names_no_server_or_a_false_virustotal_ends_the_walk() {
        for typed in [
            "",
            "https://",
            "ftp://host",
            "a b",
            "https://api.virustotal.com",
            "https://www.virustotal.co",
            "https://wwww.virustotal.com",
            "https://www.virsutotal.com",
            "https://www.virustotaI.com/",
        ] {
            let (address, findings) = look(typed);
            assert_eq!(address, None, "{typed}: {findings:?}");
            assert_eq!(worst(&findings), Grade::Problem, "{typed}");
        }
    }

    #[test]
    fn letters_of_other_scripts_are_told() {
        let (_, findings) = look("https://аssay.example");
        assert!(findings.iter().any(|finding| finding.message.contains("xn--")), "{findings:?}");
    }

    #[test]
    fn a_swap_counts_as_one_change() {
        assert_eq!(distance("virsutotal.com", "virustotal.com"), 1);
        assert_eq!(distance("virustotal", "virustotal.com"), 4);
        assert_eq!(distance("", "abc"), 3);
    }
}
