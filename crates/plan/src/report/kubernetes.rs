//! What both autoscalers make of the load, in words: a column for each.

use std::fmt;

use crate::rise::{Rise, Spread};
use crate::signals::Name;
use crate::steady::Steady;
use crate::units::{ms, percent};

use super::Plan;

impl Plan {
    pub(super) fn kubernetes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason(f)?;
        let rate = self.requests_per_second;
        let from = self.signals.cpu.rise.from_rate;
        writeln!(
            f,
            "\n  {:<38}{:<26}by lanes",
            format!("{rate} requests a second"),
            "by CPU"
        )?;
        self.steady(f)?;
        writeln!(f, "  from {from} to {rate} at once")?;
        self.rise(f)?;
        self.advice(f)
    }

    fn reason(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "on Kubernetes, {}",
            match self.signals.needed {
                Name::Cpu => "CPU will do to scale by",
                Name::Lanes => "scale by lanes: k8s/autoscale-on-lanes/",
            }
        )?;
        let each = |lanes: f64| format!("{lanes:.2}");
        writeln!(
            f,
            "  A busy lane uses {} % of a CPU. By CPU, {} % of {}m, that keeps {} lanes for each busy one;\n  \
             by lanes it is {}, and more while requests wait.",
            (self.cpu_share * 1000.0).round() / 10.0,
            self.cpu_target_percent,
            self.cpu_request_millis,
            each(self.signals.cpu.lanes_for_each_busy),
            each(self.signals.lanes.lanes_for_each_busy),
        )
    }

    fn steady(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, figure: &dyn Fn(&Steady) -> String| {
            let (cpu, lanes) = (&self.signals.cpu.steady, &self.signals.lanes.steady);
            columns(f, name, &figure(cpu), &figure(lanes))
        };
        row("lanes after 0, 5, 10, 15 minutes", &|it| {
            it.lanes.map(|lanes| lanes.to_string()).join(", ")
        })?;
        row("refused in the last ten of them", &|it| percent(it.refused))?;
        row("wait p99", &|it| ms(it.wait_p99))?;
        row("the target", &|it| {
            if it.meets_target { "met" } else { "missed" }.to_owned()
        })
    }

    fn rise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, figure: &dyn Fn(&Rise) -> String| {
            let (cpu, lanes) = (&self.signals.cpu.rise, &self.signals.lanes.rise);
            columns(f, name, &figure(cpu), &figure(lanes))
        };
        row("lanes before, five minutes later", &|it| {
            format!("{}, {}", it.lanes_before, it.lanes_after)
        })?;
        row(&format!("{} lanes after", self.lanes), &|it| {
            it.enough_after.map_or("never".to_owned(), in_seconds)
        })?;
        row("refused", &|it| in_percent(it.refused))?;
        row("the last one after", &|it| in_seconds(it.refusing_seconds))?;
        row("later than the target", &|it| in_percent(it.late))
    }

    fn advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needed = self.signals.needed();
        let lanes = self.lanes;
        if self.max_replicas < lanes {
            return writeln!(
                f,
                "  maxReplicas is less than the {lanes} lanes that are needed: raise it to {lanes} at least"
            );
        }
        if !needed.steady.meets_target {
            return writeln!(
                f,
                "  By itself it keeps fewer lanes than the target takes: minReplicas {lanes}"
            );
        }
        if needed.rise.refused.worst > 0.001 || needed.rise.late.worst > 0.01 {
            return writeln!(
                f,
                "  To meet such a rise without waiting for the autoscaler: minReplicas {lanes}"
            );
        }
        Ok(())
    }
}

fn columns(f: &mut fmt::Formatter<'_>, name: &str, cpu: &str, lanes: &str) -> fmt::Result {
    writeln!(f, "    {name:<36}{cpu:<26}{lanes}")
}

fn in_seconds(spread: Spread) -> String {
    format!("{:.0} (at worst {:.0}) s", spread.median, spread.worst)
}

fn in_percent(spread: Spread) -> String {
    format!(
        "{} (at worst {})",
        percent(spread.median),
        percent(spread.worst)
    )
}
