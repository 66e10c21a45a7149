//! The way of one request: to lanes until one takes it, and back.

use std::time::Duration;

use crate::agenda::{Event, Try};
use crate::arrivals::Arrival;
use crate::engine::Engine;
use crate::lane::Entry;
use crate::outcome::Fate;
use crate::request::{Place, ROUNDS};
use crate::system::Balancing;

impl<A: Iterator<Item = Arrival>> Engine<'_, A> {
    /// nginx takes the request to the next lane, or gives up.
    pub(crate) fn try_next(&mut self, number: usize) {
        let request = &mut self.requests[number];
        let nginx = &mut self.nginx[request.nginx];
        request.tried.resize(self.lanes.len(), false);
        let lane = loop {
            let peers = if request.again {
                &mut nginx.again
            } else {
                &mut nginx.first
            };
            if let Some(lane) = peers.choose(&request.tried) {
                break lane;
            }
            request.tried.fill(false);
            if request.again {
                request.round += 1;
            }
            request.again = !request.again;
            if request.round == ROUNDS {
                self.end(number, Fate::NoLane);
                return;
            }
        };
        request.lane = lane;
        request.place = Place::Moving;
        request.outcome.tries += 1;
        let visitor = request.current_try(number);
        self.agenda
            .enter(self.now + self.system.cost.way, Event::AtLane(visitor));
    }

    pub(crate) fn enter(&mut self, visitor: Try) {
        let limits = &self.system.limits;
        let request = &mut self.requests[visitor.request];
        let arrived = request.outcome.arrived;
        let lane = &mut self.lanes[request.lane];
        match lane.enter(self.now, arrived, visitor, limits.queue_max) {
            Entry::Slot => self.start(visitor),
            Entry::Full => self.refuse(visitor.request, Fate::QueueFull),
            Entry::Place => {
                let left = limits
                    .queue_timeout
                    .saturating_sub(self.now.saturating_sub(arrived));
                let hold = match self.system.balancing {
                    Balancing::Hops => request.hold(),
                    _ => Duration::MAX,
                };
                request.place = Place::Held {
                    moves_on: hold < left,
                };
                let until = self.now + hold.min(left) + self.system.cost.timer;
                self.agenda.enter(until, Event::HoldEnds(visitor));
            }
        }
    }

    pub(crate) fn hold_ends(&mut self, visitor: Try) {
        let request = &mut self.requests[visitor.request];
        let Place::Held { moves_on } = request.place else {
            return;
        };
        if request.outcome.tries != visitor.number {
            return;
        }
        self.lanes[request.lane].leave(request.outcome.arrived, visitor);
        if !moves_on {
            self.refuse(visitor.request, Fate::QueueTimeout);
            return;
        }
        request.tried[request.lane] = true;
        request.place = Place::Moving;
        self.agenda
            .enter(self.now + self.system.cost.way, Event::Busy(visitor));
    }

    /// The request has a slot.
    pub(crate) fn start(&mut self, visitor: Try) {
        let request = &mut self.requests[visitor.request];
        request.place = Place::Computing;
        request.outcome.queued = self.now.saturating_sub(request.outcome.arrived);
        let done = self.now + request.outcome.service + self.system.cost.lane;
        self.agenda.enter(done, Event::Computed(visitor));
    }

    pub(crate) fn computed(&mut self, visitor: Try) {
        self.requests[visitor.request].place = Place::Moving;
        self.free_slot(self.requests[visitor.request].lane);
        self.agenda
            .enter(self.now + self.system.cost.way, Event::Answered(visitor));
    }

    pub(crate) fn free_slot(&mut self, lane: usize) {
        if let Some(next) = self.lanes[lane].release(self.now) {
            self.start(next);
        }
    }

    /// nginx has no connection to the lane any more.
    pub(crate) fn leave_lane(&mut self, request: usize) {
        let request = &self.requests[request];
        let nginx = &mut self.nginx[request.nginx];
        let peers = if request.again {
            &mut nginx.again
        } else {
            &mut nginx.first
        };
        peers.release(request.lane);
    }

    /// By a lane, for good.
    pub(crate) fn refuse(&mut self, request: usize, fate: Fate) {
        self.leave_lane(request);
        self.end(request, fate);
    }

    pub(crate) fn client_leaves(&mut self, number: usize) {
        let request = &self.requests[number];
        let (lane, visitor) = (request.lane, request.current_try(number));
        match request.place {
            Place::Over => return,
            Place::Held { .. } => self.lanes[lane].leave(request.outcome.arrived, visitor),
            Place::Computing => self.free_slot(lane),
            Place::Moving => {}
        }
        self.refuse(number, Fate::ClientLeft);
    }
}
