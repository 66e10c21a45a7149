//! Styles and scripts as they are sent: without the comments and the indentation of their sources.

/// What is left of `source`. A comment has a line of its own.
pub fn lean(source: &str) -> String {
    let lines = source.lines().map(str::trim_start);
    let is_told =
        |line: &&str| !(line.is_empty() || line.starts_with("//") || line.starts_with("/*"));
    lines
        .filter(is_told)
        .flat_map(|line| [line, "\n"])
        .collect()
}
