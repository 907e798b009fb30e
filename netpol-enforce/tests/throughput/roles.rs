//! What runs at the ends: servers, and clients that measure.

use std::io::{self, Read as _, Write as _};
use std::iter;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use netpol_enforce::afpacket::{AfPacket, OpenOptions};
use netpol_enforce::device::{Device as _, Inject as _};
use netpol_enforce::wire::build::{Link, udp};
use netpol_enforce::{Frame, FrameMeta, PortId, Tick};
use socket2::{Domain, Socket, Type};

use crate::cpus::stay_on;
use crate::sides::mac;

pub(crate) fn play(role: &str, arguments: &[&str]) {
    match (role, arguments) {
        ("role:sink", [at]) => sink(at),
        ("role:answer", [at]) => answer(at),
        ("role:echo-udp", [at]) => echo_udp(at),
        ("role:answer-once", [at]) => answer_once(at),
        ("role:pump", [from, to, seconds, streams]) => pump(from, to, seconds, streams),
        ("role:connect", [from, to, seconds, threads]) => connect(from, to, seconds, threads),
        ("role:rtt", [from, to, seconds]) => rtt(from, to, seconds),
        ("role:flood", [from, to, length, processor]) => flood(from, to, length, processor),
        ("role:count", []) => count(),
        ("role:count-once", []) => count_once(),
        _ => panic!("{role} {arguments:?}"),
    }
}

fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().unwrap();
}

fn time(seconds: &str) -> Duration {
    Duration::from_secs(seconds.parse().unwrap())
}

fn sink(at: &str) {
    let listener = TcpListener::bind(at).unwrap();
    say("ready");
    for client in listener.incoming() {
        thread::spawn(move || {
            let (mut client, mut part) = (client.unwrap(), vec![0; 1 << 18]);
            while client.read(&mut part).is_ok_and(|length| length > 0) {}
        });
    }
}

fn answer(at: &str) {
    let listener = TcpListener::bind(at).unwrap();
    say("ready");
    for client in listener.incoming() {
        thread::spawn(move || {
            let mut byte = [0];
            let answered = client.and_then(|mut client| {
                client.read_exact(&mut byte)?;
                client.write_all(&byte)?;
                // Until the client resets it.
                client.read(&mut byte)
            });
            drop(answered);
        });
    }
}

fn echo_udp(at: &str) {
    let socket = UdpSocket::bind(at).unwrap();
    say("ready");
    let mut datagram = [0; 2048];
    while let Ok((length, from)) = socket.recv_from(&mut datagram) {
        drop(socket.send_to(&datagram[..length], from));
    }
}

/// What a generator asks before it floods.
const QUESTION: &[u8] = b"?";

/// Answers the first question, which makes a connection of it where there are any, and lets the rest fall.
fn answer_once(at: &str) {
    let socket = UdpSocket::bind(at).unwrap();
    say("ready");
    let mut datagram = [0; 2048];
    let mut next = || {
        let (length, from) = socket.recv_from(&mut datagram).unwrap();
        (datagram[..length] == *QUESTION).then_some(from)
    };
    let from = iter::repeat_with(&mut next).flatten().next().unwrap();
    socket.send_to(QUESTION, from).unwrap();
    // Its buffer fills, and the kernel drops what comes: nothing is answered, and nobody is woken.
    loop {
        thread::park();
    }
}

fn open(from: &str, to: &str) -> TcpStream {
    let to: SocketAddr = to.parse().unwrap();
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from.parse().unwrap(), 0).into()).unwrap();
    socket.connect_timeout(&to.into(), Duration::from_secs(5)).unwrap();
    socket.into()
}

/// Says how many bits a second were taken.
fn pump(from: &str, to: &str, seconds: &str, streams: &str) {
    let (wanted, start) = (time(seconds), Instant::now());
    let workers: Vec<_> = (0..streams.parse::<usize>().unwrap())
        .map(|_| {
            let (mut stream, part) = (open(from, to), vec![7; 1 << 18]);
            thread::spawn(move || {
                let mut bytes = 0;
                while start.elapsed() < wanted {
                    bytes += stream.write(&part).unwrap() as u64;
                }
                bytes
            })
        })
        .collect();
    let bytes: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    say(&format!("{}", bytes as f64 * 8.0 / start.elapsed().as_secs_f64()));
}

/// Says how many connections a second were made and answered, and how long the median and the 99th of a hundred took.
fn connect(from: &str, to: &str, seconds: &str, threads: &str) {
    let wanted = time(seconds);
    let workers: Vec<_> = (0..threads.parse::<usize>().unwrap())
        .map(|_| {
            let (from, to) = (from.to_owned(), to.to_owned());
            thread::spawn(move || {
                let (mut times, start) = (Vec::new(), Instant::now());
                while start.elapsed() < wanted {
                    let one = Instant::now();
                    let mut stream = open(&from, &to);
                    stream.write_all(b"?").unwrap();
                    stream.read_exact(&mut [0]).unwrap();
                    // Ends with RST, so that no port waits.
                    let socket = Socket::from(stream);
                    socket.set_linger(Some(Duration::ZERO)).unwrap();
                    drop(socket);
                    times.push(one.elapsed());
                }
                times
            })
        })
        .collect();
    let times = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    say_times(times, wanted);
}

/// Says how many datagrams a second came back, and how long the median and the 99th of a hundred took.
fn rtt(from: &str, to: &str, seconds: &str) {
    let socket = UdpSocket::bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let (mut times, wanted, start) = (Vec::new(), time(seconds), Instant::now());
    while start.elapsed() < wanted {
        let one = Instant::now();
        socket.send(b"?").unwrap();
        if socket.recv(&mut [0; 8]).is_ok() {
            times.push(one.elapsed());
        }
    }
    say_times(times, wanted);
}

fn say_times(mut times: Vec<Duration>, wanted: Duration) {
    times.sort_unstable();
    let at = |percent: usize| {
        times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e6
    };
    say(&format!("{} {} {}", times.len() as f64 / wanted.as_secs_f64(), at(50), at(99)));
}

/// The port that the flood comes from, which is asked from before.
const FLOOD_PORT: u16 = 5353;
/// Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;

/// Asks once, so that there is a connection, and sends frames of a length as fast as it can until it is killed.
fn flood(from: &str, to: &str, length: &str, processor: &str) {
    if processor != "any" {
        stay_on(processor);
    }
    let (from, to): (IpAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    ask(SocketAddr::new(from, FLOOD_PORT), to);
    let start = Instant::now();
    let clock = Box::new(move || Tick::at(start.elapsed()));
    let options = OpenOptions { batch: 64, ..OpenOptions::new(clock, Box::new(|_, _| Ok(()))) };
    let mut device = AfPacket::open(&["eth0"], options).unwrap();
    let datagram = vec![7; length.parse::<usize>().unwrap() - HEADERS];
    let datagram = udp(FLOOD_PORT, to.port(), &datagram);
    let bytes = Link::new(mac(0), mac(1)).send(from, to.ip(), &datagram);
    let frame = Frame { meta: FrameMeta::plain(PortId(0), bytes.len(), Tick(0)), bytes: &bytes };
    say("ready");
    loop {
        (0..64).for_each(|_| device.inject(PortId(0), &frame));
        device.flush();
    }
}

/// Sends a datagram until one comes back.
fn ask(from: SocketAddr, to: SocketAddr) {
    let socket = UdpSocket::bind(from).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let is_answered = |_| socket.send(QUESTION).is_ok() && socket.recv(&mut [0; 8]).is_ok();
    assert!((0..10).any(is_answered), "{to} does not answer");
}

/// Says how many frames the interface has sent and received, as often as it is asked.
fn count() {
    say("ready");
    for line in io::stdin().lines() {
        drop(line);
        count_once();
    }
}

fn count_once() {
    let text = std::fs::read("/proc/net/dev").unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find(|line| line.trim_start().starts_with("eth0:")).unwrap();
    let fields: Vec<&str> = line.split_whitespace().collect();
    // eth0: bytes, frames and six more received; bytes, frames sent.
    say(&format!("{} {}", fields[10], fields[2]));
}
