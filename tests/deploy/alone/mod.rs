//! Tests that a busy machine would disturb, because they compare times or watch what computes. Each of them has the machine
//! alone (`onelane_stack::alone`), and `make test` runs them after all others: each would wait until those that run at
//! once have ended, and keep the next ones waiting.

// Ten times more than the lanes can do.
mod overload;
// Lanes that are silent.
mod lost_host;
// Lanes come and go by themselves, as the load wants.
mod autoscale;
// What Prometheus and the dashboard show, against what the load saw.
mod watched;
