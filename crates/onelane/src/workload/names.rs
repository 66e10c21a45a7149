//! What series may be called, so that `/metrics` can be read by Prometheus.

use std::collections::BTreeMap;

use super::series::{Series, SeriesKind};

/// The first letters of the engine's own series.
const ENGINE: [&str; 3] = ["http_", "onelane_", "process_"];

/// What is wrong with a series, in words for the author of the service.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSeries {
    #[error("the series `{0}` has a name that is for the engine's own")]
    Engine(&'static str),
    #[error("`{0}` is no name for a series or for its label: letters, digits and `_`")]
    Name(&'static str),
    #[error("the series `{0}` is declared in two ways")]
    Twice(String),
    #[error("the label of the series `{0}` has no values, or one of them twice")]
    Values(&'static str),
}

/// Looks at all series of a service. Two workloads may declare the same one.
pub(crate) fn check<'a>(all: impl Iterator<Item = &'a Series>) -> Result<(), BadSeries> {
    let mut owners = BTreeMap::new();
    for series in all {
        check_one(series)?;
        for name in sample_names(series) {
            if *owners.entry(name.clone()).or_insert(series) != series {
                return Err(BadSeries::Twice(name));
            }
        }
    }
    Ok(())
}

fn check_one(series: &Series) -> Result<(), BadSeries> {
    let name = series.name;
    if ENGINE.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(BadSeries::Engine(name));
    }
    check_name(name)?;
    let Some(label) = series.label else {
        return Ok(());
    };
    check_name(label.name)?;
    // The bound of a bucket is a label, too, and Prometheus keeps names like `__name__` for itself.
    if label.name == "le" || label.name.starts_with("__") {
        return Err(BadSeries::Name(label.name));
    }
    let mut values = label.values.to_vec();
    values.sort_unstable();
    values.dedup();
    if values.is_empty() || values.len() < label.values.len() {
        return Err(BadSeries::Values(name));
    }
    Ok(())
}

fn check_name(name: &'static str) -> Result<(), BadSeries> {
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if begins_well && name.chars().all(is_letter) {
        return Ok(());
    }
    Err(BadSeries::Name(name))
}

/// The names that stand in `/metrics`: a histogram has several.
fn sample_names(series: &Series) -> Vec<String> {
    let name = series.name;
    match series.kind {
        SeriesKind::Counter | SeriesKind::Gauge => vec![name.to_owned()],
        SeriesKind::Histogram(_) => ["", "_bucket", "_sum", "_count"]
            .map(|suffix| format!("{name}{suffix}"))
            .to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Series = Series::histogram("sizes", "Sizes", &[1.0]).label("kind", &["a", "b"]);

    fn verdict(more: Series) -> Result<(), BadSeries> {
        check([GOOD, more].iter())
    }

    #[test]
    fn a_series_has_a_name_of_its_own() {
        assert_eq!(verdict(GOOD), Ok(()));
        let like_the_engine = Series::gauge("onelane_models", "Models");
        assert_eq!(
            verdict(like_the_engine),
            Err(BadSeries::Engine("onelane_models"))
        );
        for bad in ["", "two words", "7up", "größe", "a-b"] {
            assert_eq!(
                verdict(Series::gauge(bad, "Bad")),
                Err(BadSeries::Name(bad))
            );
        }
        for twice in [
            Series::gauge("sizes", "Sizes"),
            Series::gauge("sizes_sum", "Sum"),
        ] {
            let name = twice.name.to_owned();
            assert_eq!(verdict(twice), Err(BadSeries::Twice(name)));
        }
    }

    #[test]
    fn a_label_has_a_name_and_values() {
        let labelled = |name, values| verdict(Series::gauge("level", "Level").label(name, values));
        assert_eq!(labelled("kind", &["a"]), Ok(()));
        for bad in ["le", "__name__", "two words"] {
            assert_eq!(labelled(bad, &["a"]), Err(BadSeries::Name(bad)));
        }
        assert_eq!(labelled("kind", &[]), Err(BadSeries::Values("level")));
        assert_eq!(
            labelled("kind", &["a", "a"]),
            Err(BadSeries::Values("level"))
        );
    }
}
