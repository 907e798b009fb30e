//! Where states come from: revisions, paths, and everything that can be wrong with them.

use std::process::Command;

use super::repository::path_of_programs;
use super::{BEFORE, Ran, Repository, rows};

const POLICIES: &str = "k8s/policies.yaml";

/// A repository whose branch `feature` lets the gateway in, while `main` took a label away after they parted.
fn parted() -> Option<Repository> {
    let repository = Repository::new(&BEFORE)?;
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.edit(POLICIES, "ports: [{port: pg}]", "ports: [{port: pg}, {port: 22}]");
    repository.commit("feature");
    repository.git(&["checkout", "-q", "main"]);
    repository.edit("k8s/namespaces.yaml", "{team: shop}", "{team: store}");
    repository.edit(
        "k8s/workloads.yaml",
        "    metadata: {labels: {app: db}}",
        "    metadata: {labels: {app: data}}",
    );
    repository.commit("main");
    repository.git(&["checkout", "-q", "feature"]);
    Some(repository)
}

fn changes(ran: &Ran) -> Vec<String> {
    rows(&ran.json()).into_iter().map(|(row, _)| row).collect()
}

#[test]
fn the_base_is_where_the_head_parted_from_it_unless_that_is_refused() {
    let Some(repository) = parted() else { return };
    let only = ["changed shop/deployment/web > shop/statefulset/db"];
    for base in ["git:main:k8s", "main"] {
        let ran = repository.run(&["diff", "--base", base, "-o", "json"]);
        assert_eq!(changes(&ran), only, "{base}");
        let parted = repository.git(&["merge-base", "main", "HEAD"]);
        assert_eq!(ran.json()["base_revision"], parted.trim());
    }
    let ran =
        repository.run(&["diff", "--base", "git:feature:k8s", "--head", "git:main", "-o", "json"]);
    assert!(!changes(&ran).contains(&only[0].to_owned()), "{}", ran.out);
    let exact =
        repository.run(&["diff", "--base", "git:main:k8s", "--no-merge-base", "-o", "json"]);
    assert!(changes(&exact).len() > 1, "{}", exact.out);
}

#[test]
fn nothing_is_written_and_equal_changes_give_equal_bytes() {
    let Some(repository) = parted() else { return };
    let before = repository.everything();
    for form in
        ["text", "json", "markdown", "sarif", "github", "gitlab", "junit", "html", "csv", "yaml"]
    {
        let run = || repository.run(&["diff", "--base", "git:main:k8s", "-o", form]);
        let (first, second) = (run(), run());
        assert_eq!(first.code, 1, "{form}: {}", first.err);
        assert!(first.out.contains("db"), "{form}: {}", first.out);
        assert_eq!(first.out, second.out, "{form}");
    }
    assert!(before == repository.everything(), "the repository was written to");
}

#[test]
fn the_working_tree_is_the_head_and_paths_are_shared() {
    let Some(repository) = Repository::new(&BEFORE) else { return };
    repository.write("broken.yaml", "kind: [\n");
    repository.write("k8s/more.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: more, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: c, image: i}]}\n");
    let added = ["added shop/pod/more > shop/statefulset/db"];
    for args in [
        &["diff", "--base", "git:HEAD:k8s"][..],
        &["diff", "--base", "git:HEAD", "-f", "k8s"],
        &["diff", "--base", "git:HEAD", "--head", "dir:k8s"],
        &["-f", "k8s", "diff", "--base", "HEAD"],
    ] {
        let ran = repository.run(&[args, &["-o", "json"]].concat());
        assert_eq!(changes(&ran), added, "{args:?}: {}", ran.err);
    }
    let all = repository.run(&["diff", "--base", "git:HEAD"]);
    assert_eq!(all.code, 2);
    assert!(all.err.contains("error: head (the working tree): ./broken.yaml"), "{}", all.err);
}

#[test]
fn from_a_folder_paths_are_those_that_are_opened_there_and_reviews_name_them_from_the_root() {
    let Some(repository) = parted() else { return };
    repository.write("docs/readme.md", "text");
    for (folder, base, file) in [
        ("k8s", "git:main:./", "policies.yaml"),
        ("k8s", "git:main:k8s", "policies.yaml"),
        ("docs", "git:main:../k8s", "../k8s/policies.yaml"),
    ] {
        for head in [&["--head", "git:feature"][..], &[]] {
            let args = [&["diff", "--base", base], head].concat();
            let ran = repository.run_in(folder, &[&args[..], &["-o", "json"]].concat());
            let json = ran.json();
            let found = json["objects"][0]["file"].as_str().unwrap();
            assert_eq!(found.trim_start_matches("./"), file, "{folder} {args:?}");
            let sarif = repository.run_in(folder, &[&args[..], &["-o", "sarif"]].concat()).json();
            let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], POLICIES, "{folder} {args:?}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_state_is_said_with_what_to_do() {
    let Some(repository) = parted() else { return };
    repository.git(&["update-ref", "refs/remotes/origin/release", "HEAD"]);
    for (args, said, help) in [
        (&["--base", "git:mian"][..], "there is no revision `mian`", "did you mean `main`?"),
        (
            &["--base", "git:release"],
            "there is no revision `release`",
            "did you mean `origin/release`?",
        ),
        (
            &["--base", "git:0000000000000000000000000000000000000001"],
            "there is no revision",
            "git fetch",
        ),
        (&["--base", "git:main..feature"], "is two revisions", "--head"),
        (&["--base", "git:"], "names no revision", "git:HEAD:k8s/"),
        (&["--base", "git:HEAD:nope"], "holds no `nope`", "from the root of the repository"),
        (&["--base", "git:HEAD:../k8s"], "leads out of the repository", "./"),
        (&["--base", "git:HEAD:/etc"], "leads out of the repository", "./"),
        (
            &["--base", "git:HEAD:k8s/policies.yaml", "--head", "git:HEAD^{tree}:x"],
            "holds no `x`",
            "root",
        ),
        (&["--base", "nope"], "neither a path nor a revision", "dir:PATH"),
        (&["--base", "dir:nope"], "cannot be read", "current directory"),
        (&["--base", "dir:k8s/policies.yaml"], "is no directory", "file:k8s/policies.yaml"),
        (&["--base", "file:k8s"], "is a directory", "dir:k8s"),
        (&["--base", "k8s"], "nothing to compare with", "--head SRC"),
        (
            &["--base", "git:HEAD", "--head", "git:HEAD", "-f", "k8s"],
            "both name the head",
            "leave one",
        ),
        (&["--base", ""], "no state is named", "dir:PATH"),
        (&[], "needs the state before", "--base"),
        (&["--base", "git:HEAD", "-o", "dot"], "no form as dot", "sarif"),
        (&["--base", "git:HEAD", "--fail-on", "error"], "cannot fail on `error`", "from-internet"),
    ] {
        let ran = repository.run(&[&["diff"], args].concat());
        assert_eq!((ran.code, &*ran.out), (2, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said) && ran.err.contains(help), "{args:?}: {}", ran.err);
    }
    let json = repository.run(&["diff", "--base", "git:mian", "-o", "json"]).json();
    assert_eq!(json["error"]["code"], "INPUT");
}

#[test]
fn a_name_that_is_a_path_and_a_revision_is_the_path() {
    let Some(repository) = parted() else { return };
    repository.git(&["branch", "k8s"]);
    let ran = repository.run(&["diff", "--base", "k8s", "--head", "git:feature:k8s"]);
    assert!(ran.err.contains("`k8s` is a path and a revision"), "{}", ran.err);
    assert_eq!((ran.code, &*ran.out), (0, ""), "{}", ran.err);
}

#[test]
fn an_invalid_object_is_reported_with_the_side_that_it_is_on() {
    let Some(repository) = Repository::new(&BEFORE) else { return };
    repository.edit(POLICIES, "ports: [{port: pg}]", "ports: [{prot: pg}]");
    repository.commit("broken");
    repository.git(&["checkout", "-q", "-b", "repaired"]);
    repository.edit(POLICIES, "ports: [{prot: pg}]", "ports: [{port: pg}]");
    repository.edit(
        POLICIES,
        "    - to: [{podSelector: {matchLabels: {app: db}}}]",
        "    - too: []",
    );
    let args = ["diff", "--base", "git:HEAD:k8s"];
    let ran = repository.run(&args);
    assert_eq!((ran.code, &*ran.out), (2, ""));
    assert!(ran.err.contains("error: base (HEAD): k8s/policies.yaml:10"), "{}", ran.err);
    assert!(ran.err.contains("error: head (the working tree): k8s/policies.yaml"), "{}", ran.err);
    assert!(ran.err.contains("the input has 2 errors"), "{}", ran.err);
    let json = repository.run(&[&args[..], &["-o", "json"]].concat()).json();
    assert_eq!(json["error"]["details"].as_array().unwrap().len(), 2);
    assert_eq!(repository.run(&[&args[..], &["--keep-going"]].concat()).code, 1);
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_of_the_repository_and_each_file_is_read_once() {
    use std::os::unix::fs::symlink;
    let Some(repository) = Repository::new(&BEFORE) else { return };
    let root = repository.path();
    repository.git(&["mv", POLICIES, "shared.yaml"]);
    std::fs::create_dir(root.join("all")).unwrap();
    symlink("../k8s", root.join("all/k8s")).unwrap();
    symlink("../k8s", root.join("all/same")).unwrap();
    symlink("../shared.yaml", root.join("k8s/policies.yaml")).unwrap();
    repository.commit("links");
    let ran = repository.run(&[
        "diff",
        "--base",
        "git:HEAD~1:k8s",
        "--head",
        "git:HEAD:all",
        "-o",
        "json",
    ]);
    assert_eq!(changes(&ran), Vec::<String>::new(), "{}", ran.err);
    assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
    let same = repository.run(&["diff", "--base", "git:HEAD:all"]);
    assert_eq!((same.code, &*same.out, &*same.err), (0, "", ""));
    for (target, said) in
        [("../../nowhere.yaml", "leads to nothing"), ("/etc/hosts", "leads to nothing")]
    {
        symlink(target, root.join("k8s/odd.yaml")).unwrap();
        repository.commit("odd");
        let ran = repository.run(&["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD:k8s"]);
        assert_eq!(ran.code, 2, "{target}");
        assert!(ran.err.contains(said), "{target}: {}", ran.err);
        repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    }
    symlink("..", root.join("k8s/up")).unwrap();
    repository.commit("a circle");
    let ran = repository.run(&["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD:k8s"]);
    assert!(ran.code == 2 && ran.err.contains("leads back"), "{}", ran.err);
}

#[test]
fn files_that_are_not_in_the_repository_are_missed_aloud() {
    let Some(repository) = Repository::new(&BEFORE) else { return };
    let head = repository.git(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{},k8s/other", head.trim());
    repository.git(&["update-index", "--add", "--cacheinfo", &entry]);
    repository.git(&["commit", "-q", "-m", "a submodule"]);
    let ran = repository.run(&["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD"]);
    assert!(ran.code == 0 && ran.err.contains("`k8s/other` is a submodule"), "{}", ran.err);
    let ran = repository.run(&["diff", "--base", "git:HEAD:k8s/other/x", "--head", "git:HEAD"]);
    assert!(ran.code == 2 && ran.err.contains("is a submodule: its files are"), "{}", ran.err);
    repository.write(
        "k8s/big.yaml",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    );
    repository.git(&["add", "k8s/big.yaml"]);
    repository.git(&["commit", "-q", "-m", "a pointer"]);
    let ran = repository.run(&["diff", "--base", "git:HEAD~1:k8s", "--head", "git:HEAD"]);
    assert!(ran.code == 2 && ran.err.contains("kept by Git LFS"), "{}", ran.err);
}

#[test]
fn a_bare_repository_has_revisions_and_no_working_tree() {
    let Some(repository) = parted() else { return };
    repository.git(&["clone", "-q", "--bare", ".", "bare.git"]);
    let ran = repository.run_in(
        "bare.git",
        &["diff", "--base", "git:main:k8s", "--head", "git:feature", "-o", "json"],
    );
    assert_eq!(changes(&ran), ["changed shop/deployment/web > shop/statefulset/db"], "{}", ran.err);
    let ran = repository.run_in("bare.git", &["diff", "--base", "git:main:k8s"]);
    assert!(ran.code == 2 && ran.err.contains("the repository is bare"), "{}", ran.err);
}

#[test]
fn a_shallow_clone_without_the_commit_where_branches_parted_is_explained() {
    let Some(repository) = parted() else { return };
    let url = format!("file://{}", repository.path().display());
    repository.git(&["clone", "-q", "--depth", "1", "--no-single-branch", &url, "shallow"]);
    let ran = repository.run_in("shallow", &["diff", "--base", "git:origin/main:k8s"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("no commit in common"), "{}", ran.err);
    assert!(ran.err.contains("shallow") && ran.err.contains("fetch-depth: 0"), "{}", ran.err);
    let exact =
        repository.run_in("shallow", &["diff", "--base", "git:origin/main:k8s", "--no-merge-base"]);
    assert_eq!(exact.code, 1, "{}", exact.err);
}

/// Prepares a run with programs in front of those that are installed, and a place for temporary files.
fn with_programs(repository: &Repository, args: &[&str]) -> Command {
    let mut path = std::ffi::OsString::from(repository.path().join("programs"));
    path.push(":");
    path.push(path_of_programs());
    let mut command = repository.command(args);
    command.env("PATH", path).env("TMPDIR", repository.path().join("tmp"));
    command
}

#[cfg(unix)]
#[test]
fn kustomizations_are_rendered_on_both_sides_and_nothing_is_left_behind() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(repository) = Repository::new(&BEFORE) else { return };
    // It stands for the real program: it joins the files of a directory and those of its base.
    repository.write("programs/kubectl", "#!/bin/sh\n[ -e \"$2/fail\" ] && echo \"no base in $2\" >&2 && exit 1\nfor f in \"$2\"/*.yaml \"$2\"/../k8s/*.yaml; do cat \"$f\"; echo ---; done\n");
    let program = repository.path().join("programs/kubectl");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(repository.path().join("tmp")).unwrap();
    repository.write("overlay/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: more, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: c, image: i}]}\n");
    repository.commit("an overlay");
    repository.edit("overlay/pod.yaml", "{app: web}", "{app: other}");
    let run = |args: &[&str]| Ran::of(with_programs(&repository, args).output().unwrap());
    for head in [&[][..], &["--head", "git:HEAD"]] {
        let base = if head.is_empty() { "git:HEAD" } else { "git:HEAD~1" };
        if !head.is_empty() {
            repository.commit("other");
        }
        let ran = run(&[&["-k", "overlay", "diff", "--base", base, "-o", "json"], head].concat());
        let found = rows(&ran.json());
        let removed =
            found.iter().find(|(row, _)| row == "removed shop/pod/more > shop/statefulset/db");
        assert!(
            removed
                .is_some_and(|(_, because)| because.starts_with("shop/pod/more modified overlay:")),
            "{found:?}"
        );
    }
    repository.write("overlay/fail", "");
    repository.commit("fails");
    let ran = run(&["-k", "overlay", "diff", "--base", "git:HEAD", "--head", "git:HEAD"]);
    assert!(
        ran.code == 2
            && ran.err.contains("HEAD: `kubectl kustomize overlay` failed: no base in overlay"),
        "{}",
        ran.err
    );
    let left = std::fs::read_dir(repository.path().join("tmp")).unwrap().count();
    assert_eq!(left, 0, "files were left behind");
}

#[test]
fn without_a_repository_directories_and_files_are_compared() {
    let folder = Repository::folder(&BEFORE);
    folder.write("new/policies.yaml", &folder.read(POLICIES).replace("{port: pg}", "{port: 22}"));
    folder.write("new/namespaces.yaml", &folder.read("k8s/namespaces.yaml"));
    folder.write("new/workloads.yaml", &folder.read("k8s/workloads.yaml"));
    for (base, head) in [("dir:k8s", "dir:new"), ("k8s", "new"), ("k8s/", "./new")] {
        let ran = folder.run(&["diff", "--base", base, "--head", head, "-o", "json"]);
        assert_eq!(
            changes(&ran),
            ["changed shop/deployment/web > shop/statefulset/db"],
            "{}",
            ran.err
        );
    }
    let ran = folder.run(&[
        "diff",
        "--base",
        "file:k8s/workloads.yaml",
        "--head",
        "file:new/workloads.yaml",
    ]);
    assert_eq!((ran.code, &*ran.out), (0, ""), "{}", ran.err);
    let ran = folder.run(&["diff", "--base", "git:HEAD", "--head", "new"]);
    assert!(ran.code == 2 && ran.err.contains("no git repository here"), "{}", ran.err);
}
