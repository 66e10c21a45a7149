//! A plan in words, or as JSON.

use std::fmt;
use std::time::Duration;

use onelane_sim::Limits;
use serde::{Serialize, Serializer};

use crate::limits::Settings;
use crate::rise::{Rise, Spread};
use crate::search::Candidate;

#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) requests_per_second: f64,
    pub(crate) service: String,
    #[serde(serialize_with = "as_ms", rename = "service_mean_ms")]
    pub(crate) service_mean: Duration,
    pub(crate) target: String,
    pub(crate) nginx: usize,
    pub(crate) lanes: usize,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) settings: Settings,
    pub(crate) max_replicas: usize,
    /// Lanes that the autoscaler has in the end.
    pub(crate) settled: usize,
    pub(crate) rise: Rise,
}

impl Plan {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and strings can be written")
    }

    fn load(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "load       {} requests a second, {}",
            self.requests_per_second, self.service
        )?;
        let busy = self.requests_per_second * self.service_mean.as_secs_f64();
        writeln!(
            f,
            "           mean {}: {busy:.2} lanes compute at any time",
            ms(self.service_mean)
        )?;
        writeln!(f, "target     {}, behind {} nginx", self.target, self.nginx)?;
        writeln!(f, "lanes      {}\n", self.lanes)
    }

    fn candidates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  lanes   busy   wait p50   wait p99   response p99   tries"
        )?;
        for candidate in &self.candidates {
            writeln!(
                f,
                "{:>2}{:>5} {:>4.0} % {:>10} {:>10} {:>14} {:>7.1}{}",
                if candidate.lanes == self.lanes {
                    "→"
                } else {
                    ""
                },
                candidate.lanes,
                candidate.busy * 100.0,
                ms(candidate.wait_p50),
                ms(candidate.wait_p99),
                ms(candidate.response_p99),
                candidate.tries,
                if candidate.meets_target {
                    ""
                } else {
                    "   too late"
                },
            )?;
        }
        writeln!(f)
    }

    fn settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            queue_max,
            queue_timeout,
            overload,
        } = &self.settings;
        let seconds = queue_timeout.as_secs();
        writeln!(f, "settings, to copy")?;
        writeln!(f, "  make up LANES={}", self.lanes)?;
        writeln!(
            f,
            "  lanes                   ONELANE_QUEUE_MAX={queue_max} ONELANE_QUEUE_TIMEOUT={seconds}s"
        )?;
        if *queue_timeout > Limits::SHIPPED.queue_timeout {
            // proxy_read_timeout = queue_timeout + request_timeout + 5.
            writeln!(
                f,
                "  nginx/hops.conf         proxy_read_timeout {}s;",
                seconds + 35
            )?;
        }
        writeln!(
            f,
            "  With them, at twice what {} lanes can do: {:.0} % are refused at once, the others wait {} (p99);",
            self.lanes,
            overload.refused * 100.0,
            ms(overload.wait_p99),
        )?;
        writeln!(
            f,
            "  nginx asks lanes {:.0} times a second, which takes {:.2} CPUs.\n",
            overload.tries_per_second, overload.nginx_cpus
        )
    }

    fn rise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rise = &self.rise;
        writeln!(
            f,
            "on Kubernetes, when the load rises from {} to {} requests a second at once",
            rise.from_rate, self.requests_per_second
        )?;
        writeln!(
            f,
            "  lanes                   {} before, {} five minutes later, {} in the end (maxReplicas {})",
            rise.lanes_before, rise.lanes_after, self.settled, self.max_replicas
        )?;
        let after = match &rise.enough_after {
            Some(time) => format!("{} s", time.in_whole()),
            None => "never within five minutes".to_owned(),
        };
        let enough = format!("{} lanes after", self.lanes);
        writeln!(f, "  {enough:<24}{after}")?;
        writeln!(
            f,
            "  refused                 {} of the requests in these five minutes, the last one after {} s",
            rise.refused.in_percent(),
            rise.refusing_seconds.in_whole()
        )?;
        writeln!(f, "  later than the target   {}", rise.late.in_percent())?;
        self.advice(f)
    }

    fn advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.max_replicas < self.lanes {
            return writeln!(
                f,
                "  maxReplicas is less than the {} lanes that are needed: raise it to {} at least",
                self.lanes, self.lanes
            );
        }
        if self.rise.refused.worst > 0.001 || self.rise.late.worst > 0.01 {
            return writeln!(
                f,
                "  To meet such a rise without waiting for the autoscaler: minReplicas {}",
                self.lanes
            );
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(f)?;
        self.candidates(f)?;
        self.settings(f)?;
        self.rise(f)?;
        writeln!(
            f,
            "\nAll of it simulated. Against six real lanes the mean is off by a few per cent, the p99 by up to\n\
             a fifth: docs/planning.md, and `cargo bench --bench balance` for this machine."
        )
    }
}

impl Spread {
    fn in_whole(self) -> String {
        format!("{:.0} (at worst {:.0})", self.median, self.worst)
    }

    fn in_percent(self) -> String {
        format!(
            "{:.1} % (at worst {:.1} %)",
            self.median * 100.0,
            self.worst * 100.0
        )
    }
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    let digits = usize::from(ms < 10.0);
    format!("{ms:.digits$} ms")
}

pub(crate) fn as_ms<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1e6).round() / 1e3)
}
