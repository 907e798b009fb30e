//! The frame of a snapshot file: what tells it from other files, its version, length and checksum.
//!
//! It stays as it is in every format to come, so that each program can tell a damaged file from one that is too new.

use twox_hash::XxHash3_128;

/// How every snapshot file begins; no text does, since its first byte is none of UTF-8.
const MAGIC: [u8; 8] = *b"\x89netpol\x1a";
/// The end of it, which no manifest holds: the last character is no text.
const NAME: [u8; 7] = *b"netpol\x1a";
/// A damaged first byte may have become so many.
const MOST_BEFORE: usize = 4;
/// The format that is written and read; another one whenever a block means something else.
pub(super) const FORMAT: u32 = 1;
/// What comes before the writer's version.
const FIXED: usize = 24;
/// The checksum at the end.
const SUM: usize = 16;
/// The longest version of a writer, in bytes.
const MOST_VERSION: usize = 64;

/// Tells whether bytes begin as those of a snapshot file, which [`load`](crate::sources::load) reads like a manifest.
///
/// That is also said of one whose first bytes were damaged, as by a copy as text, so that it is not taken for YAML.
pub fn is_snapshot(bytes: &[u8]) -> bool {
    let start = bytes.get(..MAGIC.len() + MOST_BEFORE).unwrap_or(bytes);
    start.windows(NAME.len()).any(|part| part == NAME)
}

/// Why a file is refused: what is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl Refused {
    /// Refuses a file whose bytes arrived, but do not hold what its format says.
    pub(super) fn malformed(what: impl std::fmt::Display) -> Self {
        Self {
            message: format!("the snapshot file is not made as its format says: {what}"),
            help: "write it again from the manifests",
        }
    }
}

/// Puts the frame around a body.
pub(super) fn wrap(body: &[u8]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let length = FIXED + version.len() + body.len() + SUM;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(u32::try_from(version.len()).unwrap_or_default().to_le_bytes());
    bytes.extend((length as u64).to_le_bytes());
    bytes.extend(version);
    bytes.extend(body);
    let sum = XxHash3_128::oneshot(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Checks the frame and returns the body.
pub(super) fn unwrap(bytes: &[u8]) -> Result<&[u8], Refused> {
    let cut = || Refused {
        message: "the snapshot file ends too early".to_owned(),
        help: "copy it again as a whole, or write it again from the manifests",
    };
    let rest = bytes.strip_prefix(&MAGIC).ok_or_else(|| Refused {
        message: "the snapshot file is damaged: it does not begin as one does".to_owned(),
        help: "copy it again, in binary mode, or write it again from the manifests",
    })?;
    let (format, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let (version_length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let (length, _) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (length, found) = (u64::from_le_bytes(*length), bytes.len() as u64);
    if length != found {
        let message = format!(
            "the snapshot file says that it is {length} bytes long, but {found} bytes are there"
        );
        return Err(Refused { message, ..cut() });
    }
    let (content, sum) = bytes.split_last_chunk::<SUM>().ok_or_else(cut)?;
    if u128::from_le_bytes(*sum) != XxHash3_128::oneshot(content) {
        return Err(Refused {
            message: "the snapshot file is damaged: its content does not have the checksum that it states".to_owned(),
            help: "copy it again, in binary mode, or write it again from the manifests",
        });
    }
    let version_length = u32::from_le_bytes(*version_length) as usize;
    let rest = content.get(FIXED..).unwrap_or_default();
    let parts = rest.split_at_checked(version_length).filter(|_| version_length <= MOST_VERSION);
    let (version, body) = parts.ok_or_else(|| Refused::malformed("its writer has no version"))?;
    let format = u32::from_le_bytes(*format);
    if format == FORMAT {
        return Ok(body);
    }
    let version: String =
        String::from_utf8_lossy(version).chars().filter(|c| !c.is_control()).collect();
    Err(Refused {
        message: format!(
            "netpol {version} wrote this snapshot file in format {format}; netpol {} reads format {FORMAT} alone",
            env!("CARGO_PKG_VERSION")
        ),
        help: "read it with the version that wrote it, or write it again with this one",
    })
}

/// States the right checksum, so that tests get behind it.
#[cfg(any(test, feature = "test-util"))]
pub fn mend(bytes: &mut Vec<u8>) {
    let content = bytes.len().saturating_sub(SUM);
    bytes.truncate(content);
    let length = (content + SUM) as u64;
    if let Some(field) = bytes.get_mut(16..FIXED) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    let sum = XxHash3_128::oneshot(bytes);
    bytes.extend(sum.to_le_bytes());
}
