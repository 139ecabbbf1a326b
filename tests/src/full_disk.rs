//! A disk without room: a small file system in memory at the place of a folder, to be seen only by the programs
//! that are run on it.
//!
//! Mounting is for those who may: root, anybody in a user namespace of their own, or somebody whom `sudo` asks for
//! no password. Whichever works first is taken.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Result, bail};
use rustix::process::{getgid, getuid};

use crate::program::Program;
use crate::{Desktop, tools};

/// Mounts, says so, and keeps it all until standard input closes.
const HOLDER: &str =
    r#"mount -t tmpfs -o "size=1m,uid=$2,gid=$3,mode=700" tmpfs "$1" && echo mounted && exec cat"#;

/// The file that takes the room.
const FILLER: &str = "filler";

/// How to come by the right to mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// This is root.
    Root,
    /// In a user namespace everybody is root.
    Namespace,
    /// By a command that makes root of those who may.
    Sudo,
}

/// The disk. It is gone when this is dropped.
pub struct FullDisk<'a> {
    desktop: &'a Desktop,
    holder: Arc<Program>,
    right: Right,
    folder: PathBuf,
}

impl<'a> FullDisk<'a> {
    /// Mounts one over `folder`, which must be there. It is empty then, and not full yet.
    pub async fn mount(desktop: &'a Desktop, folder: &Path) -> Result<Self> {
        let rights: &[Right] = if getuid().is_root() {
            &[Right::Root, Right::Namespace]
        } else {
            &[Right::Namespace, Right::Sudo]
        };
        let mut refusals = Vec::new();
        for right in rights {
            let mut command = desktop.command(tools::find("env")?);
            command
                .args(right.unshare())
                .args(["sh", "-c", HOLDER, "sh"])
                .arg(folder)
                .args(right.owner())
                .stdin(Stdio::piped());
            let holder = desktop.spawn("full-disk", &mut command)?;
            match holder
                .line("the disk being mounted", |line| (line == "mounted").then_some(()))
                .await
            {
                Ok(()) => {
                    return Ok(Self {
                        desktop,
                        holder,
                        right: *right,
                        folder: folder.to_owned(),
                    });
                }
                Err(refusal) => refusals.push(format!("{right:?}: {refusal:#}")),
            }
        }
        bail!(
            "this machine lets nobody mount a small disk to fill. It takes one of: being root with CAP_SYS_ADMIN, \
             user namespaces for everybody, sudo without a password. Tried:\n{}",
            refusals.join("\n")
        )
    }

    /// What to run a program by, so that it sees the disk.
    pub fn before(&self) -> Vec<OsString> {
        let pid = self.holder_pid();
        let ids = (getuid().as_raw(), getgid().as_raw());
        let words = match self.right {
            Right::Root => format!("nsenter --target {pid} --mount --"),
            // Root there is nobody at the bus; the person is themselves again in a namespace within.
            Right::Namespace => format!(
                "nsenter --target {pid} --user --mount --preserve-credentials -- \
                 unshare --user --map-user={} --map-group={} --",
                ids.0, ids.1
            ),
            Right::Sudo => format!(
                "sudo -n nsenter --target {pid} --mount -- setpriv --reuid={} --regid={} --init-groups -- env -i",
                ids.0, ids.1
            ),
        };
        let mut words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        if self.right == Right::Sudo {
            // Which does not let the environment through.
            words.extend(self.desktop.variables());
        }
        words
    }

    /// Takes all the room that is left.
    pub fn fill(&self) -> Result<()> {
        // Bytes beyond the last page have room where a page has none.
        let fill = format!("cat /dev/zero >>'{FILLER}' 2>/dev/null; ! echo more >>'{FILLER}-2' 2>/dev/null");
        self.run(&format!("{fill} && rm -f '{FILLER}-2'"))
    }

    /// Makes room.
    pub fn make_room(&self) -> Result<()> {
        self.run(&format!("rm '{FILLER}'"))
    }

    /// Lets nobody write to it, or lets them again.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        let pid = self.holder_pid();
        let words = match self.right {
            Right::Root => format!("nsenter --target {pid} --mount --"),
            Right::Namespace => format!("nsenter --target {pid} --user --mount --preserve-credentials --"),
            Right::Sudo => format!("sudo -n nsenter --target {pid} --mount --"),
        };
        let access = if read_only { "remount,ro" } else { "remount,rw" };
        let mut command = self.desktop.command(tools::find("env")?);
        command
            .args(words.split(' '))
            .args(["mount", "-o", access])
            .arg(&self.folder);
        self.desktop.run(&mut command).map(drop)
    }

    /// Copies everything on it to `folder`, to be looked at.
    pub fn copy_to(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        self.run(&format!("cp -R . '{}'", folder.display()))
    }

    fn run(&self, script: &str) -> Result<()> {
        let before = self.before();
        let mut command = self.desktop.command(tools::find("env")?);
        command
            .args(before)
            .args(["sh", "-c", &format!("cd '{}' && {script}", self.folder.display())]);
        self.desktop.run(&mut command).map(drop)
    }

    /// The process in the namespace: with sudo it is a child's child.
    fn holder_pid(&self) -> u32 {
        let mut pid = self.holder.pid();
        while let Some(child) = only_child(pid) {
            pid = child;
        }
        pid
    }
}

impl Drop for FullDisk<'_> {
    fn drop(&mut self) {
        self.holder.stop();
    }
}

impl Right {
    fn unshare(self) -> &'static [&'static str] {
        match self {
            Self::Root => &["unshare", "--mount"],
            Self::Namespace => &["unshare", "--user", "--map-root-user", "--mount"],
            Self::Sudo => &["sudo", "-n", "unshare", "--mount"],
        }
    }

    /// Whose the disk is, by the numbers of the namespace.
    fn owner(self) -> [String; 2] {
        match self {
            Self::Root | Self::Namespace => ["0".to_owned(), "0".to_owned()],
            Self::Sudo => [getuid().as_raw().to_string(), getgid().as_raw().to_string()],
        }
    }
}

fn only_child(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
