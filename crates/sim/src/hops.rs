//! The way of one request: to lanes until one takes it, and back.

use std::time::Duration;

use crate::agenda::{Event, Try};
use crate::arrivals::Arrival;
use crate::engine::Engine;
use crate::lane::Entry;
use crate::outcome::Fate;
use crate::request::{Place, ROUNDS, Wish};
use crate::system::Balancing;

impl<A: Iterator<Item = Arrival>> Engine<'_, A> {
    /// nginx takes the request to the next lane, or gives up.
    pub(crate) fn try_next(&mut self, number: usize) {
        let Some(lane) = self.choose(number) else {
            self.end(number, Fate::NoLane);
            return;
        };
        let request = &mut self.requests[number];
        request.lane = lane;
        request.asked += 1;
        request.place = Place::Moving;
        request.outcome.tries += 1;
        let visitor = request.current_try(number);
        self.agenda
            .enter(self.now + self.system.cost.way, Event::AtLane(visitor));
    }

    /// The next lane of this round, or the first of the next one; none after the last.
    fn choose(&mut self, number: usize) -> Option<usize> {
        let request = &mut self.requests[number];
        let nginx = &mut self.nginx[request.nginx];
        request.tried.resize(self.lanes.len(), false);
        while let Some(round) = ROUNDS.get(request.round) {
            let peers = if request.again {
                &mut nginx.again
            } else {
                &mut nginx.first
            };
            if request.asked == round.tries {
                request.begin_next_round();
            } else if let Some(lane) = peers.choose(&request.tried) {
                return Some(lane);
            } else if request.again {
                request.begin_next_round();
            } else {
                request.again = true;
                request.tried.fill(false);
            }
        }
        None
    }

    pub(crate) fn enter(&mut self, visitor: Try) {
        let limits = &self.system.limits;
        let request = &mut self.requests[visitor.request];
        let arrived = request.outcome.arrived;
        let (wish, hold) = match self.system.balancing {
            Balancing::Hops => (request.wish(), request.hold()),
            _ => (Wish::Enter, Duration::MAX),
        };
        let lane = &mut self.lanes[request.lane];
        match lane.enter(self.now, arrived, visitor, wish, limits.queue_max) {
            Entry::Slot => self.start(visitor),
            Entry::Busy => self.move_on(visitor),
            Entry::Full => self.refuse(visitor.request, Fate::QueueFull),
            Entry::Place => {
                let left = limits
                    .queue_timeout
                    .saturating_sub(self.now.saturating_sub(arrived));
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
        let (lane, arrived) = (&mut self.lanes[request.lane], request.outcome.arrived);
        if moves_on {
            lane.leave_for_another(self.now, arrived, visitor);
            self.move_on(visitor);
        } else {
            lane.leave(self.now, arrived, visitor);
            self.refuse(visitor.request, Fate::QueueTimeout);
        }
    }

    /// The lane says that it is busy.
    fn move_on(&mut self, visitor: Try) {
        let request = &mut self.requests[visitor.request];
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
            Place::Held { .. } => {
                self.lanes[lane].leave(self.now, request.outcome.arrived, visitor);
            }
            Place::Computing => self.free_slot(lane),
            Place::Moving => {}
        }
        self.refuse(number, Fate::ClientLeft);
    }
}
