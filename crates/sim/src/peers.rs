//! How nginx chooses a lane. By its own algorithm, because ties are frequent: with every lane busy,
//! or none, it is the order among equals that decides.

/// Added to the connections of a lane that nginx does not know, or not any more: more than any has.
const UNKNOWN: u32 = 1 << 31;

/// The lanes as one nginx sees them, as primary or as backup servers: nginx counts those apart.
#[derive(Debug)]
pub(crate) struct Peers {
    /// All ones where connections count, else only whether the lane is known.
    mask: u32,
    connections: Vec<u32>,
    /// nginx's `current_weight`: grows while others are preferred.
    credits: Vec<i32>,
}

impl Peers {
    pub(crate) fn new(lanes: usize, by_connections: bool) -> Self {
        Self {
            mask: if by_connections { u32::MAX } else { UNKNOWN },
            connections: vec![0; lanes],
            credits: vec![0; lanes],
        }
    }

    /// A lane that nginx is to know later.
    pub(crate) fn add(&mut self) {
        self.connections.push(UNKNOWN);
        self.credits.push(0);
    }

    pub(crate) fn know(&mut self, lane: usize) {
        self.connections[lane] &= !UNKNOWN;
    }

    pub(crate) fn forget(&mut self, lane: usize) {
        self.connections[lane] |= UNKNOWN;
    }

    pub(crate) fn known(&self) -> usize {
        let known = |connections: &&u32| **connections < UNKNOWN;
        self.connections.iter().filter(known).count()
    }

    /// The next lane for a request that has tried `tried` already, or none. Written for thousands
    /// of lanes: no branch depends on one of them.
    pub(crate) fn choose(&mut self, tried: &[bool]) -> Option<usize> {
        let mask = self.mask;
        let load = |connections: u32, tried: bool| {
            if tried { u32::MAX } else { connections & mask }
        };
        let peers = self.connections.iter().zip(tried);
        let least = peers
            .clone()
            .map(|(&connections, &tried)| load(connections, tried))
            .min()?;
        if least >= UNKNOWN {
            return None;
        }
        let (mut best, mut equals) = (i32::MIN, 0);
        for (credit, (&connections, &tried)) in self.credits.iter_mut().zip(peers.clone()) {
            let equal = load(connections, tried) == least;
            *credit += i32::from(equal);
            equals += i32::from(equal);
            best = best.max(if equal { *credit } else { i32::MIN });
        }
        let lane =
            self.credits
                .iter()
                .zip(peers)
                .position(|(&credit, (&connections, &tried))| {
                    credit == best && load(connections, tried) == least
                })?;
        // One alone is taken as it is, without a change of its credit: +1 and −1.
        self.credits[lane] -= equals;
        self.connections[lane] += 1;
        Some(lane)
    }

    pub(crate) fn release(&mut self, lane: usize) {
        self.connections[lane] -= 1;
    }
}
