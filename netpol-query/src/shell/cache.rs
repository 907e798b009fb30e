//! Answers that were given, so that the same question again costs nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use super::present::Piece;
use crate::render::Format;
use crate::reply::Reply;

/// At most so many answers are kept.
const MOST_ANSWERS: usize = 256;
/// At most so many bytes of rendered answers are kept.
const MOST_BYTES: usize = 64 << 20;
/// At most so many rows are kept.
const MOST_ROWS: u64 = 1_000_000;

/// What an answer depends on beside what is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) sentence: String,
    pub(super) namespace: Option<String>,
    /// Of the variables.
    pub(super) generation: u64,
    pub(super) format: Format,
    /// Of the terminal.
    pub(super) width: Option<usize>,
}

/// An answer with what is shown of it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) replies: Arc<[Reply]>,
    pub(super) pieces: Arc<[Piece]>,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.pieces.iter().map(|p| p.out.len() + p.err.len()).sum()
    }

    fn rows(&self) -> u64 {
        let answers = self.replies.iter().filter_map(|r| r.result.as_ref().ok());
        answers.map(|a| a.body.len()).sum()
    }
}

/// The answers of a session; the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    answers: VecDeque<(Key, Kept)>,
}

impl Cache {
    /// Returns the answer to a question that was asked before.
    pub(super) fn get(&self, key: &Key) -> Option<Kept> {
        self.answers.iter().rev().find(|(k, _)| k == key).map(|(_, kept)| kept.clone())
    }

    /// Keeps an answer, and drops old ones beyond the bounds.
    pub(super) fn keep(&mut self, key: Key, kept: Kept) {
        self.answers.retain(|(k, _)| *k != key);
        self.answers.push_back((key, kept));
        while self.is_full() {
            self.answers.pop_front();
        }
    }

    /// Forgets everything: what is loaded has changed.
    pub(super) fn clear(&mut self) {
        self.answers.clear();
    }

    fn is_full(&self) -> bool {
        let (mut bytes, mut rows) = (0, 0);
        for (_, kept) in &self.answers {
            bytes += kept.bytes();
            rows += kept.rows();
        }
        self.answers.len() > MOST_ANSWERS || bytes > MOST_BYTES || rows > MOST_ROWS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sentence: usize) -> Key {
        let sentence = sentence.to_string();
        Key { sentence, namespace: None, generation: 0, format: Format::Text, width: None }
    }

    fn kept(bytes: usize) -> Kept {
        let piece = Piece { out: vec![0; bytes], ..Piece::default() };
        Kept { replies: Arc::default(), pieces: [piece].into() }
    }

    #[test]
    fn the_oldest_answers_go_first() {
        let mut cache = Cache::default();
        (0..300).for_each(|n| cache.keep(key(n), kept(1)));
        assert!(cache.get(&key(0)).is_none() && cache.get(&key(299)).is_some());
        cache.keep(key(1000), kept(MOST_BYTES));
        assert!(cache.get(&key(299)).is_none() && cache.get(&key(1000)).is_some());
        cache.keep(key(1001), kept(MOST_BYTES + 1));
        assert!(cache.answers.is_empty());
    }
}
