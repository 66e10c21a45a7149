//! What a host does to a server: it lacks something, is small, slow, or set to another time.

// Attempts to serve that may fail.
mod attempt;

// System calls that are not there.
mod calls;
// Few threads, processes and descriptors.
mod few;
// Files that are not there, or cannot be written.
mod files;
// Signals that the process that started it has blocked, or ignores.
mod inherited;
// Addresses that are not there.
mod network;
// A clock that is set.
mod clock;
