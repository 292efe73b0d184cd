//! One slip of the hand between two words: what was written and what was meant in, how they differ out.

/// How a word was written instead of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slip {
    /// One letter for another; on the keyboard they are neighbours.
    Neighbour,
    /// One letter for another.
    Other,
    /// A letter twice.
    Doubled,
    /// A letter too many.
    Added,
    /// A letter too few.
    Lost,
    /// Two letters in the wrong order.
    Swapped,
}

impl Slip {
    /// For the reader of a report.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Neighbour => "with a key beside the right one",
            Self::Other => "with one other letter",
            Self::Doubled => "with a letter doubled",
            Self::Added => "with a letter too many",
            Self::Lost => "with a letter missing",
            Self::Swapped => "with two letters swapped",
        }
    }

    /// Whether hands slip so, rather than that words happen to differ so.
    pub(super) const fn is_of_the_hand(self) -> bool {
        matches!(self, Self::Neighbour | Self::Doubled | Self::Swapped)
    }
}

/// The slip that makes `written` of `meant`, if one does.
pub(super) fn slip(written: &str, meant: &str) -> Option<Slip> {
    let (written, meant) = (written.as_bytes(), meant.as_bytes());
    if written.len().abs_diff(meant.len()) > 1 {
        return None;
    }
    let head = written.iter().zip(meant).take_while(|(left, right)| left == right).count();
    let (rest, wanted) = (&written[head..], &meant[head..]);
    let tail = rest.iter().rev().zip(wanted.iter().rev()).take_while(|(left, right)| left == right).count();
    match (&rest[..rest.len() - tail], &wanted[..wanted.len() - tail]) {
        ([wrong], [right]) if are_neighbours(*wrong, *right) => Some(Slip::Neighbour),
        ([_], [_]) => Some(Slip::Other),
        ([a, b], [c, d]) if a == d && b == c => Some(Slip::Swapped),
        // Of two equal letters the second counts as the one too many, because the heads are equal up to there.
        ([added], []) if head > 0 && written[head - 1] == *added => Some(Slip::Doubled),
        ([_], []) => Some(Slip::Added),
        ([], [_]) => Some(Slip::Lost),
        _ => None,
    }
}

/// Whether two keys lie side by side on a QWERTY keyboard, in a row or across two.
fn are_neighbours(left: u8, right: u8) -> bool {
    const ROWS: [&[u8]; 4] = [b"1234567890-", b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    let place = |key: u8| {
        ROWS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.iter().position(|other| *other == key)?)))
    };
    let (Some((row, column)), Some((other_row, other_column))) = (place(left), place(right)) else { return false };
    match (row.abs_diff(other_row), column.abs_diff(other_column)) {
        (0, apart) => apart == 1,
        // A row lies half a key to the right of the one above it.
        (1, _) => {
            let (upper, lower) = if row < other_row { (column, other_column) } else { (other_column, column) };
            upper == lower || upper == lower + 1
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_is_told_from_the_others() {
        for (written, kind) in [
            ("paypak", Some(Slip::Neighbour)),
            ("paypzl", Some(Slip::Neighbour)),
            ("paypol", Some(Slip::Other)),
            ("payypal", Some(Slip::Doubled)),
            ("paypall", Some(Slip::Doubled)),
            ("paylpal", Some(Slip::Added)),
            ("xpaypal", Some(Slip::Added)),
            ("payal", Some(Slip::Lost)),
            ("papyal", Some(Slip::Swapped)),
            ("paypla", Some(Slip::Swapped)),
            ("paypal", None),
            ("ppayal1", None),
            ("lapyap", None),
            ("", None),
        ] {
            assert_eq!(slip(written, "paypal"), kind, "{written}");
        }
    }

    #[test]
    fn neighbours_are_so_from_both_sides() {
        for (left, right) in [(b'a', b's'), (b'a', b'q'), (b'o', b'0'), (b'm', b'k'), (b's', b'w')] {
            assert!(are_neighbours(left, right) && are_neighbours(right, left));
        }
        assert!(!are_neighbours(b'a', b'p') && !are_neighbours(b'.', b'a'));
    }
}
