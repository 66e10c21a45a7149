//! One real lane on free ports of loopback.

use std::net::SocketAddr;

use crate::nginx::Limits;
use crate::onelane;
use crate::release;
use crate::server::{Server, free_address};

/// A blocking lane.
pub struct Lane {
    server: Server,
    admin: SocketAddr,
}

impl Lane {
    /// So many of them. Returns once they answer.
    pub fn start(count: usize, limits: Limits) -> Result<Vec<Self>, String> {
        let args: &[&str] = match limits {
            Limits::Kept => &[],
            // Plain nginx leaves all waiting to the lanes, in one lane more than ten at times.
            Limits::Lifted => &["--queue-max", "100000", "--queue-timeout", "120s"],
        };
        let binary = release::build()?;
        let spawn = |_| {
            let admin = free_address();
            let server = onelane::spawn(&binary, "blocking", admin, args)?;
            Ok::<_, String>(Self { server, admin })
        };
        let mut lanes: Vec<Self> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        for lane in &mut lanes {
            lane.server.ready()?;
        }
        Ok(lanes)
    }

    /// Where it takes requests.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Requests that it has seen so far, those it sent on included.
    pub async fn requests(&self) -> Result<f64, String> {
        let metrics = format!("http://{}/metrics", self.admin);
        let text = async { reqwest::get(metrics).await?.text().await }.await;
        let text = text.map_err(|err| format!("no metrics: {err}"))?;
        let series = text
            .lines()
            .filter(|line| line.starts_with("http_requests_total{"));
        let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }
}
