//! The look of every table, and cells for what occurs in several.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use bytesize::ByteSize;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use crate::client::Verdict;
use crate::client::object::Engine;
use crate::client::plain::plain;
use crate::client::verdict::Stats;

/// The year 10000, where the form of dates ends.
const LAST_DATE: u64 = 253_402_300_800;

/// Where tables go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A terminal: its width, with colours.
    Coloured,
    /// A terminal that wants no colours.
    Uncoloured,
    /// No terminal: as wide as the content is.
    Piped,
}

impl Look {
    /// A table with a frame and a header.
    pub(crate) fn table<'a>(self, header: impl IntoIterator<Item = &'a str>) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED.with_rounded_corners());
        table.set_header(header.into_iter().map(|name| Cell::new(plain(name)).add_attribute(Attribute::Bold)));
        self.arrange(&mut table);
        table
    }

    /// Facts by name, none yet.
    pub(crate) fn facts(self) -> Facts {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        self.arrange(&mut table);
        Facts(table)
    }

    /// How many characters a line of the terminal has; none where there is no terminal.
    pub(crate) fn width(self) -> Option<usize> {
        match self {
            Self::Coloured | Self::Uncoloured => Table::new().width().map(usize::from),
            Self::Piped => None,
        }
    }

    /// Text outside a table in a colour, by its number in ANSI's sequences; plain where colours are not wanted.
    pub(crate) fn painted(self, text: &str, colour: u8) -> String {
        match self {
            Self::Coloured => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
            Self::Uncoloured | Self::Piped => text.to_owned(),
        }
    }

    fn arrange(self, table: &mut Table) {
        match self {
            Self::Piped => table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled),
            Self::Uncoloured => {
                let width = table.width();
                table.force_no_tty().set_content_arrangement(ContentArrangement::Dynamic);
                if let Some(width) = width { table.set_width(width) } else { table }
            }
            Self::Coloured => table.set_content_arrangement(ContentArrangement::Dynamic),
        };
    }
}

/// How many characters a line of the terminal behind stderr has.
pub(crate) fn width_of_stderr() -> Option<usize> {
    let mut table = Table::new();
    table.use_stderr();
    table.width().map(usize::from)
}

/// A line a fact: its name, what it is; no frame.
pub(crate) struct Facts(Table);

impl Facts {
    /// One more fact.
    pub(crate) fn add(&mut self, name: &str, value: Cell) {
        self.0.add_row([Cell::new(name).add_attribute(Attribute::Bold), value]);
    }

    /// The lines.
    pub(crate) fn render(mut self) -> String {
        if let Some(names) = self.0.column_mut(0) {
            names.set_padding((0, 1));
        }
        self.0.trim_fmt()
    }
}

/// Foreign text.
pub(crate) fn text(text: &str) -> Cell {
    Cell::new(plain(text))
}

/// Text that is there to be overlooked.
pub(crate) fn faint(text: &str) -> Cell {
    Cell::new(text).fg(Color::DarkGrey)
}

/// Something went wrong.
pub(crate) fn error(text: &str) -> Cell {
    Cell::new(plain(text)).fg(Color::Magenta)
}

/// A verdict with the count of engines behind it.
pub(crate) fn verdict(verdict: Verdict, stats: &Stats) -> Cell {
    let cell = Cell::new(verdict.with_count(stats)).fg(colour(verdict.word()));
    if verdict == Verdict::Malicious { cell.add_attribute(Attribute::Bold) } else { cell }
}

/// An engine's category.
pub(crate) fn category(engine: &Engine) -> Cell {
    Cell::new(plain(&engine.category)).fg(colour(&engine.category))
}

/// What an engine said, in one cell: its name for it, or a sign where it has found nothing.
pub(crate) fn opinion(engine: Option<&Engine>) -> Cell {
    match engine {
        None => faint(""),
        Some(engine) if engine.found() => text(engine.label()).fg(colour(&engine.category)),
        Some(engine) if engine.category == "undetected" => faint("–"),
        Some(engine) if engine.category == "type-unsupported" => faint("n/a"),
        Some(engine) => Cell::new(plain(&engine.category)).fg(colour(&engine.category)),
    }
}

/// Right-aligned.
pub(crate) fn number(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A limit of VirusTotal's: from its sentinel on, none.
pub(crate) fn limit(allowed: u64) -> String {
    if allowed >= assay_model::quota::UNLIMITED { "unlimited".to_owned() } else { allowed.to_string() }
}

/// Bytes, as people say them: `68 B`, `4.2 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// Unix seconds as `2026-11-23 09:47:01 UTC`.
pub(crate) fn date(seconds: i64) -> Cow<'static, str> {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds < LAST_DATE => {
            let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
            Cow::Owned(date.replace('T', " ").replace('Z', " UTC"))
        }
        _ => Cow::Borrowed("out of range"),
    }
}

fn colour(category: &str) -> Color {
    match category {
        "malicious" => Color::Red,
        "suspicious" => Color::Yellow,
        "harmless" | "undetected" => Color::Green,
        "failure" | "timeout" | "confirmed-timeout" => Color::Magenta,
        _ => Color::DarkGrey,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_dates_are_as_people_say_them() {
        assert_eq!(size(68), "68 B");
        assert_eq!(size(4_404_019), "4.2 MiB");
        assert_eq!(date(1_763_891_221), "2025-11-23 09:47:01 UTC");
        assert_eq!(date(-1), "out of range");
        assert_eq!(date(i64::MAX), "out of range");
    }

    #[test]
    fn a_piped_table_has_no_colours_and_is_as_wide_as_its_content() {
        let mut table = Look::Piped.table(["a"]);
        table.add_row([error(&"wide ".repeat(60))]);
        let shown = table.to_string();
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert_eq!(shown.lines().count(), 5, "{shown}");
    }
}
