//! Series of a service's own: what its workloads count, set and observe, beside what the engine does.

/// A series in `/metrics`, declared once as a constant, with the few values that its label may have.
///
/// ```
/// use onelane::{Call, Series};
///
/// const PIXELS: Series = Series::counter("pixels_total", "Pixels that were scaled");
/// const IMAGES: Series =
///     Series::counter("images_total", "Images by format").label("format", &["jpeg", "png"]);
///
/// let call = Call::default();
/// call.count(&PIXELS, 640.0);
/// call.count(IMAGES.of("png"), 1.0);
/// assert_eq!(call.recorded(&PIXELS), Some(640.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Series {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: SeriesKind,
    pub(crate) label: Option<Label>,
}

/// What is done to a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SeriesKind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

impl SeriesKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A label, and all values that it may have: each is a series of its own, so they must be few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: &'static str,
    pub(crate) values: &'static [&'static str],
}

impl Series {
    /// A number that only grows. Its name ends with `_total`, by custom.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, SeriesKind::Counter)
    }

    /// A number that goes up and down. Where several processes compute, it is the one that was set last in
    /// `fork` and `pool`, and the sum over the workers in `cluster`.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, SeriesKind::Gauge)
    }

    /// How often something was how large. `buckets` are upper bounds, the lowest first; one without a bound
    /// comes by itself.
    ///
    /// # Panics
    /// While it compiles, for bounds that are not in order.
    pub const fn histogram(
        name: &'static str,
        help: &'static str,
        buckets: &'static [f64],
    ) -> Self {
        let mut at = 1;
        while at < buckets.len() {
            assert!(buckets[at - 1] < buckets[at], "buckets are in order");
            at += 1;
        }
        Self::new(name, help, SeriesKind::Histogram(buckets))
    }

    /// With a label that has one of these values. [`Self::of`] says which.
    #[must_use]
    pub const fn label(self, name: &'static str, values: &'static [&'static str]) -> Self {
        Self {
            label: Some(Label { name, values }),
            ..self
        }
    }

    /// The part of the series whose label has this value.
    pub const fn of<'a>(&'a self, value: &'a str) -> Point<'a> {
        Point {
            series: self,
            value: Some(value),
        }
    }

    const fn new(name: &'static str, help: &'static str, kind: SeriesKind) -> Self {
        Self {
            name,
            help,
            kind,
            label: None,
        }
    }
}

/// A [`Series`], or the part of it that [`Series::of`] names.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    pub(super) series: &'a Series,
    value: Option<&'a str>,
}

impl<'a> From<&'a Series> for Point<'a> {
    fn from(series: &'a Series) -> Self {
        Self {
            series,
            value: None,
        }
    }
}

impl Point<'_> {
    /// The value of the label, as it was declared.
    pub(super) fn value(self) -> Result<Option<&'static str>, String> {
        let name = self.series.name;
        match (self.series.label, self.value) {
            (None, None) => Ok(None),
            (None, Some(value)) => Err(format!("the series {name} has no label to be {value:?}")),
            (Some(label), None) => Err(format!("the series {name} needs its {}", label.name)),
            (Some(label), Some(value)) => {
                let mut declared = label.values.iter();
                let known = declared.find(|declared| **declared == value);
                known.copied().map(Some).ok_or_else(|| {
                    let label = label.name;
                    format!("the series {name} is declared for no {label} {value:?}")
                })
            }
        }
    }
}
