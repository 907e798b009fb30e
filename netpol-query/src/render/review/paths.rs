//! Where files stand in the repository: what reviews show are paths from its root, never those of a machine.

use std::path::{Component, Path, PathBuf};

/// The root that paths are shown from, and the directory that they were opened from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    root: PathBuf,
    current: PathBuf,
}

impl Paths {
    /// Takes the directory that files were opened from; the root is the nearest one above it that holds `.git`, else itself.
    pub(crate) fn from_directory(current: &Path) -> Self {
        let root = current.ancestors().find(|dir| dir.join(".git").exists());
        Self { root: root.unwrap_or(current).to_owned(), current: current.to_owned() }
    }

    /// Returns the path of a file from the root, with `/` between its parts.
    ///
    /// Standard input is `stdin`; of a file outside the root only its name is told.
    pub(crate) fn relative(&self, file: &str) -> String {
        if file == "-" {
            return "stdin".to_owned();
        }
        let path = plain(&self.current.join(file));
        let inside = path.strip_prefix(plain(&self.root)).ok();
        let inside = inside.filter(|p| p.is_relative() && p.components().next().is_some());
        let shown = inside.or_else(|| path.file_name().map(Path::new)).unwrap_or(Path::new(file));
        let parts: Vec<_> = shown
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        parts.join("/")
    }

    /// Returns the path as a relative URI; `.` where a remark belongs to no file.
    pub(super) fn uri(&self, file: Option<&str>) -> String {
        let Some(file) = file else { return ".".to_owned() };
        let relative = self.relative(file);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let encode = |byte: u8| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        relative.bytes().map(encode).collect()
    }
}

/// Takes `.` and `..` out of a path, by its text alone.
fn plain(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(found.components().next_back(), Some(Component::Normal(_))) =>
            {
                found.pop();
            }
            other => found.push(other),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths {
        Paths { root: "/repo".into(), current: "/repo/deploy".into() }
    }

    #[test]
    fn paths_are_shown_from_the_root_of_the_repository() {
        assert_eq!(paths().relative("k8s/db.yaml"), "deploy/k8s/db.yaml");
        assert_eq!(paths().relative("./k8s/../db.yaml"), "deploy/db.yaml");
        assert_eq!(paths().relative("../base/db.yaml"), "base/db.yaml");
        assert_eq!(paths().relative("/repo/base/db.yaml"), "base/db.yaml");
    }

    #[test]
    fn of_a_file_elsewhere_only_the_name_is_told() {
        assert_eq!(paths().relative("/home/someone/db.yaml"), "db.yaml");
        assert_eq!(paths().relative("../../db.yaml"), "db.yaml");
        assert_eq!(paths().relative("-"), "stdin");
        assert_eq!(Paths::default().relative("/home/someone/db.yaml"), "db.yaml");
        assert_eq!(Paths::default().relative("k8s/db.yaml"), "k8s/db.yaml");
    }

    #[test]
    fn a_uri_holds_no_letter_that_a_uri_cannot_hold() {
        assert_eq!(paths().uri(Some("my db#1.yaml")), "deploy/my%20db%231.yaml");
        assert_eq!(paths().uri(None), ".");
    }
}
