//! The page in a real browser: Debian's Chromium, without a window, controlled by its driver. Where it cannot
//! be had, the tests say that they are skipped and pass; with CI=true they fail.

/// This service, for a server of it alone.
const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

// Who waits for whom, with one lane and with six, behind nginx.
mod lanes;
// What a request can come to, and what the page shows of it.
mod outcomes;
// The same page whatever computes.
mod modes;
// The admin side.
mod watching;
// Keyboard, screen reader, contrast, phone, motion.
mod access;
// What the page may do, and that it keeps to it.
mod policy;
// Files: sent, answered, refused, and what an answer may do.
mod answers;
mod files;
// The commands that stand beside the buttons.
mod curl;
// The pictures in docs/.
mod screenshots;

// A browser and its driver.
mod browser;
// Files, chosen and dropped.
mod hand;
// What is on the page.
mod page;
// Services that take files, and an nginx in front of one.
mod front;
mod services;
// One server alone: the fixture of the integration tests.
#[allow(
    dead_code,
    unused_imports,
    clippy::float_cmp,
    reason = "they ask for more than a browser does"
)]
#[path = "../../crates/onelane/tests/integration/lane/mod.rs"]
mod alone;
// The stacks: the fixtures of the deploy tests.
#[allow(dead_code, reason = "they ask for more than a browser does")]
#[path = "../deploy/compose.rs"]
mod compose;
#[path = "../deploy/local.rs"]
mod local;
// What these need in turn.
#[allow(dead_code, reason = "they ask for more than a browser does")]
#[path = "../deploy/ask.rs"]
mod ask;
#[allow(dead_code, reason = "they ask for more than a browser does")]
#[path = "../deploy/common.rs"]
mod common;
#[allow(dead_code, reason = "they ask for more than a browser does")]
#[path = "../deploy/lane.rs"]
mod lane;
#[path = "../../benches/load/mod.rs"]
mod load;
#[allow(dead_code, reason = "they ask for more than a browser does")]
#[path = "../deploy/prometheus.rs"]
mod prometheus;
