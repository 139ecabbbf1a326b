//! The processes of one desktop, also those that nobody started here.
//!
//! A program that the browser or the session bus started is nobody's child that the lab knows. Its environment
//! still carries the desktop's mark; where a program wipes its environment, as Chromium does, its arguments
//! name the desktop's folder.

use std::fs;
use std::path::{Path, PathBuf};

/// The variable that marks a desktop's processes.
pub const MARK: &str = "TESSERA_LAB";

/// A process as `/proc` shows it to others of the same user.
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The program it runs.
    pub exe: PathBuf,
    /// Its arguments, each ended by a zero byte.
    pub arguments: Vec<u8>,
    /// The environment it was started with, each entry ended by a zero byte.
    pub environment: Vec<u8>,
}

impl Process {
    /// The arguments as text, for an error message.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.arguments)
            .replace('\0', " ")
            .trim_end()
            .to_owned()
    }
}

/// Every process that carries the mark `value`, or whose arguments name the folder `base`.
pub fn marked(value: &str, base: &Path) -> Vec<Process> {
    let mark = format!("{MARK}={value}");
    let base = base.as_os_str().as_encoded_bytes();
    let Ok(proc) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    proc.filter_map(|entry| {
        let dir = entry.ok()?.path();
        let process = Process {
            pid: dir.file_name()?.to_str()?.parse().ok()?,
            exe: fs::read_link(dir.join("exe")).ok()?,
            arguments: fs::read(dir.join("cmdline")).ok()?,
            environment: fs::read(dir.join("environ")).ok()?,
        };
        let mut variables = process.environment.split(|byte| *byte == 0);
        let ours = variables.any(|entry| entry == mark.as_bytes())
            || process.arguments.windows(base.len()).any(|part| part == base);
        ours.then_some(process)
    })
    .collect()
}

/// Whether a process of that id runs.
pub fn runs(pid: u32) -> bool {
    // A process that has ended and was not waited for is still listed, as a zombie without a program.
    fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe")).is_ok()
}
