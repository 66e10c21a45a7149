//! What contenders compute: nothing of use for so long, or something that people want.

use super::Contender;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Work {
    /// `/sleep`, `/wait` and `/fast`, for as long as they are asked to.
    StandIn,
    /// Small pictures of large ones.
    Thumbnails,
    /// `/take/bytes` and `/answer`, the drills of the engine's tests. Only onelane has them.
    Bodies,
}

impl Work {
    /// What a contender is called that does it.
    pub(crate) fn of(self, contender: Contender) -> String {
        match self {
            Self::StandIn => contender.to_string(),
            Self::Thumbnails => format!("{contender}, thumbnails"),
            Self::Bodies => format!("{contender}, bodies"),
        }
    }

    /// The name of the script that computes it, in the languages that have scripts.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::StandIn | Self::Bodies => "app",
            Self::Thumbnails => "thumbnail",
        }
    }
}
