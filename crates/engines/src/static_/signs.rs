//! The signs: facts in, what speaks against the file out. Shapes of the facts: `pe_info`, `elf_info`,
//! `pdf_info`, `bundle_info` as in `VirusTotal`'s file object (<https://docs.virustotal.com/reference/files>).

use assay_model::facts::Facts;
use serde_json::Value;

/// Shannon entropy in bits a byte from which a section is packed or encrypted rather than code or text.
const PACKED: f64 = 7.2;

/// Endings that Windows runs when they are opened.
const RUNS: &[&str] = &[
    "exe", "scr", "com", "pif", "bat", "cmd", "js", "jse", "vbs", "vbe", "wsf", "wsh", "hta", "lnk", "ps1", "msi",
    "cpl", "jar",
];

/// One sign against a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sign {
    /// How much it counts; see [`super::THRESHOLD`].
    pub(super) weight: u32,
    /// Its name in the result, after `Heuristic.`.
    pub(super) name: &'static str,
    /// Why, for the reader of the report.
    pub(super) reason: String,
}

fn sign(weight: u32, name: &'static str, reason: impl Into<String>) -> Sign {
    Sign { weight, name, reason: reason.into() }
}

/// Looks at one kind of details for signs.
type Look = fn(&Value, &Facts) -> Vec<Sign>;

/// The details that are looked at.
const KINDS: &[(&str, Look)] = &[("pe_info", pe), ("elf_info", elf), ("pdf_info", pdf), ("bundle_info", bundle)];

/// Whether there is anything here to judge by.
pub(super) fn knows(facts: &Facts) -> bool {
    KINDS.iter().any(|(name, _)| facts.details.contains_key(*name))
}

/// All signs of a file.
pub(super) fn of(facts: &Facts) -> Vec<Sign> {
    KINDS.iter().filter_map(|(name, signs)| Some(signs(facts.details.get(*name)?, facts))).flatten().collect()
}

fn pe(info: &Value, _: &Facts) -> Vec<Sign> {
    let mut signs = Vec::new();
    let sections = list(info, "sections");
    let name_of = |section: &Value| section["name"].as_str().unwrap_or_default().escape_debug().to_string();
    let flags = |section: &Value| section["flags"].as_str().unwrap_or_default().to_owned();
    if let Some(section) = sections.iter().find(|section| flags(section).contains('w') && flags(section).contains('x'))
    {
        signs.push(sign(
            40,
            "PE.WritableCode",
            format!("the section `{}` is both writable and executable", name_of(section)),
        ));
    }
    let packed = |section: &&Value| section["entropy"].as_f64().unwrap_or_default() >= PACKED;
    let imports: usize =
        list(info, "import_list").iter().map(|library| list(library, "imported_functions").len()).sum();
    let code = sections.iter().find(|section| flags(section).contains('x') && packed(section));
    if let Some(section) = code {
        let entropy = section["entropy"].as_f64().unwrap_or_default();
        signs.push(sign(
            30,
            "PE.PackedCode",
            format!("the code in `{}` is packed or encrypted (entropy {entropy:.2})", name_of(section)),
        ));
        if imports <= 8 {
            signs.push(sign(40, "PE.Packed", format!("packed, and it imports only {imports} functions by name")));
        }
    }
    let empty_on_disk = |section: &&Value| {
        flags(section).contains('x')
            && section["raw_size"].as_u64() == Some(0)
            && section["virtual_size"].as_u64().unwrap_or(0) > 0
    };
    if let Some(section) = sections.iter().find(empty_on_disk) {
        signs.push(sign(
            30,
            "PE.UnpacksItself",
            format!("the code section `{}` is empty on disk and filled at run time", name_of(section)),
        ));
    }
    if sections.is_empty() {
        signs.push(sign(60, "PE.NoSections", "a program without sections"));
    }
    if entry_outside(info, sections) {
        signs.push(sign(40, "PE.EntryOutsideCode", "it starts outside its executable sections"));
    }
    signs
}

/// Whether the entry point is set and lies in no executable section.
fn entry_outside(info: &Value, sections: &[Value]) -> bool {
    let Some(entry) = info["entry_point"].as_u64().filter(|entry| *entry != 0) else { return false };
    let holds = |section: &Value| {
        let start = section["virtual_address"].as_u64().unwrap_or(0);
        let size = section["virtual_size"].as_u64().unwrap_or(0).max(section["raw_size"].as_u64().unwrap_or(0));
        section["flags"].as_str().unwrap_or_default().contains('x')
            && (start..start.saturating_add(size)).contains(&entry)
    };
    !sections.is_empty() && !sections.iter().any(holds)
}

fn elf(info: &Value, _: &Facts) -> Vec<Sign> {
    let mut signs = Vec::new();
    let kind = info["header"]["type"].as_str().unwrap_or_default();
    // Relocatable objects have neither segments nor an entry; nothing here is odd about them.
    if kind.contains("REL") || kind.contains("CORE") {
        return signs;
    }
    let packers = list(info, "packers");
    if let Some(packer) = packers.first().and_then(Value::as_str) {
        signs.push(sign(60, "ELF.Packed", format!("packed with {packer}")));
    }
    let sections = list(info, "section_list");
    let segments = list(info, "segment_list");
    let dynamic =
        segments.iter().any(|segment| segment["segment_type"].as_str().is_some_and(|kind| kind.contains("DYNAMIC")));
    if sections.is_empty() && !segments.is_empty() {
        signs.push(sign(40, "ELF.NoSections", "the section table was removed"));
        if !dynamic && list(info, "import_list").is_empty() {
            signs.push(sign(30, "ELF.NoImports", "statically linked, without sections and imports"));
        }
    }
    let open = |section: &&Value| {
        let flags = section["flags"].as_str().unwrap_or_default();
        flags.contains('W') && flags.contains('X')
    };
    if let Some(section) = sections.iter().find(open) {
        let name = section["name"].as_str().unwrap_or_default().escape_debug();
        signs.push(sign(40, "ELF.WritableCode", format!("the section `{name}` is both writable and executable")));
    }
    signs
}

fn pdf(info: &Value, _: &Facts) -> Vec<Sign> {
    let count = |name: &str| info[name].as_u64().unwrap_or(0);
    let mut signs = Vec::new();
    let script = count("js") + count("javascript") > 0;
    let automatic = count("openaction") + count("autoaction") > 0;
    if count("num_launch_actions") > 0 {
        signs.push(sign(70, "PDF.LaunchAction", "it can start a program (Launch action)"));
    }
    if script {
        signs.push(sign(20, "PDF.JavaScript", "it contains JavaScript"));
    }
    if script && automatic {
        signs.push(sign(20, "PDF.AutomaticJavaScript", "JavaScript, and an action that runs when it is opened"));
    } else if automatic && count("num_launch_actions") > 0 {
        signs.push(sign(30, "PDF.AutomaticLaunch", "the action runs when it is opened"));
    }
    if count("embedded_file") > 0 && (script || automatic) {
        signs.push(sign(30, "PDF.EmbeddedFile", "a file is embedded, and something acts on opening"));
    }
    if count("jbig2_compression") > 0 && script {
        signs.push(sign(20, "PDF.Jbig2", "JBIG2 images beside JavaScript, as exploits use them"));
    }
    if count("flash") > 0 {
        signs.push(sign(40, "PDF.Flash", "it contains Flash"));
    }
    signs
}

fn bundle(info: &Value, facts: &Facts) -> Vec<Sign> {
    let mut signs = Vec::new();
    let endings = info["extensions"].as_object();
    let has = |wanted: &[&str]| {
        endings
            .is_some_and(|endings| endings.keys().any(|ending| wanted.contains(&ending.to_ascii_lowercase().as_str())))
    };
    let encrypted = facts.tags.iter().any(|tag| tag == "encrypted") || info.get("password").is_some();
    let members = info["num_children"].as_u64().unwrap_or(0);
    if encrypted && has(RUNS) {
        signs.push(sign(70, "Archive.EncryptedProgram", "an encrypted archive with a program or script"));
        if members <= 3 {
            signs.push(sign(30, "Archive.EncryptedProgram", "it holds little else"));
        }
    }
    signs
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
