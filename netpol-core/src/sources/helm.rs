//! Tells Helm templates from broken manifests.

/// Words that start an action of a template.
const ACTIONS: [&str; 18] = [
    "if ",
    "else",
    "end",
    "range ",
    "with ",
    "define ",
    "template ",
    "include ",
    "block ",
    "toYaml ",
    "default ",
    "quote ",
    "tpl ",
    "required ",
    "printf ",
    "lookup ",
    "fail ",
    "not ",
];

/// Tells whether text that cannot be read is a template: an action stands outside of quotes and comments.
pub(super) fn is_template(text: &str) -> bool {
    text.lines().any(has_action)
}

fn has_action(line: &str) -> bool {
    if line.trim_start().starts_with('#') {
        return false;
    }
    let (mut double, mut single) = (false, false);
    for (at, character) in line.char_indices() {
        match character {
            '"' => double = !double,
            '\'' => single = !single,
            '{' if !double && !single && is_action(line.get(at..).unwrap_or_default()) => {
                return true;
            }
            _ => {}
        }
    }
    false
}

fn is_action(text: &str) -> bool {
    let Some(inside) = text.strip_prefix("{{") else { return false };
    let inside = inside.strip_prefix('-').unwrap_or(inside);
    let inside = inside.strip_prefix(' ').unwrap_or(inside);
    inside.starts_with(['.', '$', '('])
        || inside.starts_with("/*")
        || ACTIONS.iter().any(|a| inside.starts_with(a))
}

#[cfg(test)]
mod tests {
    use super::is_template;

    #[test]
    fn actions_outside_of_quotes_make_a_template() {
        for yes in [
            "{{- if .Values.x }}",
            "name: {{ .Release.Name }}",
            "  {{ include \"x\" . | nindent 4 }}",
            "name: a-{{ $x }}",
        ] {
            assert!(is_template(yes), "{yes}");
        }
        for no in ["a: \"{{ .x }}\"", "# {{ .x }}", "a: {{b: c}: d}", "a: {{ x }}", "a: b"] {
            assert!(!is_template(no), "{no}");
        }
    }
}
