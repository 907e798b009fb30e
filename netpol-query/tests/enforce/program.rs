//! Namespaces, the program between them, and what connects through it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::live::{self, Role, in_namespace, ip};

/// The two sides: namespaces `a` and `b`, joined by the ports `pa` and `pb`.
pub(crate) struct Sides;

impl Sides {
    pub(crate) fn new() -> Self {
        for (side, address) in [("a", "10.9.0.1"), ("b", "10.9.0.2")] {
            ip(&format!("netns add {side}"));
            let port = format!("p{side}");
            live::join(side, &port);
            ip(&format!("-n {side} addr add {address}/24 dev eth0"));
            ip(&format!("-n {side} link set eth0 up"));
            live::set_up_port(&port);
        }
        Self
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        for side in ["a", "b"] {
            live::part(side, &format!("p{side}"));
        }
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_netpol-query"))
}

/// Runs the program to its end.
pub(crate) fn ask(words: &str) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        program().args(words.split_whitespace()).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The program while it runs.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    said: Receiver<String>,
}

impl Running {
    /// Starts it, and waits until it says that it has begun.
    pub(crate) fn start(words: &str) -> Self {
        Self::start_with(words, "")
    }

    /// Starts it with something on its standard input, and waits until it says that it has begun.
    pub(crate) fn start_with(words: &str, input: &str) -> Self {
        let mut command = program();
        command.args(words.split_whitespace()).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (lines, said) = channel();
        thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let running = Self { child, out: BufReader::new(out), said };
        running.wait_for("between pa and pb");
        running
    }

    /// Waits for a line of standard error with these words.
    pub(crate) fn wait_for(&self, words: &str) -> String {
        let (start, mut others) = (Instant::now(), Vec::new());
        loop {
            let left = Duration::from_secs(15).saturating_sub(start.elapsed());
            match self.said.recv_timeout(left) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => others.push(line),
                Err(error) => panic!("nothing says `{words}` ({error}): {others:#?}"),
            }
        }
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Returns the next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// The effective capabilities of each of its threads.
    pub(crate) fn capabilities(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of = |task: std::fs::DirEntry| {
            let status = std::fs::read(task.path().join("status")).unwrap();
            let status = String::from_utf8_lossy(&status).into_owned();
            let line = status.lines().find(|line| line.starts_with("CapEff:")).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        tasks.map(|task| of(task.unwrap())).collect()
    }

    /// Ends it, and returns its code and the rest of standard output.
    pub(crate) fn end(mut self) -> (i32, String) {
        self.signal("TERM");
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code().unwrap(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a server on a side, killed when it is no longer needed.
pub(crate) fn serve_on(side: &str, addresses: &[&str]) -> Role {
    Role::spawn(in_namespace(side, &[&["role:serve"], addresses].concat()))
}

/// Tells whether a connection from a side is answered.
pub(crate) fn is_answered(side: &str, to: &str) -> bool {
    live::said("connect", &in_namespace(side, &["role:connect", to]).output().unwrap()) == "ok"
}

/// Tells whether a connection from a side is answered at last: the machine may be busy.
pub(crate) fn gets_through(side: &str, to: &str) -> bool {
    (0..6).any(|_| is_answered(side, to))
}

/// Plays a role.
pub(crate) fn play(role: &str, arguments: &[&str]) {
    match (role, arguments) {
        ("role:serve", addresses) => serve(addresses),
        ("role:connect", [to]) => connect(to),
        other => panic!("no such role: {other:?}"),
    }
}

fn serve(addresses: &[&str]) {
    let servers: Vec<_> = addresses
        .iter()
        .map(|address| {
            let listener = TcpListener::bind(address).unwrap();
            thread::spawn(move || {
                for client in listener.incoming() {
                    drop(client.and_then(|mut client| client.write_all(b"!")));
                }
            })
        })
        .collect();
    println!("ready");
    servers.into_iter().for_each(|server| server.join().unwrap());
}

fn connect(to: &str) {
    const WAIT: Duration = Duration::from_millis(800);
    let stream = TcpStream::connect_timeout(&to.parse().unwrap(), WAIT);
    let answered = stream.and_then(|mut stream| {
        stream.set_read_timeout(Some(WAIT))?;
        stream.read_exact(&mut [0])
    });
    println!("{}", if answered.is_ok() { "ok" } else { "no" });
}
