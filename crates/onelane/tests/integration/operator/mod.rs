//! What an operator does, on purpose or not, that has taken down servers of this kind. None of it takes down a
//! lane.

// Nobody reads the log, or it cannot be written.
mod log;
// What a role prints goes nowhere.
mod prints;
