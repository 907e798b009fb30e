//! The real program on a real terminal: completion by Tab, a query, an error, Ctrl-C and `\q`. Needs tmux.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

/// How often the screen is looked at, and how many times: everything appears within a minute, however busy the machine.
const PAUSE: Duration = Duration::from_millis(50);
const LOOKS: usize = 1_200;

/// A tmux server of its own, which ends with the value.
struct Terminal {
    socket: String,
    home: PathBuf,
}

impl Terminal {
    /// Starts the program in a terminal; `None`, said aloud, where tmux is not installed.
    fn start(name: &str, options: &str, manifests: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("SKIPPED: 1 test needs tmux");
            return None;
        }
        let socket = format!("netpol-query-{name}-{}", std::process::id());
        let home = std::env::temp_dir().join(&socket);
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("more.yaml"), manifests).unwrap();
        let terminal = Self { socket, home };
        let program = env!("CARGO_BIN_EXE_netpol-query");
        let state = terminal.home.display().to_string();
        let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/shop.yaml");
        let options = options.replace("HOME", &state);
        let command = format!(
            "env -u NO_COLOR XDG_STATE_HOME='{state}' PAGER=cat '{program}' -f '{shop}' {options}; echo ended $?; sleep 600"
        );
        let size = ["-x", "100", "-y", "40"];
        let config = ["-f", "/dev/null", "new-session", "-d"];
        let args: Vec<&str> = config.iter().chain(&size).copied().chain([&*command]).collect();
        assert!(terminal.tmux(&args).status.success());
        Some(terminal)
    }

    fn tmux(&self, args: &[&str]) -> Output {
        Command::new("tmux").args(["-L", &self.socket]).args(args).output().unwrap()
    }

    /// Presses keys by tmux's names for them.
    fn press(&self, keys: &[&str]) {
        let args: Vec<&str> = ["send-keys"].iter().chain(keys).copied().collect();
        assert!(self.tmux(&args).status.success());
    }

    /// Types a text as it is.
    fn write(&self, text: &str) {
        assert!(self.tmux(&["send-keys", "-l", text]).status.success());
    }

    fn screen(&self) -> String {
        let shown = self.tmux(&["capture-pane", "-p", "-e"]);
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Waits until the screen, without colours, is as it should be.
    fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let mut plain = String::new();
        for _ in 0..LOOKS {
            let coloured = self.screen();
            plain = without_colours(&coloured);
            if holds(&plain) {
                return coloured;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("waited in vain for {what}:\n{plain}");
    }

    fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    fn wait_for_prompt(&self) {
        self.wait("a prompt", |screen| screen.lines().last() == Some("netpol>"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).output();
        let _gone = std::fs::remove_dir_all(&self.home);
    }
}

fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_person_completes_asks_errs_and_leaves() {
    let Some(terminal) = Terminal::start("person", "", "") else { return };
    terminal.wait_for("\\? for help");
    terminal.wait_for_prompt();
    terminal.write("can pro");
    terminal.press(&["Tab"]);
    terminal.wait_for("can probe");
    terminal.write("rea");
    terminal.press(&["Tab"]);
    terminal.wait_for("can probe reach");
    terminal.write("shop/d");
    terminal.press(&["Tab"]);
    terminal.wait_for("can probe reach shop/db");
    terminal.write("on p");
    terminal.press(&["Tab"]);
    terminal.wait_for("can probe reach shop/db on pg");
    terminal.press(&["Enter"]);
    let screen = terminal.wait_for("NO   shop/pod/probe → shop/sts/db");
    assert!(screen.contains("\u{1b}["), "{screen}");
    terminal.wait_for_prompt();
    // A name that nothing has is red before the sentence is sent.
    terminal.write("can frontent reach db ");
    let screen = terminal.wait_for("can frontent reach db");
    assert!(
        screen.contains("31mfrontent") || screen.contains("31m\u{1b}[4mfrontent"),
        "{screen:?}"
    );
    // Ctrl-C clears the line and stays.
    terminal.press(&["C-c"]);
    terminal.wait_for_prompt();
    terminal.write("can frontent reach db");
    terminal.press(&["Enter"]);
    terminal.wait_for("^^^^^^^^ did you mean `frontend`");
    terminal.wait_for_prompt();
    // The history hints at what was asked before.
    terminal.write("can probe");
    terminal.wait_for("can probe reach shop/db on pg");
    terminal.press(&["C-c"]);
    terminal.wait_for_prompt();
    terminal.write("test \"x\" {");
    terminal.wait_for("test \"x\" {");
    terminal.press(&["Enter"]);
    terminal.wait("the prompt of a line that goes on", |screen| {
        screen.lines().last().is_some_and(|l| l.starts_with("...") && !l.contains("count"))
    });
    terminal.write("count pods }");
    terminal.press(&["Enter"]);
    terminal.wait("the answer 7", |screen| screen.lines().any(|l| l == "7"));
    terminal.wait_for_prompt();
    terminal.write("\\q");
    terminal.press(&["Enter"]);
    terminal.wait_for("ended 0");
    let history = std::fs::read(terminal.home.join("netpol-query/history")).unwrap();
    let history = String::from_utf8(history).unwrap();
    assert!(history.contains("can probe reach shop/db on pg"), "{history}");
}

/// Pods with a policy each: explaining all pairs of them takes a while.
fn many_pods() -> String {
    let one = |n: u32| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: pod-{n}, namespace: many, labels: {{id: \"{n}\"}}}}}}\n---\n\
             {{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p-{n}, namespace: many}}, \
             spec: {{podSelector: {{matchExpressions: [{{key: id, operator: NotIn, values: [\"{n}\"]}}]}}, \
             ingress: [{{from: [{{podSelector: {{matchLabels: {{id: \"{n}\"}}}}}}]}}]}}}}\n---\n"
        )
    };
    (0..300).map(one).collect::<Vec<_>>().concat()
}

#[test]
fn ctrl_c_ends_a_query_and_not_the_program() {
    let Some(terminal) = Terminal::start("query", "-f HOME --color never", &many_pods()) else {
        return;
    };
    terminal.wait_for_prompt();
    terminal.write("why many/* -> many/*");
    terminal.press(&["Enter"]);
    terminal.wait_for("answering; Ctrl-C gives up");
    terminal.press(&["C-c"]);
    terminal.wait_for("given up");
    terminal.wait_for_prompt();
    assert!(!terminal.screen().contains("answering"), "{}", terminal.screen());
    terminal.write("\\d probe");
    terminal.press(&["Enter"]);
    terminal.wait_for("10.0.0.9");
    terminal.wait_for_prompt();
    terminal.press(&["C-d"]);
    terminal.wait_for("ended 0");
}
