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

/// The rows that share a key.
pub(super) struct Group<'a, K, R> {
    pub(super) key: K,
    pub(super) rows: Vec<&'a R>,
}

/// The rows by their keys, in the order in which these first come.
pub(super) fn groups<R, K: PartialEq>(rows: &[R], key: impl Fn(&R) -> K) -> Vec<Group<'_, K, R>> {
    let group = |own| {
        let rows = rows.iter().filter(|row| key(row) == own).collect();
        Group { key: own, rows }
    };
    keys(rows, &key).into_iter().map(group).collect()
}

impl<K, R> Group<'_, K, R> {
    pub(super) fn over(&self, figure: impl Fn(&R) -> f64) -> Option<Spread> {
        over(self.rows.iter().copied(), figure)
    }

    /// The figure with so many digits.
    pub(super) fn cell(&self, figure: impl Fn(&R) -> f64, digits: usize) -> String {
        cell(self.over(figure), digits)
    }

    pub(super) fn sum(&self, count: impl Fn(&R) -> usize) -> usize {
        self.rows.iter().copied().map(count).sum()
    }
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
