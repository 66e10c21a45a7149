// What is random, and for how long.
pub mod random;
// Where the requests of a connection begin and end, by the rules alone.
mod reader;
// What is said on one connection.
mod talk;
// What the answer to a request has to be.
mod expected;
// Heads and bodies.
mod requests;
// Fields in queries, forms and JSON.
mod inputs;
// What children say.
mod children;
// Files and variables of an operator.
mod settings;
