//! A JSON list cut at its items by one pass over its brackets and quotes. What stands between them is not looked at:
//! whoever reads the items and the frame finds what is broken in them.

use std::ops::Range;

/// Where the items of the object at the start of a text stand.
#[derive(Debug)]
pub(super) struct Items<'t> {
    scan: Scan<'t>,
    /// The text of `items`, from its `[`; open until its `]` was found.
    start: usize,
    end: Option<usize>,
    is_broken: bool,
    expects_item: bool,
}

impl<'t> Items<'t> {
    /// Finds the `items` of an object; `None` where it has none, or none that is a list.
    pub(super) fn find(text: &'t str) -> Option<Self> {
        let mut scan = Scan { text: text.as_bytes(), at: 0 };
        scan.take(b'{')?;
        loop {
            let key = scan.value()?;
            scan.take(b':')?;
            scan.space();
            if text.get(key)? == "\"items\"" && scan.peek() == Some(b'[') {
                let start = scan.at;
                scan.at += 1;
                let (end, is_broken, expects_item) = (None, false, false);
                return Some(Self { scan, start, end, is_broken, expects_item });
            }
            scan.value()?;
            scan.take(b',')?;
        }
    }

    /// Returns where the next item stands.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        if self.end.is_some() || self.is_broken {
            return None;
        }
        let item = self.item();
        self.is_broken = item.is_none() && self.end.is_none();
        item
    }

    fn item(&mut self) -> Option<Range<usize>> {
        self.scan.space();
        if !self.expects_item && self.scan.peek()? == b']' {
            self.scan.at += 1;
            self.end = Some(self.scan.at);
            return None;
        }
        let item = self.scan.value()?;
        self.scan.space();
        self.expects_item = match self.scan.peek()? {
            b',' => {
                self.scan.at += 1;
                true
            }
            b']' => false,
            _ => return None,
        };
        Some(item)
    }

    /// Returns what stood before the items.
    pub(super) fn before(&self) -> Range<usize> {
        0..self.start
    }

    /// Returns what stands behind the items, to the end of the object; `None` where it was not found.
    pub(super) fn behind(mut self) -> Option<Range<usize>> {
        let start = self.end?;
        loop {
            self.scan.space();
            match self.scan.peek()? {
                b'}' => return Some(start..self.scan.at + 1),
                b',' => self.scan.at += 1,
                _ => return None,
            }
            self.scan.value()?;
            self.scan.take(b':')?;
            self.scan.value()?;
        }
    }
}

#[derive(Debug)]
struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes over space and one byte.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Passes over space and one value; returns where it stands.
    fn value(&mut self) -> Option<Range<usize>> {
        self.space();
        let start = self.at;
        match self.peek()? {
            b'{' | b'[' => self.nested()?,
            b'"' => {
                self.at += 1;
                self.string()?;
            }
            _ => {
                let ends = |b: &u8| b",]}: \n\r\t".contains(b);
                let length = self.text.get(start..)?.iter().position(ends)?;
                self.at += length;
            }
        }
        (self.at > start).then_some(start..self.at)
    }

    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => self.string()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(());
                    }
                }
                _ => {}
            }
        }
    }

    /// Passes over the rest of a string and its closing quote.
    fn string(&mut self) -> Option<()> {
        loop {
            let rest = self.text.get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest.get(found) == Some(&b'"') {
                return Some(());
            }
            // The character behind a backslash.
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Option<(Vec<&str>, &str, &str)> {
        let mut items = Items::find(text)?;
        let found = std::iter::from_fn(|| items.next()).map(|i| text.get(i).unwrap()).collect();
        let before = text.get(items.before())?;
        Some((found, before, text.get(items.behind()?)?))
    }

    #[test]
    fn items_are_found_between_brackets_and_quotes() {
        let text = r#" {"a": [1, "]"], "items" : [ {"b": "\\\"}"} ,2, "x" ], "kind": "List"} {}"#;
        let found = items(text).unwrap();
        assert_eq!(found.0, [r#"{"b": "\\\"}"}"#, "2", r#""x""#]);
        assert_eq!(found.1, r#" {"a": [1, "]"], "items" : "#);
        assert_eq!(found.2, r#", "kind": "List"}"#);
        assert_eq!(items(r#"{"items":[]}"#).unwrap(), (vec![], r#"{"items":"#, "}"));
    }

    #[test]
    fn what_is_no_list_of_items_is_left_to_the_reader() {
        for text in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"a": 1}"#,
            r#"{"items": {}}"#,
            r#"{"items": ["#,
            r#"{"items": [1,]}"#,
            r#"{"items": [1 2]}"#,
            r#"{"items": [1]"#,
            r#"{"items": [,1]}"#,
            r#"{"items": ["a]}"#,
            r#"{"items": [{]}"#,
            r#"{"items": [] "a": 1}"#,
        ] {
            assert_eq!(items(text), None, "{text}");
        }
    }
}
