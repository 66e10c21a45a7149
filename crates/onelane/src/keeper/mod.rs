//! Foreign programs, and everything that they start.
//!
//! Each has a keeper: this program once more, in the role `keep`, which is small and has one thread. It starts the
//! program, hears of its end, and then ends what the program has left: orphans come to the keeper alone. When
//! the process that has asked for the program goes away, the keeper ends all of it.
//! What is said to a program, and what it is for, is not decided here.

mod descendants;
mod kept;
mod order;
mod serve;
mod talk;

pub use descendants::memory_below;
pub use kept::ProgramHandle;
pub use order::{ProgramExit, ProgramLimits, ProgramOrder};
pub use serve::run;
pub use talk::{Heard, Keeping, ProgramInput, ProgramOutput, ProgramTalk};
