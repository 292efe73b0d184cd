//! The lines of a list in whichever of the usual forms: one line in, what it lists out. The forms are told apart line by
//! line, so that a list needs no word about its form.

use super::entry::Entry;
use super::fields::Columns;

/// Hosts that every hosts file has for the machine itself.
const OWN: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
    "0.0.0.0",
];

/// Addresses to which hosts files send what they block.
const NOWHERE: &[&str] =
    &["0.0.0.0", "127.0.0.1", "127.0.1.1", "::", "::1", "fe80::1%lo0", "255.255.255.255", "ff00::0"];

/// What a list says of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remark {
    /// In words.
    Note(String),
    /// The name of a threat.
    Threat(String),
    /// The brand that it pretends to be.
    Brand(String),
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was understood: it lists something, or is a comment or a head.
    Fine,
    /// It says nothing that a list can say.
    Bad,
}

/// Reads the lines of one list in their order.
#[derive(Debug, Default)]
pub(super) struct Reader {
    columns: Option<Columns>,
    begun: bool,
}

/// Takes what a line lists.
pub(super) type Add<'a> = &'a mut dyn FnMut(Entry, Option<Remark>);

impl Reader {
    /// Reads a line and hands what it lists to `add`.
    pub(super) fn read(&mut self, bytes: &[u8], add: Add<'_>) -> Outcome {
        if !self.begun && text(bytes).is_some_and(|text| self.is_head(text)) {
            return Outcome::Fine;
        }
        self.read_on(bytes, add)
    }

    /// Reads a line that comes after the head.
    pub(super) fn read_on(&self, bytes: &[u8], add: Add<'_>) -> Outcome {
        let Some(text) = text(bytes) else { return Outcome::Bad };
        if comment(text).is_some() {
            return Outcome::Fine;
        }
        let listed = match &self.columns {
            Some(columns) => of_fields(columns, text),
            None => return of_words(text, add),
        };
        let Some((entry, remark)) = listed else { return Outcome::Bad };
        add(entry, remark);
        Outcome::Fine
    }

    /// Whether the head is over, after which no line depends on one before.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether a line says nothing but which columns there are; the first that is no comment is the last that may.
    fn is_head(&mut self, text: &str) -> bool {
        let head = if let Some(comment) = comment(text) {
            // Fewer than three columns are rather a sentence.
            Some(comment).filter(|comment| comment.matches([',', ';', '\t']).count() > 1)
        } else {
            self.begun = true;
            Some(text)
        };
        let columns = head.and_then(Columns::read);
        let is_head = columns.is_some();
        self.columns = columns.or(self.columns.take());
        is_head
    }
}

/// A line as text, without the byte order mark with which Windows' editors begin a file.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().map(|text| text.trim_start_matches('\u{feff}').trim())
}

/// What a comment says, and an empty line.
fn comment(text: &str) -> Option<&str> {
    let marks = ["#", ";", "//", "!"];
    let comment = marks.iter().find_map(|mark| text.strip_prefix(mark));
    comment.or_else(|| text.is_empty().then_some(text)).or_else(|| text.strip_prefix("[Adblock")).map(str::trim)
}

/// A line of CSV.
fn of_fields(columns: &Columns, text: &str) -> Option<(Entry, Option<Remark>)> {
    let fields = columns.fields(text);
    let field = |place: usize| fields.get(place).copied().filter(|field| !field.is_empty() && *field != "None");
    let entry = Entry::read(field(columns.listed)?)?;
    let brand = columns.brand.and_then(field).filter(|brand| *brand != "Other");
    let remark = if let Some(brand) = brand {
        Some(Remark::Brand(brand.to_owned()))
    } else if let Some(threat) = columns.threat.and_then(field).filter(|name| !name.starts_with("Unknown")) {
        Some(Remark::Threat(threat.to_owned()))
    } else {
        let notes: Vec<_> = columns.notes.iter().copied().filter_map(field).collect();
        (!notes.is_empty()).then(|| Remark::Note(notes.join(", ")))
    };
    Some((entry, remark))
}

/// A line of anything else: one entry and perhaps a remark, or an address and the hosts that it stands for.
fn of_words(text: &str, add: Add<'_>) -> Outcome {
    let text = text.trim_matches(['"', '\'']);
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !rest.is_empty() && NOWHERE.contains(&first) {
        return hosts(rest, add);
    }
    if let Some(entry) = Entry::read(first) {
        add(entry, remark(rest));
        return Outcome::Fine;
    }
    // What no entry has may part it from what follows.
    let Some((first, rest)) = text.split_once([',', ';', '\t']) else { return Outcome::Bad };
    match Entry::read(first.trim_matches('"')) {
        Some(entry) => {
            add(entry, remark(rest));
            Outcome::Fine
        }
        None => Outcome::Bad,
    }
}

/// The hosts of a line of a hosts file.
fn hosts(names: &str, add: Add<'_>) -> Outcome {
    let names = names.split('#').next().unwrap_or_default();
    let mut outcome = Outcome::Fine;
    for name in names.split_whitespace().filter(|name| !OWN.contains(name)) {
        match Entry::read(name) {
            Some(entry) => add(entry, None),
            None => outcome = Outcome::Bad,
        }
    }
    outcome
}

fn remark(rest: &str) -> Option<Remark> {
    let note = rest.trim_matches(|first: char| first.is_whitespace() || "#;,\"'/".contains(first));
    (!note.is_empty()).then(|| Remark::Note(note.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a list holds: each entry as text, with its remark, and how many lines are bad.
    fn read(list: &str) -> (Vec<String>, usize) {
        let (mut reader, mut found, mut bad) = (Reader::default(), Vec::new(), 0);
        for line in list.split_inclusive('\n') {
            let mut add = |entry: Entry, remark: Option<Remark>| {
                let entry = match entry {
                    Entry::Host(name) => name.to_string(),
                    Entry::Url(url) => url.to_string(),
                    Entry::Network(net) => net.to_string(),
                };
                found.push(remark.map_or_else(|| entry.clone(), |remark| format!("{entry} {remark:?}")));
            };
            bad += usize::from(reader.read(line.as_bytes(), &mut add) == Outcome::Bad);
        }
        (found, bad)
    }

    #[test]
    fn urlhaus_as_it_is_published() {
        let list = "################\n# abuse.ch URLhaus Database Dump (CSV - recent URLs only)      #\r\n#\r\n\
            # id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\r\n\
            \"3500001\",\"2025-03-31 10:44:08\",\"http://192.0.2.9:41791/bin.sh\",\"online\",\"2025-03-31 10:44:08\",\
            \"malware_download\",\"32-bit,elf,mips,Mozi\",\"https://urlhaus.example/url/3500001/\",\"someone\"\r\n\
            \"3500000\",\"2025-03-31 10:44:08\",\"https://evil.example/a,b?c=1\",\"offline\",\"\",\"malware_download\",\"None\",\"x\",\"y\"\r\n\
            \"3499999\",\"2025-03-31\"\r\n";
        let (found, bad) = read(list);
        assert_eq!(
            found,
            [
                r#"http://192.0.2.9:41791/bin.sh Note("malware_download, 32-bit,elf,mips,Mozi")"#,
                r#"https://evil.example/a,b?c=1 Note("malware_download")"#
            ]
        );
        assert_eq!(bad, 1);
    }

    #[test]
    fn hosts_files() {
        let list = "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n0.0.0.0 0.0.0.0\n\
            0.0.0.0 ads.example.com tracker.example.net # both\n127.0.0.1\tevil.example\n0.0.0.0 -bad name-\n";
        let (found, bad) = read(list);
        assert_eq!(found, ["ads.example.com", "tracker.example.net", "evil.example"]);
        assert_eq!(bad, 1);
    }

    #[test]
    fn plain_lists_with_comments_and_remarks() {
        let list = "\u{feff}# domains\n\nexample.com\r\nexample.net # seen in March\n192.0.2.0/24 ; SBL256894\n\
            evil.example,Emotet\nhttp://example.org/a;b,c d\n! comment\n[Adblock Plus]\n||ads.example^\n// x\nwhat is this\n";
        let (found, bad) = read(list);
        assert_eq!(
            found,
            [
                "example.com",
                r#"example.net Note("seen in March")"#,
                r#"192.0.2.0/24 Note("SBL256894")"#,
                r#"evil.example Note("Emotet")"#,
                r#"http://example.org/a;b,c Note("d")"#,
                "ads.example",
            ]
        );
        assert_eq!(bad, 1);
    }

    #[test]
    fn csv_with_names_of_threats_and_of_brands() {
        let (found, bad) = read(
            "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"malware\"\n\"2025-01-01\",\"192.0.2.4\",\"443\",\"QakBot\"\n",
        );
        assert_eq!((found, bad), (vec![r#"192.0.2.4/32 Threat("QakBot")"#.to_owned()], 0));
        let (found, _) = read("phish_id,url,target\n1,http://a.example/,PayPal\n2,http://b.example/,Other\n");
        assert_eq!(found, [r#"http://a.example/ Brand("PayPal")"#, "http://b.example/"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_bad() {
        assert_eq!(Reader::default().read(b"\xff\xfe", &mut |_, _| {}), Outcome::Bad);
    }
}
