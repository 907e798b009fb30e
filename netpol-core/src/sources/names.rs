//! The names that the API server accepts: object names, labels and ports (networkpolicy-v1, section 15).

/// Checks an object name: a DNS-1123 subdomain (M2).
pub(super) fn subdomain(name: &str) -> Result<(), String> {
    if name.len() > 253 {
        return Err("must be no more than 253 characters".into());
    }
    if name.split('.').all(is_dns_label) {
        return Ok(());
    }
    Err("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
         and must start and end with an alphanumeric character"
        .into())
}

/// Checks a namespace name: a DNS-1123 label (M4).
pub(super) fn dns_label(name: &str) -> Result<(), String> {
    if name.len() > 63 {
        return Err("must be no more than 63 characters".into());
    }
    if is_dns_label(name) {
        return Ok(());
    }
    Err("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
         and must start and end with an alphanumeric character"
        .into())
}

fn is_dns_label(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty() && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// Checks a label or annotation key: `[prefix/]name` (V22).
pub(super) fn qualified(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Err("a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start \
                    and end with an alphanumeric character, with an optional DNS subdomain prefix and '/'"
            .into());
    }
    match prefix {
        Some("") => return Err("prefix part must be non-empty".into()),
        Some(prefix) => subdomain(prefix).map_err(|e| format!("prefix part {e}"))?,
        None => {}
    }
    if name.is_empty() {
        return Err("name part must be non-empty".into());
    }
    if name.len() > 63 {
        return Err("name part must be no more than 63 characters".into());
    }
    if is_word(name) {
        return Ok(());
    }
    Err("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
         alphanumeric character"
        .into())
}

/// Checks a label value (V23).
pub(super) fn label_value(value: &str) -> Result<(), String> {
    if value.len() > 63 {
        return Err("must be no more than 63 characters".into());
    }
    if value.is_empty() || is_word(value) {
        return Ok(());
    }
    Err("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
         start and end with an alphanumeric character"
        .into())
}

fn is_word(text: &str) -> bool {
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    ends(text.bytes().next())
        && ends(text.bytes().next_back())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Checks the name of a port (V9 to V13); every fault is named.
pub(super) fn port(name: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let mut fault = |wrong: bool, text: &'static str| {
        if wrong {
            faults.push(text);
        }
    };
    fault(name.len() > 15, "must be no more than 15 characters");
    let charset = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    fault(
        name.is_empty() || !name.bytes().all(charset),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    fault(!name.bytes().any(|b| b.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    fault(name.contains("--"), "must not contain consecutive hyphens");
    fault(name.starts_with('-') || name.ends_with('-'), "must not begin or end with a hyphen");
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_api_server() {
        assert!(subdomain("a.b-c.1").is_ok());
        for bad in ["", "A", "a..b", "-a", "a-", "a_b", ".a", &"a".repeat(254)] {
            assert!(subdomain(bad).is_err(), "{bad}");
        }
        assert!(dns_label("a-1").is_ok());
        for bad in ["", "a.b", "A", &"a".repeat(64)] {
            assert!(dns_label(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn label_keys_and_values_follow_the_api_server() {
        for good in ["a", "a.b/c", "App_1", "kubernetes.io/metadata.name"] {
            assert!(qualified(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "A.b/c", "-a", "a-", "a b", &"a".repeat(64)] {
            assert!(qualified(bad).is_err(), "{bad}");
        }
        for good in ["", "a", "A.b_c-1", "1"] {
            assert!(label_value(good).is_ok(), "{good}");
        }
        for bad in ["-", "a-", " a", "a/b", &"a".repeat(64)] {
            assert!(label_value(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn port_names_have_every_fault_named() {
        assert!(port("serve-80-tcp").is_empty());
        assert_eq!(port("80"), ["must contain at least one letter (a-z)"]);
        assert_eq!(port("").len(), 2);
        assert_eq!(port("-a--B").len(), 3);
        assert_eq!(port(&"a".repeat(16)), ["must be no more than 15 characters"]);
    }
}
