//! The fields of a line of CSV, and which of them say what: by the names that feeds give their columns.

/// Columns that name what is listed; of several the first counts.
const LISTED: &[&str] = &[
    "url",
    "ioc_value",
    "ioc",
    "indicator",
    "domain",
    "hostname",
    "host",
    "fqdn",
    "dst_ip",
    "ip",
    "ip_address",
    "ipaddress",
    "network",
    "cidr",
    "address",
];

/// Columns with the name of a threat.
const THREATS: &[&str] = &["malware_printable", "malware", "malware_family", "signature"];

/// Columns with a remark.
const NOTES: &[&str] = &["threat", "tags", "threat_type", "description"];

/// Columns with the brand that is pretended.
const BRANDS: &[&str] = &["target", "brand"];

/// Which field says what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    delimiter: char,
    pub(super) listed: usize,
    pub(super) threat: Option<usize>,
    pub(super) notes: Vec<usize>,
    pub(super) brand: Option<usize>,
}

impl Columns {
    /// The columns, if the line names them. One that names nothing else needs no delimiter.
    pub(super) fn read(line: &str) -> Option<Self> {
        [',', ';', '\t'].into_iter().find_map(|delimiter| {
            let names: Vec<_> = fields(line, delimiter).map(|name| name.trim().to_ascii_lowercase()).collect();
            let place = |known: &[&str]| known.iter().find_map(|&known| names.iter().position(|name| name == known));
            Some(Self {
                delimiter,
                listed: place(LISTED)?,
                threat: place(THREATS),
                notes: NOTES.iter().filter_map(|known| place(&[known])).collect(),
                brand: place(BRANDS),
            })
        })
    }

    /// The fields of a line.
    pub(super) fn fields<'a>(&self, line: &'a str) -> Vec<&'a str> {
        fields(line, self.delimiter).collect()
    }
}

/// Splits a line at the delimiters that stand outside quotes. Quotes around a field are taken off; doubled ones inside
/// stay doubled, which no address has.
fn fields(line: &str, delimiter: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let opened = text.trim_start_matches(' ');
        let Some(quoted) = opened.strip_prefix('"') else {
            let (field, after) = text.split_once(delimiter).map_or((text, None), |(field, after)| (field, Some(after)));
            rest = after;
            return Some(field.trim());
        };
        let end = closing(quoted);
        rest = quoted[end..].split_once(delimiter).map(|(_, after)| after);
        Some(&quoted[..end])
    })
}

/// Where the quote is that closes a field; the end where none does.
fn closing(quoted: &str) -> usize {
    let mut places = quoted.match_indices('"').map(|(place, _)| place);
    while let Some(place) = places.next() {
        if !quoted[place + 1..].starts_with('"') {
            return place;
        }
        places.next();
    }
    quoted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_hold_delimiters_and_quotes() {
        let split = |line| fields(line, ',').collect::<Vec<_>>();
        assert_eq!(split(r#""1","a,b","c""d", e ,"#), ["1", "a,b", r#"c""d"#, "e", ""]);
        assert_eq!(split(""), [""]);
        assert_eq!(split(r#""open"#), ["open"]);
        assert_eq!(split(r#""a"x,b"#), ["a", "b"]);
    }

    #[test]
    fn the_columns_of_the_usual_feeds_are_known() {
        let read = |line| Columns::read(line).map(|columns| (columns.listed, columns.threat, columns.brand));
        let urlhaus = "id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter";
        assert_eq!(read(urlhaus), Some((2, None, None)));
        assert_eq!(Columns::read(urlhaus).map(|columns| columns.notes), Some(vec![5, 6]));
        let threatfox = r#""first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias","malware_printable""#;
        assert_eq!(read(threatfox), Some((2, Some(7), None)));
        let feodo = r#""first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware""#;
        assert_eq!(read(feodo), Some((1, Some(5), None)));
        let phishtank = "phish_id,url,phish_detail_url,submission_time,verified,verification_time,online,target";
        assert_eq!(read(phishtank), Some((1, None, Some(7))));
        assert_eq!(read("domain"), Some((0, None, None)));
        assert_eq!(read("Hostname;Description"), Some((0, None, None)));
        assert_eq!(read("example.com,bad"), None);
    }
}
