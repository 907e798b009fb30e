//! Whole files and streams of bounded length: what is longer is refused, never cut, and what is no text is told by line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{ErrorCode, QueryError};

/// Reads a stream to its end; `limit` is in bytes.
pub(crate) fn bytes(reader: impl Read, limit: u64, name: &str) -> Result<Vec<u8>, QueryError> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let read = read.map_err(|error| wrong(format!("{name} cannot be read: {error}")))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit {
        let longest = match limit {
            0..0x10_0000 => format!("{limit} bytes"),
            _ => format!("{} MiB", limit >> 20),
        };
        let error = wrong(format!("{name} cannot be read: it is longer than {longest}"));
        return Err(error.help("give it in several parts"));
    }
    Ok(bytes)
}

/// Reads a stream of UTF-8 to its end.
pub(crate) fn text(reader: impl Read, limit: u64, name: &str) -> Result<String, QueryError> {
    String::from_utf8(bytes(reader, limit, name)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let message = format!("{name}:{line}: this is no UTF-8, from byte {at} of the input on");
        wrong(message).help("write it as UTF-8: `iconv -t UTF-8` converts it from what it is")
    })
}

/// Reads a file of UTF-8.
pub(crate) fn file(path: &Path, limit: u64) -> Result<String, QueryError> {
    let name = path.display().to_string();
    let file = File::open(path);
    text(file.map_err(|error| wrong(format!("{name} cannot be read: {error}")))?, limit, &name)
}

fn wrong(message: String) -> QueryError {
    QueryError::new(ErrorCode::Input, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_refused_and_what_fits_is_whole() {
        assert_eq!(text(&b"four"[..], 4, "it").unwrap(), "four");
        let error = text(&b"fives"[..], 4, "it").unwrap_err();
        assert_eq!(error.message, "it cannot be read: it is longer than 4 bytes");
        let error = bytes(std::io::repeat(7), 3 << 20, "it").unwrap_err();
        assert_eq!(error.message, "it cannot be read: it is longer than 3 MiB");
    }

    #[test]
    fn what_is_no_text_is_told_by_line() {
        let error = text(&b"one\ntwo\nth\xffree"[..], 100, "a.npq").unwrap_err();
        assert_eq!(error.message, "a.npq:3: this is no UTF-8, from byte 10 of the input on");
    }
}
