//! What `cargo xtask torture` does: breaks what renewals rest on, again and again, and says what became of the account.
#![expect(clippy::print_stdout, reason = "a program's own word to whoever ran it")]

mod kills;
mod plan;
mod resident;
mod scene;
mod sends;
mod traces;
mod troubles;
mod victim;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::kills::Tally;
use crate::troubles::Table;

/// How many renewals are killed before they end, for each kind of provider: in the long run, and in the short one that
/// is part of the tests.
const KILLS: [usize; 2] = [1_000, 40];

/// How long the kills of one kind of provider may take, for a run that hangs.
const LIMIT: Duration = Duration::from_mins(20);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime");
    if std::env::args().nth(1).as_deref() == Some(resident::ARGUMENT) {
        return match runtime.and_then(|runtime| runtime.block_on(resident::run())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("{}", serde_json::json!({ "failed": format!("{error:#}") }));
                ExitCode::FAILURE
            }
        };
    }
    let wanted = match Wanted::read() {
        Ok(wanted) => wanted,
        Err(error) => {
            println!("{error:#}\n\nUsage: torture [--short | --kills NUMBER] [--seed NUMBER]");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "Seed {}. With --seed {0} each kill has the same aim again: what it waits for, and how long after it. When this \
         machine comes to that, and what else it does then, is never quite the same.",
        wanted.seed
    );
    let started = Instant::now();
    match runtime.and_then(|runtime| runtime.block_on(torture(&wanted))) {
        Ok((table, tallies)) => {
            println!("\n{}", Tally::HEADING);
            for tally in &tallies {
                println!("{}", tally.row());
            }
            let (good, failed) = table.count();
            let passed = tallies.len() + good;
            println!(
                "\nAfter each of them no secret was outside the keyring. In {:.0} s:",
                started.elapsed().as_secs_f64()
            );
            println!("{passed} passed, {failed} failed");
            if failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            println!(
                "\nIt came out otherwise than expected (seed {}): {error:#}",
                wanted.seed
            );
            println!("0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

/// What to do.
struct Wanted {
    kills: usize,
    seed: u64,
}

impl Wanted {
    fn read() -> Result<Self> {
        let mut wanted = Self {
            kills: KILLS[0],
            seed: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)?
                .as_secs(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--short" => wanted.kills = KILLS[1],
                "--kills" => wanted.kills = arguments.next().context("--kills names a number")?.parse()?,
                "--seed" => wanted.seed = arguments.next().context("--seed names a number")?.parse()?,
                other => bail!("{other} is not known"),
            }
        }
        Ok(wanted)
    }
}

async fn torture(wanted: &Wanted) -> Result<(Table, Vec<Tally>)> {
    Ok((
        troubles::all(KILLS[1] < wanted.kills).await?,
        kills::all(wanted).await?,
    ))
}
