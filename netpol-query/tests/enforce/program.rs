//! Namespaces, the program between them, and what connects through it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The two sides: namespaces `a` and `b`, joined by the ports `pa` and `pb`.
pub(crate) struct Sides;

impl Sides {
    pub(crate) fn new() -> Self {
        for (side, address) in [("a", "10.9.0.1"), ("b", "10.9.0.2")] {
            ip(&format!("netns add {side}"));
            ip(&format!("link add p{side} type veth peer name eth0 netns {side}"));
            ip(&format!("-n {side} addr add {address}/24 dev eth0"));
            ip(&format!("-n {side} link set eth0 up"));
            std::fs::write(format!("/proc/sys/net/ipv6/conf/p{side}/disable_ipv6"), "1").unwrap();
            ip(&format!("link set p{side} arp off up"));
        }
        Self
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        for side in ["a", "b"] {
            drop(Command::new("ip").args(["link", "del", &format!("p{side}")]).status());
            drop(Command::new("ip").args(["netns", "del", side]).status());
        }
    }
}

pub(crate) fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
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
        let mut command = program();
        command.args(words.split_whitespace()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
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

/// This program on a side, in a role.
pub(crate) fn on(side: &str, words: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", side]).arg(std::env::current_exe().unwrap()).args(words);
    command
}

/// A server, killed when it is no longer needed.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(side: &str, addresses: &[&str]) -> Self {
        let words = [&["role:serve"], addresses].concat();
        let mut child = on(side, &words).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Tells whether a connection from a side is answered.
pub(crate) fn is_answered(side: &str, to: &str) -> bool {
    let output = on(side, &["role:connect", to]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout == b"ok\n"
}

/// Tells whether a connection from a side is answered at last: the machine may be busy.
pub(crate) fn gets_through(side: &str, to: &str) -> bool {
    (0..6).any(|_| is_answered(side, to))
}

pub(crate) fn serve(addresses: &[&str]) {
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

pub(crate) fn connect(to: &str) {
    const WAIT: Duration = Duration::from_millis(800);
    let stream = TcpStream::connect_timeout(&to.parse().unwrap(), WAIT);
    let answered = stream.and_then(|mut stream| {
        stream.set_read_timeout(Some(WAIT))?;
        stream.read_exact(&mut [0])
    });
    println!("{}", if answered.is_ok() { "ok" } else { "no" });
}
