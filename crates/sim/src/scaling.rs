//! The autoscaler's events: lanes that come while requests do.

use crate::agenda::Event;
use crate::arrivals::Arrival;
use crate::autoscaler::{DNS, PERIOD, START};
use crate::engine::Engine;
use crate::lane::Lane;

impl<A: Iterator<Item = Arrival>> Engine<'_, A> {
    /// Reading and looking are not in step: when in their period each does is up to the seed.
    pub(crate) fn schedule_autoscaler(&mut self) {
        if self.scaling.is_some() {
            for event in [Event::Scrape, Event::Look] {
                let at = PERIOD.mul_f64(self.rng.f64());
                self.agenda.enter(at, event);
            }
        }
    }

    pub(crate) fn scrape(&mut self) {
        let now = self.now;
        let busy = self.lanes.iter_mut().map(|lane| lane.busy(now)).collect();
        let Some(scaling) = &mut self.scaling else {
            return;
        };
        scaling.scrape(busy);
        self.agenda.enter(now + PERIOD, Event::Scrape);
    }

    pub(crate) fn look(&mut self) {
        let Some(scaling) = &mut self.scaling else {
            return;
        };
        let dns = DNS.mul_f64(self.rng.f64());
        for _ in 0..scaling.look() {
            self.agenda.enter(self.now + START + dns, Event::Known);
        }
        self.agenda.enter(self.now + PERIOD, Event::Look);
    }

    pub(crate) fn know(&mut self) {
        self.lanes.push(Lane::new(1));
        for nginx in &mut self.nginx {
            nginx.first.add();
            nginx.again.add();
        }
        self.known.push((self.now, self.lanes.len()));
    }
}
