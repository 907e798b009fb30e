//! Block YAML that reads alike under YAML 1.1 and 1.2: kubectl takes a plain `yes`, `010` or `1e3` for no string.

use serde_yaml::Value;

/// Writes a value as a document.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

fn write(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            for (i, (key, value)) in map.iter().enumerate() {
                if i > 0 {
                    pad(text, indent);
                }
                text.push_str(&scalar(key));
                text.push(':');
                nested(text, value, indent);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    pad(text, indent);
                }
                text.push_str("- ");
                write(text, item, indent + 2);
            }
        }
        other => {
            text.push_str(&scalar(other));
            text.push('\n');
        }
    }
}

/// Writes the value of a key: a collection on lines of its own, a list no deeper than its key.
fn nested(text: &mut String, value: &Value, indent: usize) {
    let deeper = match value {
        Value::Mapping(map) if !map.is_empty() => indent + 2,
        Value::Sequence(items) if !items.is_empty() => indent,
        other => {
            text.push(' ');
            text.push_str(&scalar(other));
            text.push('\n');
            return;
        }
    };
    text.push('\n');
    pad(text, deeper);
    write(text, value, deeper);
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(s) if is_plain(s) => s.clone(),
        Value::String(s) => serde_json::Value::from(s.as_str()).to_string(),
        Value::Number(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Mapping(_) => "{}".into(),
        Value::Sequence(_) => "[]".into(),
        Value::Null | Value::Tagged(_) => "null".into(),
    }
}

/// Tells whether every reader takes a plain scalar for this string: a word that begins with a letter, means no boolean
/// or null, and holds nothing that YAML or a number could use.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(inner)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_yaml_1_1_takes_for_something_else_are_quoted() {
        let value: Value =
            serde_yaml::from_str("{a: {k: 'yes', n: '010', e: '1e3'}, l: [{x: web, y: [1]}, {}]}")
                .unwrap();
        let text = "a:\n  k: \"yes\"\n  \"n\": \"010\"\n  e: \"1e3\"\nl:\n- x: web\n  \"y\":\n  - 1\n- {}\n";
        assert_eq!(document(&value), text);
        assert_eq!(serde_yaml::from_str::<Value>(text).unwrap(), value);
    }
}
