//! Reads what Windows' own tool says of a scheme's command.

/// The program in what `reg query … /ve` printed. The words before the type are in the person's language.
pub(super) fn program(said: &str) -> Option<String> {
    let (_, command) = said.split_once("REG_SZ")?;
    let command = command.trim();
    let program = match command.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => command.split_whitespace().next(),
    };
    program.filter(|program| !program.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_what_the_command_begins_with() {
        let check = |command: &str, expected: Option<&str>| {
            let key = r"HKEY_CURRENT_USER\Software\Classes\app.tessera.desktop\shell\open\command";
            let said = format!("\r\n{key}\r\n    (Standard)    REG_SZ    {command}\r\n\r\n");
            assert_eq!(program(&said).as_deref(), expected, "{command}");
        };
        let quoted = r#""C:\Program Files\Tessera\tessera-desktop.exe" "%1""#;
        check(quoted, Some(r"C:\Program Files\Tessera\tessera-desktop.exe"));
        check(r"C:\t.exe %1", Some(r"C:\t.exe"));
        check("", None);
        assert_eq!(program(""), None);
    }
}
