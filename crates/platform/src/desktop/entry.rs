//! Reads which program a desktop entry starts (Desktop Entry Specification, "The Exec key").

/// The program of the entry's command line; `None` where it has none.
pub(super) fn program(entry: &str) -> Option<String> {
    let mut arguments = arguments(&unescaped(value(entry, "Exec")?)).into_iter();
    let first = arguments.next()?;
    // Some packages set a variable first; the program comes after it.
    if first.rsplit('/').next() == Some("env") {
        return arguments.find(|argument| !argument.contains('='));
    }
    Some(first)
}

/// The value of `key` in the group that counts.
fn value<'e>(entry: &'e str, key: &str) -> Option<&'e str> {
    entry
        .lines()
        .skip_while(|line| line.trim() != "[Desktop Entry]")
        .skip(1)
        .take_while(|line| !line.trim_start().starts_with('['))
        .find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim())
        })
}

/// What a value of the type string means.
fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('\\', Some(escaped @ ('s' | 'n' | 't' | 'r' | '\\'))) => {
                rest.next();
                text.push(match escaped {
                    's' => ' ',
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                });
            }
            _ => text.push(c),
        }
    }
    text
}

/// The arguments of a command line. Field codes are left as they are; `%%` is a percent sign.
fn arguments(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current: Option<String> = None;
    let mut quoted = false;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                quoted = !quoted;
                current.get_or_insert_default();
            }
            '\\' if quoted => current.get_or_insert_default().extend(rest.next()),
            c if c.is_whitespace() && !quoted => all.extend(current.take()),
            '%' if rest.clone().next() == Some('%') => {
                rest.next();
                current.get_or_insert_default().push('%');
            }
            c => current.get_or_insert_default().push(c),
        }
    }
    all.extend(current);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_first_argument_of_exec() {
        let check = |exec: &str, expected: Option<&str>| {
            let entry = format!("# a comment\n[Desktop Entry]\nName=Tessera\n{exec}\nTerminal=false\n");
            assert_eq!(program(&entry).as_deref(), expected, "{exec}");
        };
        check("Exec=tessera-desktop %u", Some("tessera-desktop"));
        check(
            "Exec = /usr/bin/tessera-desktop %u",
            Some("/usr/bin/tessera-desktop"),
        );
        check(r#"Exec="/opt/tessera" %u"#, Some("/opt/tessera"));
        // As the app writes its own.
        check(r#"Exec="/home/Ann A/tessera" %u"#, Some("/home/Ann A/tessera"));
        check(r#"Exec="/a%%b/t" %u"#, Some("/a%b/t"));
        check(r#"Exec="/a\\"b/\\$c/\\`d\\`" %u"#, Some(r#"/a"b/$c/`d`"#));
        check(r#"Exec="/a\\\\b" %u"#, Some(r"/a\b"));
        check(r"Exec=/a\sb", Some("/a"));
        // As snaps do.
        check(
            "Exec=env HINT=/x.desktop /snap/bin/firefox %u",
            Some("/snap/bin/firefox"),
        );
        check("Exec=/usr/bin/env A=1 B=2 t", Some("t"));
        for nothing in ["Exec=", "TryExec=t", "Exec[de]=t", "exec=t", ""] {
            check(nothing, None);
        }
    }

    #[test]
    fn only_the_group_of_the_entry_itself_counts() {
        let other = "[Desktop Action new]\nExec=other\n";
        let entry = "[Desktop Entry]\nName=T\nExec=own %u\n";
        assert_eq!(program(&format!("{entry}{other}")).as_deref(), Some("own"));
        assert_eq!(program(&format!("{other}{entry}")).as_deref(), Some("own"));
        assert_eq!(program(other), None);
        assert_eq!(program(&format!("[Desktop Entry]\nName=T\n{other}")), None);
    }
}
