//! How much memory this process has and had, where the system tells.

use std::fs::File;
use std::io::{Read as _, Write as _};

/// Bytes that are resident now.
pub fn resident() -> Option<u64> {
    field("VmRSS:")
}

/// The most bytes that were resident since the start, or since [`forget_peak`].
pub fn peak() -> Option<u64> {
    field("VmHWM:")
}

/// Makes the present the peak; false where the system does not allow it.
pub fn forget_peak() -> bool {
    File::options()
        .write(true)
        .open("/proc/self/clear_refs")
        .and_then(|mut file| file.write_all(b"5"))
        .is_ok()
}

fn field(name: &str) -> Option<u64> {
    let mut text = String::new();
    File::open("/proc/self/status").ok()?.take(1 << 16).read_to_string(&mut text).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_shows_and_is_forgotten() {
        let (Some(before), true) = (resident(), forget_peak()) else {
            println!("skipped: this system does not tell the memory of a process");
            return;
        };
        let block = vec![1_u8; 64 << 20];
        let most = peak().unwrap();
        assert!(most >= before + (60 << 20), "{before} {most}");
        drop(std::hint::black_box(block));
        assert!(forget_peak());
        assert!(peak().unwrap() < most);
    }
}
