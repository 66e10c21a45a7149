//! A workload without its type: what routes, metrics and settings need to know before there is one.

use std::fmt::{self, Debug, Formatter};

use super::load::{Load, Loading};
#[cfg(feature = "openapi")]
use super::schemas::Schemas;
use super::{InvalidInput, Reason, Route, Run, Series, Source, Workload};
use crate::config::Table;

/// What is known of a [`Workload`] without one being there: it is a list of these that a service consists
/// of.
#[derive(Clone, Copy)]
pub struct Definition {
    /// [`Workload::NAME`].
    pub(crate) name: &'static str,
    /// [`Workload::ROUTES`].
    pub(crate) routes: &'static [Route],
    /// [`Workload::REASONS`].
    pub(crate) reasons: &'static [Reason],
    /// [`Workload::schemas`].
    #[cfg(feature = "openapi")]
    pub(crate) schemas: fn() -> Option<Schemas>,
    /// [`Workload::SERIES`].
    pub(crate) series: &'static [Series],
    check: fn(&Source) -> Result<(), InvalidInput>,
    pub(super) origin: Origin,
}

/// Where the workload itself comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// It is there already.
    There(&'static dyn Run),
    /// It has to be loaded.
    Loading(Loading),
}

impl Definition {
    /// The definition of a workload. `workloads!` makes a list of them.
    pub const fn of<W: Workload>(workload: &'static W) -> Self {
        Self::new::<W>(Origin::There(workload))
    }

    /// The definition of a workload with state or settings.
    pub const fn loaded<W: Load>() -> Self {
        Self::new::<W>(Origin::Loading(Loading::of::<W>()))
    }

    const fn new<W: Workload>(origin: Origin) -> Self {
        Self {
            name: W::NAME,
            routes: W::ROUTES,
            reasons: W::REASONS,
            series: W::SERIES,
            check: check::<W>,
            #[cfg(feature = "openapi")]
            schemas: W::schemas,
            origin,
        }
    }

    /// Its settings, if it has some.
    pub(crate) fn table(&self) -> Option<&Table> {
        match &self.origin {
            Origin::There(_) => None,
            Origin::Loading(loading) => Some(&loading.table),
        }
    }

    /// Whether `source`, as far as it is there, is an input. The error names the field that is wrong.
    pub(crate) fn check(&self, source: &Source) -> Result<(), InvalidInput> {
        (self.check)(source)
    }
}

fn check<W: Workload>(source: &Source) -> Result<(), InvalidInput> {
    source.parse::<W::Input>().map(drop)
}

impl Debug for Definition {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
