//! What an operator does, on purpose or not, that has taken down servers of this kind. None of it takes down a
//! lane.

// The log is not read, or cannot be written.
mod log;
// What a role prints goes nowhere.
mod prints;
