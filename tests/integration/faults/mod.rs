//! Everything that can happen to processes, done to them on purpose. Children, workers and the
//! server itself are hurt from outside, through the kernel: no part of the program helps.

// Processes as the kernel shows them, and what can be done to them.
mod process;
// Requests while something happens to whatever computes them.
mod request;

// A child or worker is killed before, during and after its answer.
mod killed;
// A child, worker or fork server that does not move.
mod hung;
// A child that talks nonsense, or too much, or whose pipe somebody else holds open.
mod garbled;
