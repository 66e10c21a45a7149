//! The promises of the source tree itself: what is compiled for speed, and that the samples can go.

// One lane that follows its sources.
mod dev;
// What reaches the compiler.
mod flags;
// What `make test` leaves out.
mod ignored;
// The measurements can go.
mod lab;
// A name of one's own for the service.
mod rename;
// A service of one's own in the place of the samples.
mod samples;
// The services to copy from in their place.
mod services;
// A later revision of the template in a clone.
mod upgrade;

use std::process::Command;

#[track_caller]
fn succeeds(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
