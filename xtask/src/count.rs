//! Reads how many tests passed and failed from the closing lines of the test runners.

/// Tests that passed and failed. A test that was skipped counts as failed: what cannot run must say why by
/// failing, or it is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Passed.
    pub(crate) passed: usize,
    /// Failed or skipped.
    pub(crate) failed: usize,
}

impl std::ops::Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

impl Count {
    /// One check that can only hold or not.
    pub(crate) fn of(success: bool) -> Self {
        Self {
            passed: usize::from(success),
            failed: usize::from(!success),
        }
    }

    /// What the closing lines in a runner's output say, with its exit: a runner that failed has at least one
    /// failure, and one that ran nothing has failed.
    pub(crate) fn read(output: &str, success: bool) -> Self {
        let mut count = output
            .lines()
            .filter_map(closing_line)
            .fold(Self::default(), |sum, one| sum + one);
        if count.failed == 0 && (!success || count.passed == 0) {
            count.failed = 1;
        }
        count
    }

    /// As [`Count::read`], for a runner that may have nothing to run, such as a crate without tests.
    pub(crate) fn read_if_any(output: &str, success: bool) -> Self {
        let count = Self::read(output, success);
        let nothing = success
            && !output
                .lines()
                .filter_map(closing_line)
                .any(|one| one != Self::default());
        if nothing { Self::default() } else { count }
    }
}

/// The counts in one line, when it is a closing line of libtest, of vitest, or of a script that ends the way
/// `cargo xtask test` does.
fn closing_line(line: &str) -> Option<Count> {
    let line = uncoloured(line);
    let line = line.trim();
    let counted = if let Some(rest) = line.strip_prefix("test result: ") {
        rest.split_once(". ")?.1
    } else if let Some(rest) = line.strip_prefix("Tests ") {
        rest
    } else if line.starts_with(|first: char| first.is_ascii_digit())
        && line.ends_with("failed")
        && line.contains(" passed, ")
    {
        line
    } else {
        return None;
    };
    let mut count = Count::default();
    let mut known = false;
    for part in counted.split([';', '|', ',', '(']) {
        let mut words = part.split_whitespace();
        let (Some(number), Some(word)) = (
            words.next().and_then(|word| word.parse::<usize>().ok()),
            words.next(),
        ) else {
            continue;
        };
        match word {
            "passed" => count.passed += number,
            "failed" | "ignored" | "skipped" | "todo" => count.failed += number,
            _ => continue,
        }
        known = true;
    }
    known.then_some(count)
}

/// A line without the colours that some runners insist on.
fn uncoloured(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let end = part
            .find(|mark: char| mark.is_ascii_alphabetic())
            .map_or(part.len(), |at| at + 1);
        text.push_str(&part[end..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_the_runners() {
        for (line, passed, failed) in [
            (
                "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.02s",
                12,
                0,
            ),
            (
                "test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1s",
                1,
                3,
            ),
            ("      Tests  14 passed (14)", 14, 0),
            ("      Tests  2 failed | 12 passed | 1 skipped (15)", 12, 3),
            (
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m303 passed\u{1b}[39m\u{1b}[22m (303)",
                303,
                0,
            ),
            ("7 passed, 1 failed", 7, 1),
        ] {
            assert_eq!(closing_line(line), Some(Count { passed, failed }), "{line}");
        }
    }

    #[test]
    fn other_lines_are_not_counted() {
        for line in [
            "Test Files  2 passed (2)",
            "test a::b ... ok",
            "3 errors found",
            "Tests are data",
            "",
            "5 passed",
        ] {
            assert_eq!(closing_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_runner_that_failed_or_ran_nothing_counts_as_a_failure() {
        let one = Count { passed: 0, failed: 1 };
        assert_eq!(Count::read("error: could not compile", false), one);
        assert_eq!(Count::read("", true), one);
        assert_eq!(
            Count::read("7 passed, 0 failed", false),
            Count { passed: 7, failed: 1 }
        );
        assert_eq!(
            Count::read_if_any("test result: ok. 0 passed; 0 failed; 0 ignored", true),
            Count::default()
        );
        assert_eq!(Count::read_if_any("", false), one);
    }
}
