//! `multipart/form-data` (RFC 7578), piece by piece. In goes a stream of bytes and a boundary, out come the heads of the
//! parts and their content. Written here because the published parser refuses names with control characters and
//! gathers a part's head without a limit; names are data to us, whatever they hold.
//!
//! Invariant: at most [`HEAD_MAX`] bytes and one piece of the stream are held at any time.

use assay_model::{Error, Result};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use memchr::memmem;

/// The longest head of a part, and the longest preamble.
pub(crate) const HEAD_MAX: usize = 64 << 10;
/// The longest boundary (RFC 2046).
const BOUNDARY_MAX: usize = 70;

/// What the head of a part says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The field.
    pub name: Option<String>,
    /// The file's name as the client wrote it.
    pub file_name: Option<String>,
}

/// The parts of a body.
pub(crate) struct Parts<S> {
    stream: S,
    /// What came and was not given out. A piece of the stream is held as it came: no byte of a file is copied here.
    buffer: Bytes,
    /// CR LF `--` and the boundary.
    delimiter: Vec<u8>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a delimiter: in the preamble or in a part's content.
    Inside,
    /// Right behind a delimiter.
    Behind,
    /// Behind the last delimiter.
    End,
}

/// The boundary that a content type names.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (!boundary.is_empty() && boundary.len() <= BOUNDARY_MAX).then_some(boundary)
}

impl<S: Stream<Item = std::io::Result<Bytes>> + Unpin> Parts<S> {
    /// The parts of `stream`.
    pub(crate) fn new(stream: S, boundary: &str) -> Self {
        // The line break that belongs to the delimiter may be missing before the first one.
        let buffer = Bytes::from_static(b"\r\n");
        Self { stream, buffer, delimiter: format!("\r\n--{boundary}").into_bytes(), place: Place::Inside }
    }

    /// The head of the next part; what is left of the part before is thrown away. `None` behind the last part.
    pub(crate) async fn next(&mut self) -> Result<Option<Head>> {
        while self.chunk().await?.is_some() {}
        if self.place == Place::End {
            return Ok(None);
        }
        self.fill(2).await?;
        if self.buffer.starts_with(b"--") {
            self.place = Place::End;
            return Ok(None);
        }
        let line = self.find(b"\r\n").await?;
        self.buffer.advance(line);
        // A head without lines ends at once; otherwise it ends at the first empty line.
        let end = self.find(b"\r\n\r\n").await?;
        let head = read_head(&String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()));
        self.buffer.advance(end + 4);
        self.place = Place::Inside;
        Ok(Some(head))
    }

    /// More of the part's content; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while self.place == Place::Inside {
            if let Some(end) = memmem::find(&self.buffer, &self.delimiter) {
                let content = self.buffer.split_to(end);
                self.buffer.advance(self.delimiter.len());
                self.place = Place::Behind;
                if content.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(content));
            }
            // The delimiter may begin in what is held and end in what is to come.
            let safe = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if safe > 0 {
                return Ok(Some(self.buffer.split_to(safe)));
            }
            let piece = self.piece().await?;
            if self.may_end_in(&piece) {
                self.append(&piece);
                continue;
            }
            let held = std::mem::replace(&mut self.buffer, piece);
            if !held.is_empty() {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// Whether the delimiter begins in what is held and ends in the next piece, or in one after it.
    fn may_end_in(&self, piece: &Bytes) -> bool {
        let reach = self.delimiter.len() - 1;
        let Some(start) = piece.get(..reach) else { return true };
        memmem::find(&[&self.buffer[..], start].concat(), &self.delimiter).is_some()
    }

    /// Where a text begins that must come within [`HEAD_MAX`] bytes.
    async fn find(&mut self, text: &[u8]) -> Result<usize> {
        loop {
            if let Some(place) = memmem::find(&self.buffer, text) {
                return Ok(place);
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(Error::bad_request(format!("a part of the upload has a head of over {HEAD_MAX} bytes")));
            }
            self.read().await?;
        }
    }

    async fn fill(&mut self, size: usize) -> Result<()> {
        while self.buffer.len() < size {
            self.read().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        let piece = self.piece().await?;
        self.append(&piece);
        Ok(())
    }

    async fn piece(&mut self) -> Result<Bytes> {
        let cut = || Error::bad_request("the upload is cut off or is not multipart/form-data");
        match self.stream.next().await {
            Some(Ok(piece)) => Ok(piece),
            Some(Err(cause)) => Err(cut().because(cause)),
            None => Err(cut()),
        }
    }

    fn append(&mut self, piece: &Bytes) {
        if self.buffer.is_empty() {
            self.buffer = piece.clone();
            return;
        }
        let held = std::mem::take(&mut self.buffer);
        let mut held = held.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        held.extend_from_slice(piece);
        self.buffer = held.freeze();
    }
}

/// Reads the lines of a head.
fn read_head(text: &str) -> Head {
    let mut head = Head::default();
    for line in text.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            let parameters = value.split_once(';').map_or("", |(_, parameters)| parameters);
            head.name = parameter(parameters, "name");
            let extended = parameter(parameters, "filename*").and_then(|value| extended_value(&value));
            head.file_name = extended.or_else(|| parameter(parameters, "filename"));
        }
    }
    head
}

/// `UTF-8''percent%20encoded` (RFC 5987).
fn extended_value(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let utf8 = charset.eq_ignore_ascii_case("utf-8");
    utf8.then(|| percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned())
}

/// The value of a parameter, quoted or not. In quotes only `\"` is an escape: clients send paths with backslashes.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    while !rest.trim_start_matches([';', ' ', '\t']).is_empty() {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, value) = rest.split_once('=')?;
        let (value, after) = if let Some(quoted) = value.strip_prefix('"') {
            unquote(quoted)
        } else {
            let end = value.find(';').unwrap_or(value.len());
            (value[..end].trim_end().to_owned(), &value[end..])
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// The text up to the closing quote, and what is behind it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[place + 1..]),
            '\\' if text[place + 1..].starts_with('"') => {
                value.push('"');
                letters.next();
            }
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\a \\\"b\\\"\x07.exe\"\r\n\
                          Content-Type: x\r\n\r\none\r\n--two\r\n-\r\n--b \t\r\ncontent-disposition: form-data; name=password\r\n\r\n\
                          \r\n--b--\r\nepilogue";

    async fn read(body: &[u8], piece: usize) -> Result<Vec<(Head, Vec<u8>)>> {
        let pieces: Vec<_> = body.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut parts = Parts::new(futures_util::stream::iter(pieces), "b");
        let mut all = Vec::new();
        while let Some(head) = parts.next().await? {
            let mut content = Vec::new();
            while let Some(piece) = parts.chunk().await? {
                content.extend_from_slice(&piece);
            }
            all.push((head, content));
        }
        Ok(all)
    }

    #[tokio::test]
    async fn parts_are_the_same_however_the_body_is_cut_into_pieces() {
        for piece in 1..BODY.len() {
            let parts = read(BODY, piece).await.expect("parts");
            assert_eq!(parts.len(), 2, "{piece}");
            assert_eq!(parts[0].0.name.as_deref(), Some("file"));
            assert_eq!(parts[0].0.file_name.as_deref(), Some("C:\\a \"b\"\x07.exe"));
            assert_eq!(parts[0].1, b"one\r\n--two\r\n-", "{piece}");
            assert_eq!((parts[1].0.name.as_deref(), &*parts[1].1), (Some("password"), &b""[..]));
        }
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_anywhere_is_an_error() {
        let whole = BODY.len() - "--\r\nepilogue".len();
        for end in 0..=whole {
            assert!(read(&BODY[..end], 7).await.is_err(), "{end}");
        }
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let body = [&b"--b\r\nX: "[..], &vec![b'x'; 2 * HEAD_MAX]].concat();
        assert!(read(&body, 1024).await.expect_err("refused").message.contains("head"));
    }

    #[test]
    fn boundaries_are_read_with_and_without_quotes() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("Multipart/Form-Data; charset=x; boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("application/json; boundary=a"), None);
        assert_eq!(boundary("multipart/form-data; boundary="), None);
    }

    #[test]
    fn an_extended_file_name_wins() {
        let head = read_head("Content-Disposition: form-data; name=\"f\"; filename=\"x\"; filename*=UTF-8''%e2%82%ac");
        assert_eq!(head.file_name.as_deref(), Some("€"));
    }
}
