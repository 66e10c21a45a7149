//! What one computation has recorded in series of its own. It stays with the computation until that is
//! over, and then goes to the process that serves `/metrics`, in one piece and no larger than what was declared.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::series::{Point, Series, SeriesKind};

/// What happened to one series, or to one value of its label, during a computation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesEvent {
    pub(crate) series: Cow<'static, str>,
    pub(crate) value: Option<Cow<'static, str>>,
    pub(crate) change: Change,
}

/// All of it taken together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    Counted(f64),
    Set(f64),
    /// How many fell into each bucket, the last one without a bound.
    Observed {
        counts: Vec<u64>,
        sum: f64,
    },
}

/// Takes the events of computations that are over.
pub trait Record: Debug + Send + Sync {
    /// Adds them to what there is.
    fn record(&self, events: &[SeriesEvent]);
}

/// The events of one computation so far.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    changes: BTreeMap<(&'static str, Option<&'static str>), Change>,
    /// The first thing that was done to a series that cannot be done to it.
    mistake: Option<String>,
}

impl Recorded {
    /// A change of a series, which must be one for its kind.
    pub(super) fn add(&mut self, to: Point<'_>, change: Change) {
        if let Err(mistake) = self.try_add(to, change) {
            self.mistake.get_or_insert(mistake);
        }
    }

    fn try_add(&mut self, to: Point<'_>, change: Change) -> Result<(), String> {
        let name = to.series.name;
        let value = to.value()?;
        match (to.series.kind, &change) {
            (SeriesKind::Counter, Change::Counted(by)) if *by >= 0.0 => {}
            (SeriesKind::Gauge, Change::Set(_)) => {}
            (SeriesKind::Histogram(_), Change::Observed { sum, .. }) if !sum.is_nan() => {}
            (kind, change) => {
                return Err(format!(
                    "{name} is a {}, which cannot be {change}",
                    kind.name()
                ));
            }
        }
        match self.changes.get_mut(&(name, value)) {
            Some(before) => before.add(change),
            None => {
                self.changes.insert((name, value), change);
            }
        }
        Ok(())
    }

    /// What came of a series: the sum of what was counted or observed, or what was set last.
    pub(super) fn total(&self, of: Point<'_>) -> Option<f64> {
        let value = of.value().ok()?;
        Some(match self.changes.get(&(of.series.name, value))? {
            Change::Counted(sum) | Change::Set(sum) | Change::Observed { sum, .. } => *sum,
        })
    }

    /// What the author of the workload has to put right; `declared` is its
    /// [`SERIES`](super::Workload::SERIES).
    pub(super) fn mistake(&self, declared: &[Series]) -> Option<String> {
        let undeclared = || {
            let known = |name| declared.iter().any(|series| series.name == name);
            let mut names = self.changes.keys().map(|(name, _)| *name);
            let name = names.find(|name| !known(*name))?;
            Some(format!("the series {name} is not in SERIES"))
        };
        self.mistake.clone().or_else(undeclared)
    }

    /// Takes all of it.
    pub(super) fn take(&mut self) -> Vec<SeriesEvent> {
        let changes = std::mem::take(&mut self.changes).into_iter();
        let event =
            |((series, value), change): ((&'static str, Option<&'static str>), _)| SeriesEvent {
                series: series.into(),
                value: value.map(Cow::from),
                change,
            };
        changes.map(event).collect()
    }
}

impl Change {
    /// One observation.
    pub(super) fn observed(series: &Series, value: f64) -> Self {
        let bounds = match series.kind {
            SeriesKind::Histogram(bounds) => bounds,
            SeriesKind::Counter | SeriesKind::Gauge => &[],
        };
        let bucket = bounds.iter().position(|bound| value <= *bound);
        let mut counts = vec![0; bounds.len() + 1];
        counts[bucket.unwrap_or(bounds.len())] = 1;
        Self::Observed { counts, sum: value }
    }

    fn add(&mut self, more: Self) {
        match (self, more) {
            (Self::Counted(sum), Self::Counted(by)) => *sum += by,
            (
                Self::Observed { counts, sum },
                Self::Observed {
                    counts: more,
                    sum: by,
                },
            ) => {
                for (count, more) in counts.iter_mut().zip(more) {
                    *count += more;
                }
                *sum += by;
            }
            (before, after) => *before = after,
        }
    }
}

impl Display for Change {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(by) => write!(formatter, "counted by {by}"),
            Self::Set(to) => write!(formatter, "set to {to}"),
            Self::Observed { sum, .. } => write!(formatter, "observed as {sum}"),
        }
    }
}
