//! Programs that somebody else wrote, and everything that they start.
//!
//! Each has a keeper: this program once more, in the role `keep`, which is small and has one thread. It starts the
//! program, hears of its end, and then ends whatever the program has left: orphans come to the keeper and to
//! nobody else. When whoever has asked for the program goes away, in whatever way, the keeper ends all of it.
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
