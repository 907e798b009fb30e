//! The chain that keeps frames of the ports from the kernel: `nft`, family netdev, hook ingress, policy drop.
//!
//! Packet sockets take their copy before the chain, so that the datapath sees every frame and the kernel none. It stays
//! when the program dies: what was closed stays closed.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use super::Finding;

/// The name of the table, which belongs to this program alone.
const TABLE: &str = "netpol_enforce";
/// Where the program is looked for: not every path of a service has the directories of the administrator.
const PROGRAMS: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];
/// Bytes of the longest listing that is read.
const LISTING: u64 = 1 << 20;

/// Why the kernel's own path is not closed.
#[derive(Debug)]
pub enum ChainError {
    /// An interface whose name cannot stand in a rule set.
    Name {
        /// The name.
        port: String,
    },
    /// There is no `nft` to be run, or it could not be run.
    Program(io::Error),
    /// `nft` refused, as it does without `CAP_NET_ADMIN`.
    Refused {
        /// What it said.
        said: String,
    },
    /// The chain is there, but it does not hold what it should.
    Different {
        /// What is there.
        listing: String,
    },
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { port } => write!(f, "the name `{port}` cannot stand in a rule set of nft"),
            Self::Program(error) => write!(f, "nft cannot be run: {error}"),
            Self::Refused { said } => write!(f, "nft refused: {said}"),
            Self::Different { listing } => {
                write!(f, "table {TABLE} is not what it should be: {listing}")
            }
        }
    }
}

impl std::error::Error for ChainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Program(error) => Some(error),
            _ => None,
        }
    }
}

/// Returns the rule set that closes the kernel's own path on interfaces, as `nft -f -` reads it.
///
/// It replaces a table of the same name as a whole, at once. It may name an interface that is not there yet.
///
/// # Errors
///
/// A name with other characters than letters, digits and `. _ - @ :`.
pub fn chain_text(interfaces: &[&str]) -> Result<String, ChainError> {
    let quoted: Vec<String> =
        interfaces.iter().map(|name| quote(name)).collect::<Result<_, _>>()?;
    let devices = quoted.join(", ");
    // Declared first, so that there is something to delete.
    Ok(format!(
        "table netdev {TABLE}\n\
         delete table netdev {TABLE}\n\
         table netdev {TABLE} {{\n\
         \tchain ingress {{\n\
         \t\ttype filter hook ingress devices = {{ {devices} }} priority 0; policy drop;\n\
         \t}};\n\
         }}\n"
    ))
}

/// Installs the chain, and makes sure of it.
///
/// # Errors
///
/// No `nft`, no `CAP_NET_ADMIN`, or a kernel that does not do what it was told.
pub fn close_kernel_path(interfaces: &[&str]) -> Result<(), ChainError> {
    run(&["-f", "-"], &chain_text(interfaces)?)?;
    is_kernel_path_closed(interfaces)
}

/// Makes sure that the chain drops everything on these interfaces.
///
/// # Errors
///
/// As [`close_kernel_path`]: a chain that nobody can see counts as missing.
pub fn is_kernel_path_closed(interfaces: &[&str]) -> Result<(), ChainError> {
    let listing = run(&["list", "table", "netdev", TABLE], "")?;
    if closes(&listing, interfaces) { Ok(()) } else { Err(ChainError::Different { listing }) }
}

/// Returns a finding unless the chain is there.
pub(super) fn check(interfaces: &[&str]) -> Option<Finding> {
    is_kernel_path_closed(interfaces).err().map(|error| finding(interfaces, &error))
}

/// Returns a finding unless the chain is there: a warning where it could be installed, which is tried without doing it.
pub(super) fn check_installable(interfaces: &[&str]) -> Option<Finding> {
    let missing = check(interfaces)?;
    let try_it = |text: String| run(&["--check", "-f", "-"], &text);
    if chain_text(interfaces).and_then(try_it).is_err() {
        return Some(missing);
    }
    let what = "the chain that keeps the kernel from handling the frames itself is not there yet";
    Some(Finding::warn("", what, "nothing: it is installed when the datapath starts"))
}

/// Installs the chain if it is not there; returns a finding if it cannot be.
pub(super) fn restore(interfaces: &[&str]) -> Option<Finding> {
    is_kernel_path_closed(interfaces).err()?;
    close_kernel_path(interfaces).err().map(|error| finding(interfaces, &error))
}

fn finding(interfaces: &[&str], error: &ChainError) -> Finding {
    let what =
        format!("nothing keeps the kernel from handling the frames of the ports itself: {error}");
    let remedy = match chain_text(interfaces) {
        Ok(text) => format!("as root: nft -f - <<'END'\n{text}END"),
        Err(error) => error.to_string(),
    };
    Finding::refuse("", what, remedy)
}

/// Returns whether a listing is that of a chain which drops everything on these interfaces, and holds nothing else.
fn closes(listing: &str, interfaces: &[&str]) -> bool {
    let tokens: Vec<&str> = listing
        .split(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '"'))
        .filter(|token| !token.is_empty())
        .collect();
    let start = [
        "table", "netdev", TABLE, "{", "chain", "ingress", "{", "type", "filter", "hook", "ingress",
    ];
    let Some(rest) = tokens.strip_prefix(&start) else { return false };
    let Some((devices, rest)) = split_devices(rest) else { return false };
    let ends = [
        ["priority", "filter", "policy", "drop", "}", "}"],
        ["priority", "0", "policy", "drop", "}", "}"],
    ];
    ends.iter().any(|end| rest == end) && interfaces.iter().all(|name| devices.contains(name))
}

/// Splits `device X` or `devices = { X Y }` from what follows.
fn split_devices<'a, 'b>(tokens: &'b [&'a str]) -> Option<(BTreeSet<&'a str>, &'b [&'a str])> {
    if let Some(rest) = tokens.strip_prefix(&["device"]) {
        let (name, rest) = rest.split_first()?;
        return Some((BTreeSet::from([*name]), rest));
    }
    let rest = tokens.strip_prefix(&["devices", "=", "{"])?;
    let end = rest.iter().position(|token| *token == "}")?;
    Some((rest.get(..end)?.iter().copied().collect(), rest.get(end + 1..)?))
}

fn quote(name: &str) -> Result<String, ChainError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@:".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(ChainError::Name { port: name.to_owned() });
    }
    Ok(format!("\"{name}\""))
}

/// Runs `nft` with an input and returns what it says.
fn run(arguments: &[&str], input: &str) -> Result<String, ChainError> {
    let mut child = spawn(arguments).map_err(ChainError::Program)?;
    if let Some(mut to) = child.stdin.take() {
        // A program that does not read says why.
        drop(to.write_all(input.as_bytes()));
    }
    let said = limited(child.stdout.take()).map_err(ChainError::Program)?;
    let complaint = limited(child.stderr.take()).map_err(ChainError::Program)?;
    let status = child.wait().map_err(ChainError::Program)?;
    if status.success() {
        Ok(said)
    } else {
        let said = complaint.split_whitespace().collect::<Vec<_>>().join(" ");
        Err(ChainError::Refused { said })
    }
}

fn spawn(arguments: &[&str]) -> io::Result<Child> {
    let start = |program: &str| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for program in PROGRAMS {
        match start(program) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => last = error,
            other => return other,
        }
    }
    Err(last)
}

fn limited(stream: Option<impl io::Read>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(LISTING).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{chain_text, closes};

    const LISTING: &str = "table netdev netpol_enforce {\n\tchain ingress {\n\t\ttype filter hook ingress devices = { \
                           a0, \"b-1\" } priority filter; policy drop;\n\t}\n}\n";

    #[test]
    fn the_chain_drops_on_every_port() {
        assert!(closes(LISTING, &["a0", "b-1"]));
        assert!(closes(LISTING, &["a0"]));
        assert!(!closes(LISTING, &["a0", "c"]));
        let one = LISTING.replace("devices = { a0, \"b-1\" }", "device \"a0\"");
        assert!(closes(&one, &["a0"]) && !closes(&one, &["b-1"]));
    }

    #[test]
    fn a_chain_that_lets_something_through_is_another() {
        assert!(!closes(&LISTING.replace("policy drop", "policy accept"), &["a0"]));
        assert!(!closes(&LISTING.replace("drop;", "drop;\n\t\tether type arp accept"), &["a0"]));
        assert!(!closes(&LISTING.replace("priority filter", "priority 10"), &["a0"]));
        assert!(!closes("", &["a0"]));
    }

    #[test]
    fn what_is_installed_is_what_is_looked_for() {
        let text = chain_text(&["a0", "b-1"]).unwrap();
        let listing = text.rsplit_once("delete table netdev netpol_enforce\n").unwrap().1;
        assert!(closes(listing, &["a0", "b-1"]));
    }

    #[test]
    fn a_name_cannot_carry_rules() {
        assert!(chain_text(&["a\" } priority 0; policy accept; #"]).is_err());
        assert!(chain_text(&[""]).is_err());
    }
}
