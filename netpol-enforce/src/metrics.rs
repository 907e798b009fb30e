//! Counters for Prometheus, over HTTP on a loopback address: one request at a time, each bounded in bytes and time.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::forwarder::Shared;

/// How long one read or write of a client may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest request that is read, in bytes.
const LONGEST: usize = 4096;

/// Listens on a loopback address.
///
/// # Errors
///
/// When the address is none of this machine alone, or cannot be listened on.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let why = "metrics are served on loopback addresses alone, such as 127.0.0.1:9464";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    TcpListener::bind(address)
}

/// Answers requests for ever.
pub fn serve(listener: &TcpListener, shared: &Shared) {
    for client in listener.incoming() {
        // A client that goes away in between is its own affair; without descriptors there is nothing to do but wait.
        match client {
            Ok(client) => drop(answer(client, shared)),
            Err(_) => std::thread::sleep(PATIENCE),
        }
    }
}

fn answer(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::with_capacity(LONGEST);
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = client.read(&mut part)?;
        request.extend_from_slice(part.get(..read).unwrap_or_default());
        if read == 0 || request.len() > LONGEST {
            return Ok(());
        }
    }
    let (status, body) = match request.split(|byte| *byte == b' ').take(2).collect::<Vec<_>>()[..] {
        [b"GET", b"/metrics"] => ("200 OK", shared.report().prometheus()),
        [b"GET", _] => ("404 Not Found", "the counters are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET is known\n".to_owned()),
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut client = TcpStream::connect(address).unwrap();
        drop(client.write_all(request.as_bytes()));
        let mut answer = String::new();
        // A request that is refused unread may end in a reset.
        drop(client.read_to_string(&mut answer));
        answer
    }

    #[test]
    fn counters_are_served_on_loopback_alone() {
        assert!(listen("0.0.0.0:0".parse().unwrap()).is_err());
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        std::thread::spawn(move || serve(&listener, &shared));
        let answer = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("netpol_enforce_received_total 0\n"), "{answer}");
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let endless = "x".repeat(3 * LONGEST);
        assert!(!ask(address, &endless).contains("200 OK"));
    }
}
