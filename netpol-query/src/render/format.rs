//! The output formats.

use clap::ValueEnum;

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For people with wide terminals.
    Wide,
    /// One object per sentence, indented.
    Json,
    /// One object per line.
    Jsonl,
    /// YAML.
    Yaml,
    /// Comma-separated values.
    Csv,
    /// A table in Markdown.
    Markdown,
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
    /// A picture.
    Svg,
    /// A page.
    Html,
    /// `JUnit` XML, for `test`.
    Junit,
    /// Test Anything Protocol, for `test`.
    Tap,
    /// SARIF, for `lint`.
    Sarif,
    /// Annotations of GitHub, for `test` and `lint`.
    Github,
    /// Code quality report of GitLab, for `lint`.
    Gitlab,
}

impl Format {
    /// The formats that answers to sentences can take.
    pub const OF_ANSWERS: [Self; 7] =
        [Self::Text, Self::Wide, Self::Json, Self::Jsonl, Self::Yaml, Self::Csv, Self::Markdown];

    /// The formats that some answers can take beside those.
    pub const OF_PICTURES: [Self; 4] = [Self::Dot, Self::Mermaid, Self::Svg, Self::Html];

    /// Lists every format that some answer can take.
    pub fn of_some_answer() -> impl Iterator<Item = Self> {
        Self::OF_ANSWERS.into_iter().chain(Self::OF_PICTURES)
    }

    /// The formats that the report of `test` can take.
    pub const OF_TESTS: [Self; 6] =
        [Self::Text, Self::Json, Self::Jsonl, Self::Junit, Self::Tap, Self::Github];

    /// Finds the format that a word of a sentence stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "table" | "tree" => Some(Self::Text),
            "md" => Some(Self::Markdown),
            "tsv" => None,
            _ => Self::from_str(word, true).ok(),
        }
    }

    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Yaml => "yaml",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Dot => "dot",
            Self::Mermaid => "mermaid",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Junit => "junit",
            Self::Tap => "tap",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    /// Tells whether it is JSON.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}
