//! The page in a real browser: Debian's Chromium, without a window, controlled by its driver. Where it cannot
//! be had, the tests say that they are skipped and pass; with CI=true they fail.

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
// The page of the OpenAPI document.
mod openapi;
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
// This service by itself.
mod alone;
// Services that take files, and an nginx in front of one.
mod front;
mod services;
