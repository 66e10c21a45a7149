//! What a caller does, on purpose or not, that has taken down servers of this kind. None of it takes down a lane.

// Bodies that would be large if they were taken for what they are.
mod bodies;
// More connections than there is room for.
mod crowd;
// Every raw request that we could think of.
mod corpus;
