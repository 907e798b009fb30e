//! Plain scalars as kubectl's YAML library reads them: by YAML 1.1 (networkpolicy-v1, section 3).

/// What a scalar is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A boolean; YAML 1.1 counts `yes`, `on`, `y` and their like.
    Bool(bool),
    /// A whole number. Decimals and exponents without a fraction are whole, as in JSON.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text,
}

impl Value {
    /// Returns the words for an error.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text => "text",
        }
    }
}

/// The longest word that is no text: `false`.
const LONGEST_WORD: usize = 5;

/// Resolves a plain scalar by YAML 1.1, with the 1.2 octals that kubectl's library adds.
pub(super) fn resolve(text: &str) -> Value {
    let is_word = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if is_word && text.len() > LONGEST_WORD {
        return Value::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number(text),
        _ => Value::Text,
    }
}

/// Tells whether YAML 1.2 gives a plain scalar another value: bare octals, underscores, exponents, binary numbers
/// and the long booleans. `null`, `80` and `true` are the same in both.
pub(super) fn differs_in_yaml_1_2(text: &str) -> bool {
    match resolve(text) {
        Value::Null | Value::Text => false,
        Value::Bool(_) => !matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE"),
        Value::Int(value) => !is_plain_integer(text, value),
        Value::Float(_) => text.contains(['_', 'e', 'E']),
    }
}

/// Tells whether the serde reader, which follows YAML 1.2, gives a plain scalar another value than [`resolve`].
pub(super) fn reader_differs(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => !decimal(text) && resolve(text) != Value::Text,
        Some(b'y' | b'Y' | b'n' | b'N' | b'o' | b'O') => matches!(resolve(text), Value::Bool(_)),
        _ => false,
    }
}

/// A decimal integer without sign or leading zero, on which all readers agree.
fn decimal(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
}

/// Hexadecimal, `0o` octal and decimal numbers are the same in YAML 1.2; so is `080`, which is no octal.
fn is_plain_integer(text: &str, value: i64) -> bool {
    if text.contains(['_', 'e', 'E', 'b', 'B']) && !text.contains(['x', 'X']) || text.contains('_')
    {
        return false;
    }
    let digits = text.trim_start_matches(['+', '-']);
    digits.parse::<i64>().is_ok_and(|n| n == value.abs())
        || !digits.bytes().all(|b| b.is_ascii_digit())
}

fn number(text: &str) -> Value {
    if let Some(rest) = text.strip_prefix('.') {
        return match rest {
            "inf" | "Inf" | "INF" => Value::Float(f64::INFINITY),
            "nan" | "NaN" | "NAN" => Value::Float(f64::NAN),
            _ => float(text),
        };
    }
    if matches!(text, "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF") {
        return Value::Float(f64::INFINITY);
    }
    // Mostly it is a plain decimal number, an address or a time.
    if decimal(text)
        && let Ok(value) = text.parse()
    {
        return Value::Int(value);
    }
    let of_number = |b: &u8| {
        b.is_ascii_hexdigit() || matches!(b, b'+' | b'-' | b'.' | b'_' | b'x' | b'X' | b'o' | b'O')
    };
    if !text.as_bytes().iter().all(of_number) || text.bytes().filter(|b| *b == b'.').count() > 1 {
        return Value::Text;
    }
    let plain = text.replace('_', "");
    match integer(&plain) {
        Some(value) => Value::Int(value),
        None => float(&plain),
    }
}

/// Go's `strconv.ParseInt` with base 0.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", text.get(1..)?),
        b'+' => ("", text.get(1..)?),
        _ => ("", text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.as_bytes().first()?.is_ascii_alphanumeric() {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`; a number without a fraction is whole.
fn float(text: &str) -> Value {
    let shape = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
        && text.bytes().any(|b| b.is_ascii_digit())
        && !text.trim_start_matches(['+', '-']).starts_with(['e', 'E']);
    match text.parse::<f64>() {
        Ok(value) if shape => whole(value),
        _ => Value::Text,
    }
}

/// Turns a number without a fraction into the whole number that JSON would carry.
pub(super) fn whole(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "INVARIANT: whole and below 2^53")]
        return Value::Int(value as i64);
    }
    Value::Float(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5000, ..ProptestConfig::default() })]

        #[test]
        fn short_cuts_change_no_value(text in "[-+.0-9a-fxXoO_einN:/ ]{0,8}") {
            let plain = text.replace('_', "");
            let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            if is_number && !text.starts_with('.') {
                let long = integer(&plain).map_or_else(|| float(&plain), Value::Int);
                prop_assert_eq!(resolve(&text), long, "{}", text);
            }
        }
    }

    #[test]
    fn scalars_have_the_values_that_kubectl_gives_them() {
        for (text, value) in [
            ("0100", Value::Int(64)),
            ("080", Value::Int(80)),
            ("0x50", Value::Int(80)),
            ("0o17", Value::Int(15)),
            ("0b11", Value::Int(3)),
            ("1_000", Value::Int(1000)),
            ("1e3", Value::Int(1000)),
            ("10.0", Value::Int(10)),
            ("10.5", Value::Float(10.5)),
            ("+7", Value::Int(7)),
            ("-7", Value::Int(-7)),
            ("-010", Value::Int(-8)),
            ("22:22", Value::Text),
            ("2001-01-01", Value::Text),
            ("10.0.0.1", Value::Text),
            ("10.0.0.0/8", Value::Text),
            ("-", Value::Text),
            ("+-1", Value::Text),
            (".", Value::Text),
            ("1e", Value::Text),
            ("e3", Value::Text),
            ("0x", Value::Text),
            ("Off", Value::Bool(false)),
            ("nO", Value::Text),
            ("~", Value::Null),
            ("", Value::Null),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }

    #[test]
    fn values_that_yaml_1_2_reads_otherwise_are_known() {
        for text in ["0100", "1_000", "1e3", "0b11", "yes", "off", "n", "-010", "1_0.5"] {
            assert!(differs_in_yaml_1_2(text), "{text}");
        }
        for text in ["080", "0x50", "0xeb", "0o17", "80", "0", "-7", "10.0", "true", "null", "web"]
        {
            assert!(!differs_in_yaml_1_2(text), "{text}");
        }
    }

    #[test]
    fn scalars_on_which_the_serde_reader_may_differ_are_known() {
        for text in ["yes", "on", "N", "0100", "080", "1_000", "1e3", "10.0", "0x50", "0"] {
            assert_eq!(reader_differs(text), text != "0", "{text}");
        }
        for text in ["80", "10.0.0.1", "2001-01-01", "name", "north", "", "true", "null"] {
            assert!(!reader_differs(text), "{text}");
        }
    }
}
