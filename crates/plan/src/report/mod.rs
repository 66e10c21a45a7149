//! A plan in words, or as JSON.

mod kubernetes;

use std::fmt;
use std::time::Duration;

use onelane_sim::Limits;
use serde::Serialize;

use crate::limits::Settings;
use crate::search::Candidate;
use crate::signals::Signals;
use crate::units::{as_ms, ms, percent};

#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) requests_per_second: f64,
    pub(crate) service: String,
    #[serde(serialize_with = "as_ms", rename = "service_mean_ms")]
    pub(crate) service_mean: Duration,
    /// The share of it that is computed.
    #[serde(rename = "cpu")]
    pub(crate) cpu_share: f64,
    pub(crate) target: String,
    pub(crate) nginx: usize,
    pub(crate) lanes: usize,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) settings: Settings,
    pub(crate) max_replicas: usize,
    pub(crate) cpu_target_percent: u32,
    pub(crate) cpu_request_millis: u32,
    pub(crate) signals: Signals,
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
        write!(
            f,
            "           mean {}: {busy:.2} lanes are busy at any time",
            ms(self.service_mean)
        )?;
        if self.cpu_share < 1.0 {
            write!(f, ", and compute {} of it", percent(self.cpu_share))?;
        }
        writeln!(f)?;
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
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(f)?;
        self.candidates(f)?;
        self.settings(f)?;
        self.kubernetes(f)?;
        writeln!(
            f,
            "\nAll of it simulated. Against six real lanes the mean is off by a few per cent, the p99 by up to\n\
             a fifth: docs/planning.md, and `make bench BENCH=balance` for this machine."
        )
    }
}
