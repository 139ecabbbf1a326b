//! A watch over every process of a desktop while a journey goes on, also over those that live only for a moment.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::Desktop;
use crate::processes::{self, Process};

/// Between two looks. A shell that starts another program lives longer.
const GLANCE: Duration = Duration::from_millis(5);

/// Writes down what the system shows of each process: program, arguments, environment.
pub struct Watch {
    ends: Arc<AtomicBool>,
    looking: Option<JoinHandle<Vec<Process>>>,
}

impl Watch {
    /// Begins to look.
    pub fn begin(desktop: &Desktop) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let (mark, base, ended) = (
            desktop.mark().to_owned(),
            desktop.base().to_owned(),
            Arc::clone(&ends),
        );
        let looking = thread::spawn(move || {
            let mut known = HashSet::new();
            let mut seen = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                for process in processes::marked(&mark, &base) {
                    let key = (process.pid, process.exe.clone(), process.arguments.clone());
                    if known.insert(key) {
                        seen.push(process);
                    }
                }
                thread::sleep(GLANCE);
            }
            seen
        });
        Self {
            ends,
            looking: Some(looking),
        }
    }

    /// Ends it and tells what was seen: one entry for each process and each program and arguments that it had.
    pub fn end(mut self) -> Result<Vec<Process>> {
        self.ends.store(true, Ordering::Relaxed);
        let looking = self.looking.take().map(JoinHandle::join);
        looking
            .transpose()
            .map_err(|_| anyhow!("the watch over the processes broke off"))?
            .ok_or_else(|| anyhow!("the watch has ended before"))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}
