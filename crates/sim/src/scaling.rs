//! The autoscaler's events: lanes that come and go while requests do.

use std::time::Duration;

use crate::agenda::Event;
use crate::arrivals::Arrival;
use crate::engine::Engine;
use crate::lane::Lane;
use crate::peers::Peers;
use crate::readings::{KUBELET, PERIOD};

/// From the decision until a lane is ready: scheduled, started and probed on a node with room that
/// has the image.
const START: Duration = Duration::from_secs(3);
/// Until nginx knows of a change: the news takes a second to reach cluster DNS, which may go on giving
/// its former answer for up to 30 s, and nginx asks every second. A lane that is to go serves for longer
/// than that.
const DNS: Duration = Duration::from_secs(32);

impl<A: Iterator<Item = Arrival>> Engine<'_, A> {
    /// Reading and looking are not in step: when in their period each does is up to the seed.
    pub(crate) fn schedule_autoscaler(&mut self) {
        let Some(scaling) = &mut self.scaling else {
            return;
        };
        for event in [Event::Scrape, Event::Look] {
            let at = PERIOD.mul_f64(self.rng.f64());
            self.agenda.enter(at, event);
        }
        scaling.readings.delay = KUBELET.mul_f64(self.rng.f64());
    }

    pub(crate) fn scrape(&mut self) {
        let now = self.now;
        if let Some(scaling) = &mut self.scaling {
            let read = self.lanes.iter_mut().map(|lane| lane.read(now)).collect();
            scaling.readings.add(now, read);
            self.agenda.enter(now + PERIOD, Event::Scrape);
        }
    }

    pub(crate) fn look(&mut self) {
        let Some(scaling) = &mut self.scaling else {
            return;
        };
        let (before, lanes) = scaling.look(self.now);
        let dns = DNS.mul_f64(self.rng.f64());
        for _ in before..lanes {
            self.start_lane(dns);
        }
        for _ in lanes..before {
            self.take_lane(dns);
        }
        if lanes != before {
            self.wanted.push((self.now, lanes));
        }
        self.agenda.enter(self.now + PERIOD, Event::Look);
    }

    fn start_lane(&mut self, dns: Duration) {
        let ready = self.now + START;
        let lane = self.lanes.len();
        self.lanes.push(Lane::new(1, ready));
        for nginx in &mut self.nginx {
            nginx.first.add();
            nginx.again.add();
        }
        self.agenda.enter(ready + dns, Event::Known(lane));
    }

    /// The one that started last. What it has it computes.
    fn take_lane(&mut self, dns: Duration) {
        let Some(scaling) = &mut self.scaling else {
            return;
        };
        let leaving = &mut scaling.readings.leaving;
        let lane = (0..self.lanes.len()).rfind(|lane| !leaving.contains(lane));
        let lane = lane.expect("the autoscaler leaves some");
        leaving.push(lane);
        self.agenda.enter(self.now + dns, Event::Gone(lane));
    }

    pub(crate) fn know(&mut self, lane: usize) {
        let scaling = self.scaling.as_ref();
        if !scaling.is_some_and(|it| it.readings.leaving.contains(&lane)) {
            self.tell_nginx(|peers| peers.know(lane));
        }
    }

    pub(crate) fn forget(&mut self, lane: usize) {
        self.tell_nginx(|peers| peers.forget(lane));
    }

    fn tell_nginx(&mut self, news: impl Fn(&mut Peers)) {
        for nginx in &mut self.nginx {
            news(&mut nginx.first);
            news(&mut nginx.again);
        }
        let known = self.nginx[0].first.known();
        self.known.push((self.now, known));
    }
}
