//! The dashboard, the rules and what is written about them, as far as they can be judged without a load.
//! Whether they show what happens is tested in `tests/deploy/watched/`.
//!
//! promtool comes with the image of Prometheus. Without a Docker engine its tests say that they are
//! skipped and pass; with CI=true they fail.

// Panels, queries, variables.
mod dashboard;
// Names, thresholds, runbooks; that each alert has its cases.
mod rules;
// The cases themselves.
mod promtool;
// Names of series, wherever they are written down.
mod series;
