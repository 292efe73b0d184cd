//! Words and endings that mean something in an address.

/// What lures people: words that those who pretend to be somebody put beside the name.
const LURES: &[&str] = &[
    "account",
    "accounts",
    "alert",
    "auth",
    "authentication",
    "bank",
    "banking",
    "billing",
    "claim",
    "confirm",
    "confirmation",
    "customer",
    "help",
    "helpdesk",
    "id",
    "identity",
    "invoice",
    "limited",
    "locked",
    "login",
    "logon",
    "mail",
    "notice",
    "online",
    "password",
    "pay",
    "payment",
    "portal",
    "recover",
    "recovery",
    "refund",
    "renew",
    "reset",
    "restore",
    "secure",
    "security",
    "service",
    "services",
    "sign",
    "signin",
    "signon",
    "sso",
    "support",
    "suspended",
    "ticket",
    "unlock",
    "update",
    "upgrade",
    "validate",
    "validation",
    "verification",
    "verify",
    "wallet",
    "web",
    "webmail",
    "webscr",
];

/// Endings that a system runs when they are opened.
const RUNS: &[&str] = &[
    "apk", "bat", "chm", "cmd", "com", "cpl", "dll", "elf", "exe", "hta", "iso", "jar", "js", "jse", "lnk", "msi",
    "pif", "ps1", "scr", "sh", "vbe", "vbs", "wsf", "xll",
];

/// Endings of what people read or look at.
const READ: &[&str] = &[
    "csv", "doc", "docx", "gif", "htm", "html", "jpeg", "jpg", "mp3", "mp4", "odt", "pdf", "png", "ppt", "pptx", "rtf",
    "txt", "xls", "xlsx",
];

/// Whether it is a word that lures people.
pub(super) fn lures(word: &str) -> bool {
    LURES.binary_search(&word).is_ok()
}

/// Whether a file with this ending is run when it is opened.
pub(super) fn runs(ending: &str) -> bool {
    RUNS.binary_search(&ending).is_ok()
}

/// Whether a file with this ending is read or looked at.
pub(super) fn is_read(ending: &str) -> bool {
    READ.binary_search(&ending).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        for table in [LURES, RUNS, READ] {
            assert!(table.is_sorted(), "{table:?}");
        }
    }
}
