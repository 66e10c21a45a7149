//! One event after the other, until every request has ended. What an event does to a request is in
//! `hops.rs`, to the number of lanes in `scaling.rs`.

use std::time::Duration;

use fastrand::Rng;

use crate::agenda::{Agenda, Event, Try};
use crate::arrivals::Arrival;
use crate::autoscaler::Scaling;
use crate::lane::Lane;
use crate::outcome::{Fate, Run};
use crate::peers::Peers;
use crate::request::{Place, Request};
use crate::system::{Balancing, System};

/// Plays `arrivals` against `system` until the last of them has ended.
pub fn simulate(system: &System, seed: u64, arrivals: impl IntoIterator<Item = Arrival>) -> Run {
    let mut engine = Engine::new(system, seed, arrivals.into_iter());
    engine.schedule_arrival();
    engine.schedule_autoscaler();
    while engine.arriving.is_some() || engine.under_way > 0 {
        let (now, event) = engine
            .agenda
            .next()
            .expect("every request under way has a next event");
        engine.now = now;
        engine.happen(event);
    }
    engine.finish()
}

pub(crate) struct Engine<'a, A> {
    pub(crate) system: &'a System,
    pub(crate) rng: Rng,
    pub(crate) now: Duration,
    pub(crate) agenda: Agenda,
    pub(crate) arrivals: A,
    pub(crate) arriving: Option<Arrival>,
    pub(crate) requests: Vec<Request>,
    /// How many of them have not ended.
    pub(crate) under_way: usize,
    pub(crate) nginx: Vec<Nginx>,
    pub(crate) lanes: Vec<Lane>,
    /// How many lanes nginx knew from when on.
    pub(crate) known: Vec<(Duration, usize)>,
    /// How many the autoscaler wanted.
    pub(crate) wanted: Vec<(Duration, usize)>,
    pub(crate) scaling: Option<Scaling>,
}

pub(crate) struct Nginx {
    pub(crate) first: Peers,
    pub(crate) again: Peers,
}

impl<'a, A: Iterator<Item = Arrival>> Engine<'a, A> {
    fn new(system: &'a System, seed: u64, arrivals: A) -> Self {
        // The ideal is one gate with a slot for each lane.
        let (lanes, slots) = match system.balancing {
            Balancing::Central => (1, system.lanes),
            _ => (system.lanes, 1),
        };
        let by_connections = system.balancing != Balancing::RoundRobin;
        let nginx = || Nginx {
            first: Peers::new(lanes, by_connections),
            again: Peers::new(lanes, by_connections),
        };
        Self {
            system,
            rng: Rng::with_seed(seed),
            now: Duration::ZERO,
            agenda: Agenda::default(),
            arrivals,
            arriving: None,
            requests: Vec::new(),
            under_way: 0,
            nginx: (0..system.nginx).map(|_| nginx()).collect(),
            lanes: (0..lanes)
                .map(|_| Lane::new(slots, Duration::ZERO))
                .collect(),
            known: vec![(Duration::ZERO, system.lanes)],
            wanted: vec![(Duration::ZERO, system.lanes)],
            scaling: system
                .autoscaler
                .map(|autoscaler| Scaling::new(autoscaler, lanes)),
        }
    }

    fn finish(mut self) -> Run {
        let now = self.now;
        Run {
            busy: self.lanes.iter_mut().map(|lane| lane.busy(now)).sum(),
            outcomes: self
                .requests
                .into_iter()
                .map(|request| request.outcome)
                .collect(),
            end: now,
            lanes: self.known,
            replicas: self.wanted,
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrival => self.arrive(),
            Event::AtLane(visitor) if self.is_at(visitor, Place::Moving) => self.enter(visitor),
            Event::HoldEnds(visitor) => self.hold_ends(visitor),
            Event::Busy(visitor) if self.is_at(visitor, Place::Moving) => {
                self.leave_lane(visitor.request);
                self.try_next(visitor.request);
            }
            Event::Computed(visitor) if self.is_at(visitor, Place::Computing) => {
                self.computed(visitor);
            }
            Event::Answered(visitor) if self.is_at(visitor, Place::Moving) => {
                self.leave_lane(visitor.request);
                self.end(visitor.request, Fate::Answered);
            }
            Event::ClientLeaves(request) => self.client_leaves(request),
            Event::Scrape => self.scrape(),
            Event::Look => self.look(),
            Event::Known(lane) => self.know(lane),
            Event::Gone(lane) => self.forget(lane),
            // Meant for a try that is over.
            Event::AtLane(_) | Event::Busy(_) | Event::Computed(_) | Event::Answered(_) => {}
        }
    }

    pub(crate) fn is_at(&self, visitor: Try, place: Place) -> bool {
        let request = &self.requests[visitor.request];
        request.outcome.tries == visitor.number && request.place == place
    }

    fn schedule_arrival(&mut self) {
        self.arriving = self.arrivals.next();
        if let Some(arrival) = &self.arriving {
            self.agenda.enter(arrival.at, Event::Arrival);
        }
    }

    fn arrive(&mut self) {
        let arrival = self.arriving.expect("it was scheduled");
        let nginx = self.rng.usize(..self.nginx.len());
        let request = self.requests.len();
        self.requests.push(Request::new(&arrival, nginx));
        self.schedule_arrival();
        self.under_way += 1;
        if let Some(patience) = arrival.patience {
            self.agenda
                .enter(self.now + patience, Event::ClientLeaves(request));
        }
        self.try_next(request);
    }

    pub(crate) fn end(&mut self, request: usize, fate: Fate) {
        let request = &mut self.requests[request];
        let outcome = &mut request.outcome;
        outcome.fate = fate;
        outcome.response = self.now.saturating_sub(outcome.arrived);
        if fate != Fate::Answered {
            outcome.queued = outcome.response;
        }
        request.place = Place::Over;
        request.tried = Vec::new();
        self.under_way -= 1;
    }
}
