//! A thousand accounts: the app opens as fast as with one, and takes as much memory.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use lab::app::App;
use lab::processes::Process;
use lab::{Desktop, tools, wait};
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};

use super::{Row, Table};
use crate::scene::Scene;

/// How often each number of accounts is measured.
const STARTS: usize = 11;

/// What a start came to.
#[derive(Clone, Copy)]
struct Start {
    /// From the start of the process until the accounts were drawn.
    milliseconds: f64,
    /// Of all its processes, in KiB; what they share is divided among them.
    memory: f64,
}

#[expect(clippy::print_stdout, reason = "a program's own word to whoever ran it")]
pub(super) async fn compare(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    scene.desktop.set("TESSERA_SANDBOX", "off");
    let (one, many) = (scene.store(), scene.desktop.tessera().join("many.db"));
    leave_alone(&Connection::open(&one)?)?;
    Connection::open(&one)?.execute("VACUUM INTO ?1", [many.to_str().context("a path")?])?;
    multiply(&Connection::open(&many)?)?;
    let mut starts = Vec::new();
    // In turns: of two that follow each other, what else the machine does meets both. The one in the middle counts.
    for _ in 0..STARTS {
        let alone = start(scene.desktop, 1).await?;
        swap(&one, &many)?;
        let crowd = start(scene.desktop, 1_000).await?;
        swap(&one, &many)?;
        starts.push([alone, crowd]);
    }
    let middle = |figure: &dyn Fn(&[Start; 2]) -> f64| {
        let mut figures: Vec<f64> = starts.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[STARTS / 2]
    };
    let time = middle(&|[alone, crowd]| crowd.milliseconds / alone.milliseconds);
    let memory = middle(&|[alone, crowd]| crowd.memory / alone.memory);
    let said = |ratio: f64| {
        if ratio <= 1.2 {
            "1.2".to_owned()
        } else {
            format!("{ratio:.2}")
        }
    };
    table.add(Row::new(
        "scale",
        "a thousand accounts, against one",
        "at most 1.2 of the start-up, 1.2 of the memory",
        (
            format!(
                "at most {} of the start-up, {} of the memory",
                said(time),
                said(memory)
            ),
            scene.search()?,
        ),
    ));
    for (which, what) in ["one account", "a thousand"].into_iter().enumerate() {
        println!(
            "          {what}: {:.0} ms until they are drawn, {:.0} MiB",
            middle(&|pair| pair[which].milliseconds),
            middle(&|pair| pair[which].memory) / 1024.0
        );
    }
    println!("          ratios: {time:.2} and {memory:.2}");
    Ok(())
}

/// Nothing is to be renewed meanwhile.
fn leave_alone(store: &Connection) -> Result<()> {
    let changed = store.execute("UPDATE account SET access_expires_at = 9999999999", [])?;
    ensure!(changed == 1, "{changed} accounts");
    Ok(())
}

/// Makes a thousand of the one account.
fn multiply(store: &Connection) -> Result<()> {
    store.execute_batch(
        "CREATE TEMP TABLE one AS SELECT * FROM account;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
         INSERT INTO temp.one SELECT one.* FROM one, n;
         UPDATE temp.one SET id = printf('%016x', rowid), subject = 'person-' || rowid,
             name = 'Person ' || rowid, email = 'person' || rowid || '@example.test' WHERE rowid > 1;
         INSERT INTO main.account SELECT * FROM temp.one WHERE rowid > 1;",
    )?;
    let count: i64 = store.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
    ensure!(count == 1_000, "{count} accounts");
    Ok(())
}

fn swap(one: &std::path::Path, other: &std::path::Path) -> Result<()> {
    let aside = one.with_extension("aside");
    for (from, to) in [(one, aside.as_path()), (other, one), (aside.as_path(), other)] {
        fs::rename(from, to)?;
        for beside in ["-wal", "-shm"] {
            let named = |path: &std::path::Path| {
                let mut name = path.as_os_str().to_owned();
                name.push(beside);
                name
            };
            match fs::rename(named(from), named(to)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

async fn start(desktop: &Desktop, expected: usize) -> Result<Start> {
    let program = tools::built("tessera-desktop")?;
    let app = App::start(desktop, &program).await?;
    app.find("account-0").await?;
    let script = "const mark = performance.getEntriesByName('first-accounts')[0];
                  return mark ? performance.timeOrigin + mark.startTime : null;";
    let mut drawn = None;
    wait::until_true("the accounts drawn", wait::STEP, async || {
        drawn = app.script(script).await?["value"].as_f64();
        Ok(drawn.is_some())
    })
    .await?;
    let listed = app.attribute("account-0", "aria-setsize").await?;
    ensure!(listed == expected.to_string(), "{listed} accounts are listed");
    let names = ["tessera-desktop", "WebKitWebProcess", "WebKitNetworkProcess"];
    let processes: Vec<Process> = desktop
        .processes()
        .into_iter()
        .filter(|process| names.iter().any(|name| process.exe.ends_with(name)))
        .collect();
    let shell = processes
        .iter()
        .find(|process| process.exe == program)
        .context("the app's process")?;
    let milliseconds = drawn.context("a time")? - begun(shell.pid)?;
    let mut memory = 0.0;
    for process in &processes {
        memory += share(process.pid)?;
    }
    app.close().await?;
    Ok(Start { milliseconds, memory })
}

/// When a process began, in milliseconds since 1970.
fn begun(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The 22nd field; the second is a name that may hold anything but a last bracket.
    let ticks: f64 = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(19))
        .context("a start time")?
        .parse()?;
    let seconds = |clock| {
        let time = clock_gettime(clock);
        #[expect(clippy::cast_precision_loss, reason = "to the microsecond is enough")]
        let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        seconds
    };
    let booted = seconds(ClockId::Realtime) - seconds(ClockId::Boottime);
    #[expect(clippy::cast_precision_loss, reason = "it is a hundred")]
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Ok((booted + ticks / per_second) * 1000.0)
}

/// A process's share of the memory, in KiB.
fn share(pid: u32) -> Result<f64> {
    let told = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let share = told.lines().find_map(|line| line.strip_prefix("Pss:"));
    let share = share.and_then(|rest| rest.split_whitespace().next());
    Ok(share.context("a share of the memory")?.parse()?)
}
