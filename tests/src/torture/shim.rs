//! The disk and the clock that fail (shim/faults.c): compiled when there is a C compiler, which is nearly wherever Rust
//! links; preloaded into PostgreSQL, and into a node whose clock is to be wrong.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const SOURCE: &str = include_str!("../../shim/faults.c");

/// Answers where the library is; `None` where it cannot be had.
pub fn build(folder: &Path) -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let library = folder.join("faults.so");
    let mut compiler = Command::new("cc")
        .args(["-x", "c", "-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args(["-", "-ldl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    compiler.stdin.take()?.write_all(SOURCE.as_bytes()).ok()?;
    compiler.wait().ok()?.success().then_some(library)
}

/// What can be wrong with the disk of one server.
pub struct Disk(PathBuf);

impl Disk {
    /// A folder that the server's user may change too.
    pub fn new(folder: PathBuf, user: Option<(u32, u32)>) -> Self {
        fs::create_dir(&folder).expect("a folder for the disk's faults");
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group)).expect("the folder for PostgreSQL's user");
        }
        Self(folder)
    }

    /// For a server to be started: what it is to be preloaded with.
    pub fn prepare(&self, library: Option<&Path>, command: &mut Command) {
        if let Some(library) = library {
            command.env("LD_PRELOAD", library).env("PROMETRIC_FAULTS", &self.0);
        }
    }

    /// From now on no file can grow.
    pub fn fill(&self) {
        self.arm("full");
    }

    pub fn clear(&self) {
        fs::remove_file(self.0.join("full")).expect("a full disk");
    }

    /// The next sync fails.
    pub fn fail_sync(&self) {
        self.arm("fsync");
    }

    pub fn has_failed(&self) -> bool {
        !self.0.join("fsync").exists()
    }

    fn arm(&self, fault: &str) {
        File::create(self.0.join(fault)).expect("a fault of the disk");
    }
}
