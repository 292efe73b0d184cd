//! How the log's lines are written as text. A request's line has plain words and numbers only and is written here, to the
//! same form as all others, which the library writes: in its way the line would cost a look-up a sixth of all its work.

use std::cell::RefCell;
use std::fmt;

use assay_model::Timestamp;
use assay_model::clock::{Clock as _, System};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// The target of the requests' lines.
const REQUESTS: &str = "assay::request";
/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

/// Writes requests here and leaves the rest to `O`.
pub(super) struct Text<O>(pub(super) O);

impl<S, N, O> FormatEvent<S, N> for Text<O>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    O: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() == REQUESTS {
            return request(&mut writer, event);
        }
        self.0.format_event(context, writer, event)
    }
}

fn request(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    write_moment(writer, System.nanoseconds())?;
    writer.write_str("  INFO")?;
    let mut fields = Fields { writer: &mut *writer, outcome: Ok(()) };
    event.record(&mut fields);
    fields.outcome?;
    writer.write_char('\n')
}

thread_local! {
    /// The last second that this thread wrote, and its text.
    static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

/// `2026-11-24T20:15:00.123456Z`, as the library has it.
fn write_moment(writer: &mut dyn fmt::Write, nanoseconds: i64) -> fmt::Result {
    let micros = nanoseconds.div_euclid(1000);
    let (second, micros) = (micros.div_euclid(MICROS), micros.rem_euclid(MICROS));
    SECOND.with_borrow_mut(|(known, text)| {
        if *known != second {
            (*known, *text) = (second, Timestamp(second).text().replace(' ', "T"));
        }
        writer.write_str(text)
    })?;
    write_fraction(writer, micros.unsigned_abs(), 6)?;
    writer.write_char('Z')
}

/// A point and so many digits.
fn write_fraction(writer: &mut dyn fmt::Write, mut value: u64, digits: usize) -> fmt::Result {
    let mut text = *b".000000";
    for place in (1..=digits).rev() {
        text[place] += u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
    writer.write_str(str::from_utf8(&text[..=digits]).unwrap_or_default())
}

/// ` name=value` for each field.
struct Fields<'a, 'w> {
    writer: &'a mut Writer<'w>,
    outcome: fmt::Result,
}

impl Fields<'_, '_> {
    fn add(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_err() {
            return;
        }
        let mut whole = || {
            self.writer.write_char(' ')?;
            self.writer.write_str(field.name())?;
            self.writer.write_char('=')
        };
        self.outcome = whole().and_then(|()| value(self.writer));
    }
}

impl Visit for Fields<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        self.add(field, |writer| {
            if !is_plain {
                return write!(writer, "{value:?}");
            }
            writer.write_char('"')?;
            writer.write_str(value)?;
            writer.write_char('"')
        });
    }

    /// To three digits: milliseconds of which more would say nothing.
    fn record_f64(&mut self, field: &Field, value: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what is out of range is cut to it"
        )]
        let thousandths = (value * 1000.0).round() as u64;
        self.add(field, |writer| {
            write!(writer, "{}", thousandths / 1000)?;
            write_fraction(writer, thousandths % 1000, 3)
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, |writer| write!(writer, "{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::format::Format;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written by the library, and here, without the moments.
    fn both(log: impl Fn()) -> [String; 2] {
        let format = || Format::default().with_target(false).with_ansi(false);
        let written = [Written::default(), Written::default()];
        let [theirs, ours] = written.each_ref().map(|written| {
            let written = written.clone();
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone())
        });
        tracing::subscriber::with_default(theirs.event_format(format()).finish(), &log);
        tracing::subscriber::with_default(ours.event_format(Text(format())).finish(), &log);
        written.map(|written| {
            let text = String::from_utf8(written.0.lock().expect("no panic").clone()).expect("text");
            let moment_ends = text.find('Z').expect("a moment");
            assert_eq!(moment_ends, "2026-11-24T20:15:00.123456".len(), "{text}");
            text[moment_ends..].to_owned()
        })
    }

    #[test]
    fn a_request_has_the_line_that_the_library_would_write() {
        let key_id = Some(tracing::field::display("0123456789ab"));
        let [theirs, ours] = both(|| {
            let (method, status, ms) = ("GET", 200_u16, 12.125);
            tracing::info!(target: "assay::request", id = "00ff", method, route = "/a/{id}", status, ms, key_id, cost = 1_u64);
        });
        assert_eq!(ours, theirs);
        assert_eq!(
            ours,
            "Z  INFO id=\"00ff\" method=\"GET\" route=\"/a/{id}\" status=200 ms=12.125 key_id=0123456789ab cost=1\n"
        );
    }

    #[test]
    fn what_is_not_plain_is_escaped() {
        let [theirs, ours] = both(|| {
            tracing::info!(target: "assay::request", method = "G\x1bE\"T\\\n", cost = u64::MAX);
        });
        assert_eq!(ours, theirs);
        assert_eq!(ours.lines().count(), 1);
    }

    #[test]
    fn other_lines_are_the_librarys() {
        let [theirs, ours] = both(|| tracing::warn!(count = 3, "something happened"));
        assert_eq!(ours, theirs);
    }

    #[test]
    fn moments_and_thousandths_have_all_their_digits() {
        for (nanoseconds, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_551_300_000_042_999, "2026-11-24T20:15:00.000042Z"),
            (1_795_551_300_999_999_999, "2026-11-24T20:15:00.999999Z"),
        ] {
            let mut text = String::new();
            write_moment(&mut text, nanoseconds).expect("text");
            assert_eq!(text, expected);
        }
    }
}
