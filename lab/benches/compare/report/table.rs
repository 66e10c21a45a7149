//! Tables, and figures of the same contender over its runs.

use onelane_lab::figures::Spread;

/// A table of Markdown.
pub(super) fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = columns.iter().map(ToString::to_string).collect();
    let mut text = line(&head) + &"|---".repeat(columns.len()) + "|\n";
    for row in rows {
        text += &line(&row);
    }
    text
}

/// The different keys of the rows, in the order in which they first come.
pub(super) fn keys<R, K: PartialEq>(rows: &[R], key: impl Fn(&R) -> K) -> Vec<K> {
    let mut keys = Vec::new();
    for row in rows {
        let key = key(row);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// A figure over these rows; none where there is no row, or no figure in any.
pub(super) fn over<'a, R: 'a>(
    rows: impl IntoIterator<Item = &'a R>,
    figure: impl Fn(&R) -> f64,
) -> Option<Spread> {
    let figures: Vec<f64> = rows
        .into_iter()
        .map(figure)
        .filter(|figure| figure.is_finite())
        .collect();
    (!figures.is_empty()).then(|| Spread::over(figures))
}

/// With so many digits; a dash where there is nothing. One run has no spread.
pub(super) fn cell(spread: Option<Spread>, digits: usize) -> String {
    match spread {
        None => "–".to_owned(),
        Some(spread) if same(spread.least, spread.most) => format!("{:.digits$}", spread.median),
        Some(spread) => format!("{spread:.digits$}"),
    }
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < f64::EPSILON
}
