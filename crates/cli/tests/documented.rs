//! docs/cli.md and the command must say the same: every command, flag, value and exit code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory as _};
use tessera_cli::arguments::Arguments;

const DOCUMENT: &str = include_str!("../../../docs/cli.md");

/// The text below a heading, up to the next of the same rank.
fn section(heading: &str) -> &'static str {
    let start = format!("\n## {heading}\n");
    let (_, rest) = DOCUMENT
        .split_once(&start)
        .unwrap_or_else(|| panic!("docs/cli.md has no section `{heading}`"));
    rest.split("\n## ").next().unwrap()
}

/// What the first column of the section's tables names, between backticks.
fn named(section: &str) -> BTreeSet<String> {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap().to_owned())
        .collect()
}

/// An argument as the document writes it.
fn written(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    let takes_value = argument.get_action().takes_values();
    let flag = argument
        .get_long()
        .map(|long| format!("--{long}"))
        .or_else(|| argument.get_short().map(|short| format!("-{short}")));
    match flag {
        Some(flag) if takes_value => format!("{flag} {values}"),
        Some(flag) => flag,
        None => values,
    }
}

/// Without help and version, and without what every command takes.
fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| {
        !argument.is_global_set() && !["help", "version"].contains(&argument.get_id().as_str())
    })
}

fn commands() -> Vec<Command> {
    let mut all = Arguments::command();
    all.build();
    all.get_subcommands()
        .filter(|command| command.get_name() != "help")
        .cloned()
        .collect()
}

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_its_section_and_no_other() {
    let documented: BTreeSet<&str> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("## tessera "))
        .collect();
    let commands = commands();
    let real: BTreeSet<&str> = commands.iter().map(Command::get_name).collect();
    assert_eq!(documented, real);
}

#[test]
fn every_flag_is_documented_and_no_other() {
    for command in commands() {
        let section = section(&format!("tessera {}", command.get_name()));
        let usage = section
            .split("```text\n")
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap();
        let mut documented = named(section);
        for argument in arguments(&command) {
            let written = written(argument);
            assert!(
                documented.remove(&written),
                "`{written}` of {} is not documented",
                command.get_name()
            );
            assert!(
                usage.contains(&written),
                "`{written}` is missing from the usage of {}",
                command.get_name()
            );
            for value in argument.get_possible_values() {
                let is_switch = !argument.get_action().takes_values();
                // The ways back are those of a sign-in, wherever one is asked for.
                let of_login = argument.get_id() == "redirect"
                    && named(self::section("tessera login")).contains(value.get_name());
                assert!(
                    is_switch || documented.remove(value.get_name()) || of_login,
                    "`{}` is not documented",
                    value.get_name()
                );
            }
        }
        // What is left are the states of an account, which are no flags.
        let stale: Vec<&String> = documented.iter().filter(|name| name.starts_with('-')).collect();
        assert!(stale.is_empty(), "{} has no {stale:?}", command.get_name());
    }
}

#[test]
fn what_every_command_takes_is_documented_and_nothing_else() {
    let command = Arguments::command();
    let global = command
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    let real: BTreeSet<String> = global.map(written).collect();
    assert_eq!(named(section("For every command")), real);
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Arguments::command().get_after_help().unwrap().to_string();
    let of_help: Vec<(String, String)> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
        .map(|(code, meaning)| (code.to_owned(), meaning.to_owned()))
        .collect();
    let documented: Vec<(String, String)> = section("Exit codes")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .filter(|(code, _)| code.parse::<u8>().is_ok())
        .map(|(code, meaning)| (code.to_owned(), meaning.to_owned()))
        .collect();
    assert_eq!(of_help.len(), 9);
    assert_eq!(of_help, documented);
}
