//! The ready-made reviews: their scripts run here, as far as they go without a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::repository::path_of_programs;
use super::{BEFORE, Ran, Repository};

/// Reads a YAML file of the project.
fn yaml(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path);
    serde_yaml::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Where the scripts run, with a program that stands for GitHub's.
struct Runner {
    repository: Repository,
    outputs: BTreeMap<String, String>,
    inputs: BTreeMap<String, String>,
}

impl Runner {
    /// Starts with a repository whose branch `feature` opens a port; says aloud where bash is missing.
    fn new() -> Option<Self> {
        if Command::new("bash").arg("--version").output().is_err() {
            eprintln!("SKIPPED: 1 test needs bash");
            return None;
        }
        let repository = Repository::new(&BEFORE)?;
        repository.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
        repository.git(&["checkout", "-q", "-b", "feature"]);
        repository.edit(
            "k8s/policies.yaml",
            "ports: [{port: pg}]",
            "ports: [{port: pg}, {port: 22}]",
        );
        repository.commit("a port is opened");
        repository.write("bin/gh", "#!/usr/bin/env bash\nprintf '%s\\n' \"$*\" >> ../gh.log\ncase \"$*\" in\n*--paginate*) cat ../comments ;;\n*) for a; do case $a in body=@*) cp \"${a#body=@}\" ../body ;; esac; done ;;\nesac\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let program = repository.path().join("bin/gh");
            std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        repository.write("work/x", "");
        repository.write("comments", "");
        let action = yaml("action.yml");
        let inputs = action["inputs"].as_object().unwrap().iter();
        let inputs = inputs.map(|(name, input)| (name.clone(), text(&input["default"]).to_owned()));
        Some(Self { repository, outputs: BTreeMap::new(), inputs: inputs.collect() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.repository.path().join(name)
    }

    /// Replaces what GitHub would replace in a value.
    fn filled(&self, value: &str) -> String {
        let Some((before, rest)) = value.split_once("${{") else { return value.to_owned() };
        let (expression, after) = rest.split_once("}}").unwrap();
        let expression = expression.trim();
        let filled = if let Some(name) = expression.strip_prefix("inputs.") {
            self.inputs[name].clone()
        } else if let Some(output) = expression.strip_prefix("steps.") {
            let (step, name) = output.split_once(".outputs.").unwrap();
            self.outputs[&format!("{step}.{name}")].clone()
        } else {
            match expression {
                "github.event.pull_request.number" => "7".to_owned(),
                "github.action_path" => ".".to_owned(),
                other => panic!("unknown expression {other}"),
            }
        };
        format!("{before}{filled}{}", self.filled(after))
    }

    /// Runs a step of the action as GitHub does.
    fn step(&mut self, name: &str) -> Ran {
        let action = yaml("action.yml");
        let steps = action["runs"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        let output = self.path("output");
        std::fs::write(&output, "").unwrap();
        let mut path = self.path("bin").into_os_string();
        path.push(":");
        path.push(path_of_programs());
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", text(&step["run"])])
            .current_dir(self.path("work").parent().unwrap().join(if name == "Comment" {
                "work"
            } else {
                "."
            }))
            .stdin(Stdio::null())
            .env("PATH", path)
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("GITHUB_REPOSITORY", "o/r")
            .env("GITHUB_BASE_REF", "main")
            .env("GITHUB_REF_NAME", "7/merge")
            .env("RUNNER_TEMP", self.path("work"));
        for (key, value) in step["env"].as_object().into_iter().flatten() {
            if key != "GH_TOKEN" {
                command.env(key, self.filled(text(value)));
            }
        }
        let ran = Ran::of(command.output().unwrap());
        let id = step["id"].as_str().unwrap_or_default();
        for line in self.repository.read("output").lines() {
            let (key, value) = line.split_once('=').unwrap();
            self.outputs.insert(format!("{id}.{key}"), value.to_owned());
        }
        ran
    }

    /// Runs all steps that are scripts, and returns how the last ended.
    fn action(&mut self, manifests: &str) -> Ran {
        self.inputs.insert("binary".into(), env!("CARGO_BIN_EXE_netpol-query").into());
        self.inputs.insert("path".into(), manifests.into());
        for name in ["Find the program", "Compare", "Comment"] {
            let ran = self.step(name);
            assert_eq!(ran.code, 0, "{name}: {ran:?}");
        }
        self.step("Gate")
    }
}

#[test]
fn the_action_writes_one_comment_and_brings_it_up_to_date() {
    let Some(mut runner) = Runner::new() else { return };
    assert_eq!(runner.action("k8s").code, 1);
    assert_eq!(runner.outputs["compare.changed"], "true");
    let posted = runner.repository.read("body");
    assert!(
        posted.starts_with("<!-- netpol-query:diff -->\n### Network policy: 0 opened"),
        "{posted}"
    );
    assert!(runner.repository.read("gh.log").contains("--method POST repos/o/r/issues/7/comments"));
    assert_eq!(runner.repository.read("summary"), posted);
    let sarif: Value =
        serde_json::from_str(&runner.repository.read("work/netpol-query.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 1);

    // The comment is there now, and the change is taken back.
    runner.repository.write("comments", "41\n");
    runner.repository.write("gh.log", "");
    runner.repository.edit("k8s/policies.yaml", ", {port: 22}", "");
    assert_eq!(runner.action("k8s").code, 0);
    assert_eq!(runner.outputs["compare.changed"], "false");
    assert!(
        runner.repository.read("gh.log").contains("--method PATCH repos/o/r/issues/comments/41")
    );
    assert!(runner.repository.read("body").contains("no change any more"));

    // Without a comment, nothing is said.
    runner.repository.write("comments", "");
    runner.repository.write("gh.log", "");
    assert_eq!(runner.action("k8s").code, 0);
    assert!(!runner.repository.read("gh.log").contains("--method"));
}

#[test]
fn the_action_fails_where_it_cannot_compare() {
    let Some(mut runner) = Runner::new() else { return };
    runner.inputs.insert("binary".into(), env!("CARGO_BIN_EXE_netpol-query").into());
    runner.inputs.insert("base".into(), "git:origin/mian".into());
    assert_eq!(runner.step("Find the program").code, 0);
    let ran = runner.step("Compare");
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("::error::") && ran.err.contains("did you mean `origin/main`?"),
        "{ran:?}"
    );
}

#[test]
fn the_job_of_gitlab_writes_its_reports_and_ends_by_the_gate() {
    let Some(runner) = Runner::new() else { return };
    let job = &yaml("ci/gitlab.yml")[".netpol-query"];
    let lines: Vec<&str> = job["script"].as_array().unwrap().iter().map(text).collect();
    let run = |fail_on: &str| {
        let done = Command::new("bash")
            .args(["-eo", "pipefail", "-c", &lines.join("\n")])
            .current_dir(runner.repository.path())
            .env("NETPOL_QUERY", env!("CARGO_BIN_EXE_netpol-query"))
            .envs([("NETPOL_PATH", "k8s"), ("NETPOL_FAIL_ON", fail_on), ("NETPOL_OPTIONS", "")])
            .env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")
            .output();
        Ran::of(done.unwrap())
    };
    let ran = run("any");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("~ 1 flow: web → db:5432 becomes 22,5432"), "{ran:?}");
    let reports = &job["artifacts"]["reports"];
    let quality: Value =
        serde_json::from_str(&runner.repository.read(text(&reports["codequality"]))).unwrap();
    assert_eq!(quality[0]["location"]["path"], "k8s/policies.yaml");
    assert!(runner.repository.read(text(&reports["junit"])).contains("<failure"));
    assert_eq!(run("none").code, 0);
}

#[test]
fn the_hooks_of_pre_commit_look_at_the_working_tree() {
    let Some(repository) = Repository::new(&BEFORE) else { return };
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hook =
        hooks.as_array().unwrap().iter().find(|hook| hook["id"] == "netpol-query-diff").unwrap();
    let mut words = text(&hook["entry"]).split(' ');
    assert_eq!(words.next(), Some("netpol-query"));
    let args: Vec<&str> = words.chain(["-f", "k8s"]).collect();
    assert_eq!(repository.run(&args).code, 0);
    repository.edit("k8s/policies.yaml", "ports: [{port: pg}]", "ports: [{port: pg}, {port: 22}]");
    let ran = repository.run(&args);
    assert!(ran.code == 1 && ran.out.contains("web → db:5432 becomes 22,5432"), "{ran:?}");
}
