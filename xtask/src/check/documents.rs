//! Documents must lead where they say they lead, and say how a figure was measured.

use anyhow::Result;

use super::none_found;
use crate::tree;

/// Units of things that are measured. A block of text with a number before one of them must name the command
/// that measured it.
const UNITS: [&str; 5] = ["MiB", "KiB", "MB", "kB", "ms"];

/// Reads every Markdown file.
pub(crate) fn check() -> Result<()> {
    let files = tree::files()?;
    let mut found = Vec::new();
    for file in files.iter().filter(|file| {
        std::path::Path::new(file)
            .extension()
            .is_some_and(|end| end == "md")
    }) {
        let Some(text) = tree::text(file)? else { continue };
        for (number, target) in links(&text) {
            if let Some(why) = broken(file, &target)? {
                found.push(format!("{file}:{number}: {target}: {why}"));
            }
        }
        for (number, figure) in unmeasured(&text) {
            found.push(format!(
                "{file}:{number}: {figure}: say which command measured it (\"measured with `…`\")"
            ));
        }
    }
    none_found(&found, "places to mend")
}

/// Lines outside fenced blocks, numbered from 1.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Where links and pictures lead: `[text](target)`, and `src="target"` of HTML pictures.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')] {
            for rest in line.split(opening).skip(1) {
                let target = rest.split(closing).next().unwrap_or("");
                let target = target.split_whitespace().next().unwrap_or("");
                links.push((number, target.trim_matches(['<', '>']).to_owned()));
            }
        }
    }
    links
}

/// Why a link leads nowhere; addresses of the web are not followed.
fn broken(file: &str, target: &str) -> Result<Option<String>> {
    if target.is_empty() {
        return Ok(Some("an empty link".to_owned()));
    }
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(None);
    }
    let (path, anchor) = target
        .split_once('#')
        .map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let there = if path.is_empty() {
        tree::path(file)
    } else {
        tree::path(folder).join(path)
    };
    if !there.exists() {
        return Ok(Some("there is no such file".to_owned()));
    }
    if let (Some(anchor), true) = (anchor, there.extension().is_some_and(|end| end == "md")) {
        let text = std::fs::read_to_string(&there)?;
        if !anchors(&text).iter().any(|known| known == anchor) {
            return Ok(Some("there is no such heading".to_owned()));
        }
    }
    Ok(None)
}

/// The anchors that a page of headings has on the usual hosts: small letters, dashes for spaces, no other marks.
fn anchors(text: &str) -> Vec<String> {
    prose(text)
        .into_iter()
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|mark| mark.is_alphanumeric() || matches!(mark, ' ' | '-' | '_'))
                .map(|mark| if mark == ' ' { '-' } else { mark })
                .collect()
        })
        .collect()
}

/// Figures in blocks of text that do not say how they were measured.
fn unmeasured(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let lines = prose(text);
    for block in lines.split(|(_, line)| line.trim().is_empty()) {
        let whole: Vec<&str> = block.iter().map(|(_, line)| line.trim()).collect();
        if whole.join(" ").contains("measured with `") {
            continue;
        }
        for (number, line) in block {
            let words: Vec<&str> = line
                .split(|mark: char| mark.is_whitespace() || "|(),;".contains(mark))
                .collect();
            for pair in words.windows(2) {
                let is_number = pair[0].starts_with(|first: char| first.is_ascii_digit());
                if is_number && UNITS.contains(&pair[1].trim_end_matches(['.', ':'])) {
                    found.push((*number, pair.join(" ")));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_pictures_are_seen_outside_code() {
        let text = "See [a](b.md#c \"t\") and ![p](<x y.png>).\n```\n[no](no.md)\n```\n<img src=\"i.svg\">";
        let found: Vec<String> = links(text).into_iter().map(|(_, target)| target).collect();
        assert_eq!(found, ["b.md#c", "x", "i.svg"]);
    }

    #[test]
    fn headings_become_anchors() {
        assert_eq!(
            anchors("# Who may `import` whom?\ntext\n## 2. It's"),
            ["who-may-import-whom", "2-its"]
        );
    }

    #[test]
    fn a_figure_names_its_command() {
        assert_eq!(unmeasured("It is 4.6 MiB large.\n\nand 3 apples").len(), 1);
        assert_eq!(unmeasured("It is 4.6 MiB\n(measured with `du`).").len(), 0);
    }
}
