//! Tables for terminals: columns as wide as they must be, the last one cut to the terminal's width.

use rustix::termios::tcgetwinsize;

/// The width when there is no terminal to ask, in characters; nothing is cut then.
const NO_TERMINAL: usize = usize::MAX;
/// Between two columns.
const GAP: &str = "  ";

/// The width of standard output's terminal.
pub(crate) fn width() -> usize {
    match tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col >= 20 => size.ws_col.into(),
        _ => NO_TERMINAL,
    }
}

/// Lines with aligned columns. Cells must have gone through [`crate::out::one_line`].
pub(crate) fn lines<const N: usize>(rows: &[[String; N]], width: usize) -> Vec<String> {
    let wide = |n: usize| rows.iter().map(|r| r[n].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(wide).collect();
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (n, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if n + 1 < N {
                    line.extend(std::iter::repeat_n(' ', widths[n] - cell.chars().count()));
                    line.push_str(GAP);
                }
            }
            cut(line.trim_end(), width)
        })
        .collect()
}

/// `line` in at most `width` characters.
pub(crate) fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_end_is_cut() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        let rows = [row("NAME", "WHAT"), row("ping", "Says that it is there."), row("ünï", "")];
        assert_eq!(lines(&rows, NO_TERMINAL), ["NAME  WHAT", "ping  Says that it is there.", "ünï"]);
        assert_eq!(lines(&rows, 12)[1], "ping  Says …");
    }
}
