//! The command line.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use clap_complete::Shell;
use ipnet::IpNet;
use netpol_core::model::{Dialect, HostNetwork, IpBlockPods, TieBreak};
use netpol_core::reach::Level;

use super::config::Config;
use super::{help, options};
use crate::error::{ErrorCode, QueryError};
use crate::render::Format;
use crate::syntax::foreign;

/// Text about `replay` and `enforce`, in builds that have them.
#[cfg(feature = "enforce")]
macro_rules! of_replay {
    ($text:literal) => {
        $text
    };
}
#[cfg(not(feature = "enforce"))]
macro_rules! of_replay {
    ($text:literal) => {
        ""
    };
}

pub(super) const EXAMPLES: &str = concat!(
    "\
Examples:
  netpol-query -f manifests/ can frontend reach db on tcp/5432
  netpol-query -f manifests/ -n shop \"why can't api reach db\"
  netpol-query -f manifests/ \"who can reach shop/db on 5432\" \"list unprotected\"
  kubectl get ns,no,po,svc,netpol,deploy -A -o yaml | netpol-query -f - -o json flows
  netpol-query -f manifests/ test contracts.npq
  netpol-query diff --base git:origin/main:manifests/
  netpol-query -f manifests/ lint --fail-on warning
  netpol-query -f manifests/ convert --to cnp
",
    of_replay!("  netpol-query -f manifests/ replay trace.pcap --contract contracts.npq\n"),
    of_replay!(
        "  netpol-query -f manifests/ enforce --in veth-a --out veth-b --bindings places.txt\n"
    )
);

const EXIT_CODES: &str = concat!(
    "\
Exit codes: 0 yes, or rows were listed; 1 no, or partial; 2 the sentence, an option or an input is wrong;
3 unknown or ambiguous; 4 a bug. Several sentences end with the gravest: 4, then 2, 3, 1, 0.
",
    of_replay!(
        "`replay`: 0 nothing would have been dropped; 1 something would; 3 some flow is in doubt, none is denied.\n"
    )
);

pub(super) const USAGE: &str = concat!(
    "netpol-query [OPTIONS] [SENTENCE]...\n       ",
    "netpol-query [OPTIONS] test FILE...\n       ",
    "netpol-query [OPTIONS] diff --base SRC [--head SRC]\n       ",
    "netpol-query [OPTIONS] lint\n       ",
    "netpol-query [OPTIONS] convert --to cnp|anp\n       ",
    of_replay!("netpol-query [OPTIONS] replay CAPTURE...\n       "),
    of_replay!(
        "netpol-query [OPTIONS] enforce --in IF --out IF --bind POD|CIDR=IF[,MAC]...\n       "
    ),
    "netpol-query completions SHELL | man"
);

/// Asks what Kubernetes network policies allow, in sentences
#[derive(Clone, Debug, Parser)]
#[command(
    name = "netpol-query",
    version,
    before_help = EXAMPLES,
    after_help = EXIT_CODES,
    max_term_width = 110,
    override_usage = USAGE,
    disable_help_subcommand = true
)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line are independent")]
pub(super) struct Args {
    /// Sentences: an argument with a space is one of its own, words without are joined into one
    #[arg(value_name = "SENTENCE")]
    pub(super) words: Vec<String>,

    /// Manifests: a file, a directory (recursive), or - for standard input; repeatable. Or one snapshot file, which `export snapshot to ./FILE.snapshot` writes
    #[arg(short = 'f', long, value_name = "PATH", help_heading = "Input")]
    pub(super) filename: Vec<PathBuf>,
    /// A directory to be rendered by kubectl kustomize, or kustomize build; repeatable
    #[arg(short, long, value_name = "DIR", help_heading = "Input")]
    pub(super) kustomize: Vec<PathBuf>,
    /// Namespace of manifests that name none, and the current namespace of sentences
    #[arg(short, long, value_name = "NS", help_heading = "Input")]
    pub(super) namespace: Option<String>,
    /// Where the addresses of pods live whose manifests carry none; repeatable
    #[arg(long, value_name = "CIDR", help_heading = "Input")]
    pub(super) pod_cidr: Vec<IpNet>,
    /// Addresses of a domain name; repeatable
    #[arg(long, value_name = "NAME=IP[,IP]", value_parser = domain, help_heading = "Input")]
    pub(super) fqdn: Vec<(String, Vec<IpAddr>)>,
    /// Answer on what is left after invalid objects, and say so
    #[arg(long, help_heading = "Input")]
    pub(super) keep_going: bool,

    /// Whose reading of the policies
    #[arg(long, value_enum, default_value = "spec", help_heading = "Semantics")]
    pub(super) dialect: DialectWord,
    /// Whether host-network pods are node traffic or policed like others [default: the dialect's]
    #[arg(long, value_enum, help_heading = "Semantics")]
    pub(super) host_network: Option<HostNetworkWord>,
    /// Whether an ipBlock matches the addresses of pods [default: the dialect's]
    #[arg(long, value_enum, help_heading = "Semantics")]
    pub(super) ip_block_pods: Option<IpBlockPodsWord>,
    /// Ties of equal priority go to the lower name instead of being ambiguous
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Semantics")]
    pub(super) tie_break: Option<TieBreakWord>,
    /// `replay`, `enforce`: whether ICMP and what else has no ports is judged by the rules without ports, or always allowed [default: policy]
    #[cfg(feature = "enforce")]
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Semantics")]
    pub(super) icmp: Option<IcmpWord>,

    /// `lint`: the severity (error, warning, info) from which findings fail, or none [default: error]; `diff`: its own words
    #[arg(long, value_name = "WHAT", help_heading = "Commands")]
    pub(super) fail_on: Option<String>,
    /// `diff`: the state before: `dir:PATH`, `file:PATH`, `git:REV[:PATH]`, a path or a revision
    #[arg(long, value_name = "SRC", help_heading = "Commands")]
    pub(super) base: Option<String>,
    /// `diff`: the state after [default: what -f and -k name, else the working tree at the path of the base]
    #[arg(long, value_name = "SRC", help_heading = "Commands")]
    pub(super) head: Option<String>,
    /// `diff`: compare with the revision of --base itself, not with where the head parted from it
    #[arg(long, help_heading = "Commands")]
    pub(super) no_merge_base: bool,
    /// `diff`: changes that are accepted, as sentences: expect A can reach B on 443; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Commands")]
    pub(super) allow: Vec<PathBuf>,
    /// `diff`: a contract file that is checked on the state after; `replay`: on the policies and on the captured flows; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Commands")]
    pub(super) contract: Vec<PathBuf>,
    /// `replay`: write all frames to FILE (pcapng), each that is not allowed with the reason as its comment
    #[cfg(feature = "enforce")]
    #[arg(long, value_name = "FILE", help_heading = "Commands")]
    pub(super) annotate: Option<PathBuf>,
    /// `lint`: the configuration [default: the nearest .netpol-query.toml at or above the current directory]
    #[arg(long, value_name = "PATH", help_heading = "Commands")]
    pub(super) config: Option<PathBuf>,
    /// `convert`: the version of the API to rewrite admin policies to
    #[arg(long, value_enum, value_name = "VERSION", help_heading = "Commands")]
    pub(super) to: Option<TargetWord>,

    /// The form of answers
    #[arg(short, long, value_enum, default_value = "text", help_heading = "Output")]
    pub(super) output: Format,
    /// How rows sum up pods
    #[arg(long, value_enum, default_value = "workload", help_heading = "Output")]
    pub(super) level: LevelWord,
    /// Reasons in every row
    #[arg(long, help_heading = "Output")]
    pub(super) explain: bool,
    /// The time that each answer took
    #[arg(long, help_heading = "Output")]
    pub(super) stats: bool,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN", help_heading = "Output")]
    pub(super) color: ColorWord,
    /// Long answers on a terminal without a pager
    #[arg(long, help_heading = "Output")]
    pub(super) no_pager: bool,

    #[cfg(all(feature = "enforce", target_os = "linux"))]
    #[command(flatten)]
    pub(super) enforce: super::enforce::EnforceArgs,
}

/// Dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DialectWord {
    /// The Kubernetes documentation, read literally
    Spec,
    /// What np-guard's netpol-analyzer does
    NpGuard,
}

/// What host-network pods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HostNetworkWord {
    /// Node traffic: never selected by pod or namespace selectors
    Node,
    /// Ordinary pods
    Policed,
}

/// What ipBlock matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IpBlockPodsWord {
    /// The addresses of pods too
    Match,
    /// Only addresses that are no pod's
    Never,
}

/// Versions of the admin policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TargetWord {
    /// ClusterNetworkPolicy, v1alpha2
    Cnp,
    /// AdminNetworkPolicy and BaselineAdminNetworkPolicy, v1alpha1
    Anp,
}

/// What becomes of connections without ports.
#[cfg(feature = "enforce")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IcmpWord {
    /// The rules without ports decide
    Policy,
    /// They are allowed
    Allow,
}

/// How ties end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TieBreakWord {
    /// The lower name goes first
    Name,
}

/// How rows sum up pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelWord {
    /// Pod by pod
    Pod,
    /// By workload
    Workload,
    /// By namespace
    Namespace,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWord {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Args {
    /// Returns the dialect with what overrides it.
    pub(super) fn dialect(&self) -> Dialect {
        let mut dialect = match self.dialect {
            DialectWord::Spec => Dialect::spec(),
            DialectWord::NpGuard => Dialect::np_guard(),
        };
        match self.host_network {
            Some(HostNetworkWord::Node) => dialect.host_network = HostNetwork::Node,
            Some(HostNetworkWord::Policed) => dialect.host_network = HostNetwork::Policed,
            None => {}
        }
        match self.ip_block_pods {
            Some(IpBlockPodsWord::Match) => dialect.ip_block_pods = IpBlockPods::Match,
            Some(IpBlockPodsWord::Never) => dialect.ip_block_pods = IpBlockPods::Never,
            None => {}
        }
        if self.tie_break.is_some() {
            dialect.tie_break = TieBreak::Name;
        }
        #[cfg(feature = "enforce")]
        match self.icmp {
            Some(IcmpWord::Policy) => dialect.icmp = netpol_core::model::IcmpMode::Policy,
            Some(IcmpWord::Allow) => dialect.icmp = netpol_core::model::IcmpMode::Allow,
            None => {}
        }
        dialect
    }

    /// Returns how rows sum up pods.
    pub(super) fn level(&self) -> Level {
        match self.level {
            LevelWord::Pod => Level::Pod,
            LevelWord::Workload => Level::Workload,
            LevelWord::Namespace => Level::Namespace,
        }
    }
}

fn domain(text: &str) -> Result<(String, Vec<IpAddr>), String> {
    let expected = "expected NAME=IP[,IP], such as api.example.com=203.0.113.7";
    let (name, addresses) = text.split_once('=').ok_or(expected)?;
    if name.is_empty() {
        return Err(expected.into());
    }
    let addresses = addresses
        .split(',')
        .map(|a| {
            a.trim()
                .parse()
                .map_err(|e: std::net::AddrParseError| format!("`{a}`: {e}; {expected}"))
        })
        .collect::<Result<_, _>>()?;
    Ok((name.trim_end_matches('.').to_ascii_lowercase(), addresses))
}

/// A source of manifests, in the order of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// `-f`.
    Path(PathBuf),
    /// `-k`.
    Kustomize(PathBuf),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Answer sentences; without any, those of standard input.
    Ask(Vec<String>),
    /// Run contract files.
    Test(Vec<PathBuf>),
    /// Rewrite admin policies to the other version of their API.
    Convert,
    /// Tell what changed between two states.
    Diff,
    /// Look for mistakes in the policies.
    Lint,
    /// Enforce the policies on frames between two interfaces.
    #[cfg(all(feature = "enforce", target_os = "linux"))]
    Enforce,
    /// Judge captured traffic.
    #[cfg(feature = "enforce")]
    Replay(Vec<PathBuf>),
    /// Print completions of a shell.
    Completions(Shell),
    /// Print the man page.
    Man,
}

/// A command line that was understood.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) args: Args,
    pub(super) command: Command,
    pub(super) sources: Vec<Given>,
    /// What the project decided; the error of a file that cannot be used comes when somebody asks for it.
    pub(super) config: Result<Config, QueryError>,
}

/// A command line that leads to no command.
pub(super) enum Refused {
    /// Help or version, to be shown.
    Shown(String),
    /// A mistake.
    Wrong(QueryError),
}

/// Tells whether a command line asks for JSON, and whether pretty, even if the rest of it is wrong.
pub(super) fn wants_json(args: &[OsString]) -> Option<bool> {
    let text: Vec<&str> = args.iter().filter_map(|a| a.to_str()).collect();
    let values = text.windows(2).filter_map(|w| match w {
        ["-o" | "--output", value] => Some(*value),
        _ => None,
    });
    let joined = text.iter().filter_map(|a| {
        a.strip_prefix("--output=").or_else(|| a.strip_prefix("-o")).filter(|v| !v.is_empty())
    });
    let last = values.chain(joined).find(|v| matches!(*v, "json" | "jsonl"))?;
    Some(last == "json")
}

/// Reads a command line.
pub(super) fn parse(args: Vec<OsString>) -> Result<Invocation, Refused> {
    let asks = args.iter().any(|arg| arg == "--help" || arg == "-h");
    let help = asks.then(|| help::of(&args)).flatten();
    let matches = match Args::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Err(Refused::Shown(help.unwrap_or_else(|| error.render().to_string())));
        }
        Err(error) => return Err(refused(&error)),
    };
    let args = Args::from_arg_matches(&matches).map_err(|e| refused(&e))?;
    let mut sources: Vec<(usize, Given)> = Vec::new();
    let indices = |id: &str| matches.indices_of(id).into_iter().flatten();
    sources.extend(indices("filename").zip(args.filename.iter().cloned().map(Given::Path)));
    sources.extend(indices("kustomize").zip(args.kustomize.iter().cloned().map(Given::Kustomize)));
    sources.sort_by_key(|(index, _)| *index);
    let command = command(&args.words).map_err(Refused::Wrong)?;
    options::check(&matches, &command).map_err(Refused::Wrong)?;
    let sources = sources.into_iter().map(|(_, given)| given).collect();
    Ok(Invocation { args, command, sources, config: Ok(Config::default()) })
}

fn refused(error: &clap::Error) -> Refused {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Refused::Shown(error.render().to_string())
        }
        _ => Refused::Wrong(wrong(error)),
    }
}

fn wrong(error: &clap::Error) -> QueryError {
    use clap::error::{ContextKind, ContextValue};
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let known_foreign =
        ["--from", "--to", "--source", "--src", "--dst", "--dest", "--port", "--pod"];
    if let (ErrorKind::UnknownArgument, Some(option)) =
        (error.kind(), context(ContextKind::InvalidArg))
    {
        if known_foreign.iter().any(|f| option.starts_with(f)) {
            let error = foreign::explain_option(&option);
            return QueryError::new(ErrorCode::Usage, error.message).maybe_help(error.help);
        }
        let near = context(ContextKind::SuggestedArg).map(|near| format!("did you mean `{near}`?"));
        return QueryError::new(ErrorCode::Usage, format!("there is no option `{option}`"))
            .help("`--help` lists the options")
            .maybe_help(near);
    }
    let text = error.render().to_string();
    let mut lines = text.lines().filter(|l| !l.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    let rest: Vec<&str> = lines
        .map(str::trim)
        .filter(|l| !l.starts_with("Usage:") && !l.starts_with("For more"))
        .collect();
    let help = rest.iter().find(|l| !l.starts_with("netpol-query")).map(|l| (*l).to_owned());
    QueryError::new(ErrorCode::Usage, message).maybe_help(help)
}

/// Tells a command from sentences: a command word alone is one, and so are `test`, `completions` and `man`.
fn command(words: &[String]) -> Result<Command, QueryError> {
    let usage = |message: String| QueryError::new(ErrorCode::Usage, message);
    let Some((first, rest)) = words.split_first() else { return Ok(Command::Ask(Vec::new())) };
    match (first.as_str(), rest) {
        ("test", []) => Err(usage("`test` needs a file of sentences".into())),
        ("test", files) => Ok(Command::Test(files.iter().map(PathBuf::from).collect())),
        ("completions", [shell]) => Shell::from_str(shell, true)
            .map(Command::Completions)
            .map_err(|e| usage(format!("`{shell}` is no known shell: {e}")).help(SHELLS)),
        ("completions", _) => {
            Err(usage("`completions` needs the name of a shell".into()).help(SHELLS))
        }
        ("man", []) => Ok(Command::Man),
        ("convert", []) => Ok(Command::Convert),
        ("diff", []) => Ok(Command::Diff),
        ("lint", []) => Ok(Command::Lint),
        #[cfg(all(feature = "enforce", target_os = "linux"))]
        ("enforce", []) => Ok(Command::Enforce),
        #[cfg(not(all(feature = "enforce", target_os = "linux")))]
        ("enforce", []) => Err(usage("this build does not enforce policies".into())
            .help("on Linux: cargo build --release -p netpol-query --features enforce")),
        ("replay", files) => replay(files),
        _ => Ok(Command::Ask(sentences(words))),
    }
}

/// Reads the files of `replay`.
#[cfg(feature = "enforce")]
fn replay(files: &[String]) -> Result<Command, QueryError> {
    if files.is_empty() {
        let error = QueryError::new(ErrorCode::Usage, "`replay` needs a capture to judge");
        return Err(error.help("name a pcap or pcapng file, or `-` for standard input"));
    }
    Ok(Command::Replay(files.iter().map(PathBuf::from).collect()))
}

/// Says how to get what this build is without.
#[cfg(not(feature = "enforce"))]
fn replay(_: &[String]) -> Result<Command, QueryError> {
    let error = QueryError::new(ErrorCode::Usage, "this build cannot `replay` captures");
    Err(error.help("build one that can: `cargo build -p netpol-query --features enforce`"))
}

const SHELLS: &str = "known are bash, elvish, fish, powershell and zsh";

/// An argument with a space is a sentence of its own; words without are joined into one.
fn sentences(words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut joined: Vec<&str> = Vec::new();
    for word in words {
        if word.contains(char::is_whitespace) {
            if !joined.is_empty() {
                found.push(joined.join(" "));
                joined.clear();
            }
            found.push(word.clone());
        } else {
            joined.push(word);
        }
    }
    if !joined.is_empty() {
        found.push(joined.join(" "));
    }
    found
}

/// The command line as documentation: with its commands, which parsing tells apart by itself.
fn documented() -> clap::Command {
    let about = |name: &'static str, text: &'static str| clap::Command::new(name).about(text);
    let command = Args::command();
    #[cfg(feature = "enforce")]
    let command = command.subcommand(
        about(
            "replay",
            "Tell what the policies would have dropped of captures (--contract, --annotate, --icmp)",
        )
        .arg(clap::Arg::new("FILE").num_args(1..).value_hint(clap::ValueHint::FilePath)),
    );
    #[cfg(all(feature = "enforce", target_os = "linux"))]
    let command = command.subcommand(about(
        "enforce",
        "Enforce the policies on frames between two interfaces (--in, --out, --bind, --external, --mode)",
    ));
    command
        .subcommand(
            about("test", "Run contract files of `expect` sentences")
                .arg(clap::Arg::new("FILE").num_args(1..).value_hint(clap::ValueHint::FilePath)),
        )
        .subcommand(about(
            "convert",
            "Rewrite admin policies to the other version of their API (--to)",
        ))
        .subcommand(about(
            "diff",
            "Tell what changed between two states (--base, --head, --fail-on, --allow, --contract)",
        ))
        .subcommand(about("lint", "Look for mistakes in the policies (--fail-on, --config)"))
        .subcommand(about("completions", "Print completions of a shell").arg(
            clap::Arg::new("SHELL").value_parser(clap::builder::EnumValueParser::<Shell>::new()),
        ))
        .subcommand(about("man", "Print the man page"))
}

/// Prints completions of a shell.
pub(super) fn completions(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut documented(), "netpol-query", &mut text);
    out.write_all(&text)
}

/// Prints the man page.
pub(super) fn man(out: &mut dyn Write) -> io::Result<()> {
    clap_mangen::Man::new(documented()).render(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_and_arguments_with_a_space_stand_alone() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            sentences(&words(&["can", "a", "reach", "b", "list pods", "flows"])),
            words(&["can a reach b", "list pods", "flows"])
        );
    }

    #[test]
    fn a_command_word_alone_is_a_command() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(command(&words(&["test", "a.npq"])), Ok(Command::Test(vec!["a.npq".into()])));
        assert_eq!(command(&words(&["lint", "ns/a"])), Ok(Command::Ask(words(&["lint ns/a"]))));
        assert_eq!(command(&words(&["lint"])), Ok(Command::Lint));
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        documented().debug_assert();
    }

    #[test]
    fn json_is_recognised_in_a_wrong_command_line() {
        let args = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(wants_json(&args(&["x", "-o", "json", "--nope"])), Some(true));
        assert_eq!(wants_json(&args(&["x", "--output=jsonl"])), Some(false));
        assert_eq!(wants_json(&args(&["x", "flows"])), None);
    }
}
