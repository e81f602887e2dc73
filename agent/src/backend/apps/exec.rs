//! The `Exec` key of a desktop entry becomes arguments of a process, as the Desktop Entry Specification has it. There is no shell, so
//! nothing in it has another meaning than to separate arguments. Pure.

/// How many arguments there may be, and how long they may be together in bytes.
const MAX_ARGS: usize = 256;
/// See [`MAX_ARGS`].
const MAX_BYTES: usize = 32 * 1024;

/// What field codes stand for. Those for files and addresses stand for nothing: an app is started by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    /// `%i`, the entry's icon.
    pub icon: Option<&'a str>,
    /// `%c`, the name in the session's language.
    pub name: &'a str,
    /// `%k`, the entry's file.
    pub file: &'a str,
}

/// Why an `Exec` key is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// Nothing is in it.
    #[error("it names no program")]
    Empty,
    /// A quote has no end.
    #[error("a quote in it has no end")]
    Quote,
    /// A field code that the specification does not know.
    #[error("`%{0}` in it is no field code")]
    Field(char),
    /// A `%` at the end.
    #[error("it ends with a lone `%`")]
    Percent,
    /// A program with `=` in its name, which the specification forbids.
    #[error("the name of its program has a `=`")]
    Program,
    /// A NUL byte, which no argument can have.
    #[error("it has a NUL character")]
    Nul,
    /// Too much of it.
    #[error("it is too long")]
    TooLong,
}

/// Splits an `Exec` key (with the escapes of strings resolved) into arguments and fills its field codes in.
///
/// Arguments stand in double quotes as the specification has it, or in single ones, as many entries have it and desktops read it.
///
/// # Errors
/// See [`ExecError`].
pub fn parse(exec: &str, fields: &Fields<'_>) -> Result<Vec<String>, ExecError> {
    if exec.contains('\0') {
        return Err(ExecError::Nul);
    }
    let mut args: Vec<String> = Vec::new();
    let mut chars = exec.chars().peekable();
    loop {
        while chars.next_if(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).is_some() {}
        if chars.peek().is_none() {
            break;
        }
        let mut arg = String::new();
        // An argument that is only a code for nothing is none; `""` is one.
        let (mut quoted, mut only_codes, mut icon) = (false, true, false);
        while let Some(c) = chars.next_if(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')) {
            match c {
                '"' | '\'' => {
                    quoted = true;
                    loop {
                        match chars.next().ok_or(ExecError::Quote)? {
                            end if end == c => break,
                            '\\' if c == '"' => match chars.next().ok_or(ExecError::Quote)? {
                                escaped @ ('"' | '`' | '$' | '\\') => arg.push(escaped),
                                other => arg.extend(['\\', other]),
                            },
                            '%' => code(&mut arg, chars.next(), fields)?,
                            other => arg.push(other),
                        }
                    }
                }
                '\\' => {
                    only_codes = false;
                    arg.push(chars.next().unwrap_or('\\'));
                }
                '%' if chars.next_if_eq(&'i').is_some() => icon = true,
                '%' => {
                    let before = arg.len();
                    code(&mut arg, chars.next(), fields)?;
                    only_codes &= arg.len() == before;
                }
                other => {
                    only_codes = false;
                    arg.push(other);
                }
            }
        }
        if icon {
            args.extend(fields.icon.into_iter().flat_map(|icon| ["--icon".to_owned(), icon.to_owned()]));
        }
        if quoted || !only_codes {
            args.push(arg);
        }
        if args.len() > MAX_ARGS || args.iter().map(String::len).sum::<usize>() > MAX_BYTES {
            return Err(ExecError::TooLong);
        }
    }
    match args.first() {
        None => Err(ExecError::Empty),
        Some(program) if program.is_empty() => Err(ExecError::Empty),
        Some(program) if program.contains('=') => Err(ExecError::Program),
        Some(_) => Ok(args),
    }
}

/// Fills one field code in.
fn code(arg: &mut String, code: Option<char>, fields: &Fields<'_>) -> Result<(), ExecError> {
    match code.ok_or(ExecError::Percent)? {
        '%' => arg.push('%'),
        'c' => arg.push_str(fields.name),
        'k' => arg.push_str(fields.file),
        // Files and addresses, of which there are none; an icon inside other text; and what the specification has given up.
        'f' | 'F' | 'u' | 'U' | 'i' | 'd' | 'D' | 'n' | 'N' | 'v' | 'm' => (),
        other => return Err(ExecError::Field(other)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIELDS: Fields<'_> =
        Fields { icon: Some("app-icon"), name: "My App", file: "/usr/share/applications/my.desktop" };

    #[test]
    fn arguments_are_split_and_unquoted_as_the_specification_says() {
        for (exec, args) in [
            ("firefox %u", vec!["firefox"]),
            ("  app\t--new-window   %U ", vec!["app", "--new-window"]),
            (r#""/opt/My App/run" "a \"b\" \$c \`d\` \\e""#, vec!["/opt/My App/run", r#"a "b" $c `d` \e"#]),
            (r#"app "" x"#, vec!["app", "", "x"]),
            (r"app a\ b", vec!["app", "a b"]),
            ("app 100%% %f%F", vec!["app", "100%"]),
            ("app %i %c %k", vec!["app", "--icon", "app-icon", "My App", "/usr/share/applications/my.desktop"]),
            ("app --class=%c --file=%f", vec!["app", "--class=My App", "--file="]),
            ("app %d %D %n %N %v %m", vec!["app"]),
            // No shell: these are letters like any others.
            (
                "app $HOME `id` $(id) ; rm -rf ~ | x > y & *",
                vec!["app", "$HOME", "`id`", "$(id)", ";", "rm", "-rf", "~", "|", "x", ">", "y", "&", "*"],
            ),
            ("sh -c 'exec app \"$@\" %U' x", vec!["sh", "-c", "exec app \"$@\" ", "x"]),
            (r#"app "a %c %% %f""#, vec!["app", "a My App % "]),
        ] {
            assert_eq!(
                parse(exec, &FIELDS).as_deref(),
                Ok(&args.iter().map(|a| a.to_string()).collect::<Vec<_>>()[..]),
                "{exec}"
            );
        }
        assert_eq!(parse("app %i x", &Fields { icon: None, ..FIELDS }), Ok(vec!["app".into(), "x".into()]));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for (exec, error) in [
            ("", ExecError::Empty),
            ("  %u ", ExecError::Empty),
            ("\"\" x", ExecError::Empty),
            ("\"app", ExecError::Quote),
            ("app 'x", ExecError::Quote),
            ("app \"x\\", ExecError::Quote),
            ("app %x", ExecError::Field('x')),
            ("app %", ExecError::Percent),
            ("A=b app", ExecError::Program),
            ("app \0", ExecError::Nul),
        ] {
            assert_eq!(parse(exec, &FIELDS), Err(error), "{exec:?}");
        }
        assert_eq!(parse(&"a ".repeat(MAX_ARGS + 1), &FIELDS), Err(ExecError::TooLong));
        assert_eq!(parse(&"a".repeat(MAX_BYTES + 1), &FIELDS), Err(ExecError::TooLong));
    }

    /// Quotes an argument as the specification says.
    fn quoted(arg: &str) -> String {
        let mut out = String::from("\"");
        for c in arg.chars() {
            match c {
                '"' | '`' | '$' | '\\' => out.extend(['\\', c]),
                '%' => out.push_str("%%"),
                other => out.push(other),
            }
        }
        out.push('"');
        out
    }

    proptest! {
        #[test]
        fn whatever_was_quoted_comes_back(args in proptest::collection::vec("[^\0]{0,12}", 0..5)) {
            let exec = std::iter::once("app".to_owned()).chain(args.iter().map(|a| quoted(a))).collect::<Vec<_>>().join(" ");
            let parsed = parse(&exec, &FIELDS).expect("it was quoted");
            prop_assert_eq!(&parsed[1..], &args[..]);
        }

        #[test]
        fn any_text_is_a_command_or_an_error(exec in "\\PC{0,80}") {
            if let Ok(args) = parse(&exec, &FIELDS) {
                prop_assert!(!args.is_empty() && !args[0].is_empty() && args.iter().all(|a| !a.contains('\0')));
            }
        }
    }
}
