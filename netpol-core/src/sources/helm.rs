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
    text.lines().any(|line| line.match_indices("{{").any(|(at, _)| is_action(line, at)))
}

fn is_action(line: &str, at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    let quoted = ['"', '\''].iter().any(|q| before.matches(*q).count() % 2 == 1);
    if quoted || before.trim_start().starts_with('#') {
        return false;
    }
    let inside = line.get(at + 2..).unwrap_or_default();
    let inside = inside.strip_prefix('-').unwrap_or(inside).trim_start();
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
