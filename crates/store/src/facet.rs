//! Values of facets that are too long for some index: kept as their beginning and their SHA-256. Facets are only ever
//! looked up whole, so nothing is lost.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// Longer values are shortened by backends whose indexes have no room for them.
pub(crate) const LONGEST: usize = 1000;
const BEGINNING: usize = 200;

/// A value that is not too long.
pub(crate) fn shortened(value: &str) -> Cow<'_, str> {
    if value.len() <= LONGEST {
        return Cow::Borrowed(value);
    }
    let beginning = &value[..value.floor_char_boundary(BEGINNING)];
    Cow::Owned(format!("{beginning}…{}", hex::encode(Sha256::digest(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shortened_and_stay_different() {
        let (one, other) = ("é".repeat(5000) + "a", "é".repeat(5000) + "b");
        assert!(shortened(&one).len() < LONGEST && shortened(&one) != shortened(&other));
        assert_eq!(shortened(&shortened(&one)), shortened(&one));
        assert_eq!(shortened("Trojan.A"), "Trojan.A");
    }
}
