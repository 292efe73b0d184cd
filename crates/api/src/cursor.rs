//! Cursors: where a page ends, as text for clients. Made of `A-Z a-z 0-9 _ -` only, because some clients paste them
//! into the next address unescaped. A cursor holds for the list that it came from and for no other.

use assay_model::{Error, Result};
use assay_store::Position;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The longest cursor that is looked at.
const LONGEST: usize = 512;

#[derive(Serialize, Deserialize)]
struct Token {
    /// A check over the list's name.
    list: u32,
    position: Position,
}

/// The text of a position in the list of this name.
pub(crate) fn write(list: &str, position: &Position) -> String {
    let token = Token { list: check(list), position: position.clone() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).expect("a token serialises"))
}

/// The position that a client sent for the list of this name.
pub(crate) fn read(list: &str, text: &str) -> Result<Position> {
    let wrong = || Error::invalid_argument("the cursor is damaged: send it as it was in meta.cursor");
    if text.len() > LONGEST {
        return Err(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|cause| wrong().because(cause))?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|cause| wrong().because(cause))?;
    if token.list != check(list) {
        return Err(Error::invalid_argument("the cursor belongs to another query"));
    }
    Ok(token.position)
}

/// Tells lists apart; FNV-1a over the name.
fn check(list: &str) -> u32 {
    list.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_for_its_own_list_only() {
        let text = write("files/a/analyses", &Position::Time(5, 7));
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{text}");
        assert_eq!(read("files/a/analyses", &text).ok(), Some(Position::Time(5, 7)));
        assert!(read("files/b/analyses", &text).is_err());
        assert!(read("files/a/analyses", &text[1..]).is_err());
        assert!(read("files/a/analyses", &"A".repeat(9_999)).is_err());
    }
}
