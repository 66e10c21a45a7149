//! What one request costs beside its computation, measured on a lane that has nothing else to do:
//! where the constants of the model come from.

use std::time::{Duration, Instant};

use onelane_lab::stack::Lane;
use onelane_sim::{Cost, quantile};
use reqwest::RequestBuilder;

const SAMPLES: usize = 101;
const HOLD_MS: u64 = 5;

pub(crate) async fn measure(lane: &Lane) -> Result<Cost, String> {
    let client = reqwest::Client::new();
    let base = format!("http://{}", lane.address());
    let ask = async |path: &str, hold_ms: u64| {
        let mut times = Vec::new();
        for _ in 0..SAMPLES {
            let start = Instant::now();
            let request = held(client.get(format!("{base}{path}")), hold_ms);
            let response = request.send().await.map_err(|err| format!("{err:?}"))?;
            response.bytes().await.map_err(|err| format!("{err:?}"))?;
            times.push(start.elapsed());
        }
        Ok::<_, String>(quantile(0.5, times.into_iter()))
    };
    let there_and_back = ask("/fast", 0).await?;
    let sleep = ask(&format!("/sleep?ms={HOLD_MS}"), 0).await?;

    // Occupied for as long as the rest takes: the client leaves, and with it the request.
    let long = client.get(format!("{base}/sleep?ms=60000"));
    let long = tokio::spawn(async move { long.send().await });
    while held(client.get(format!("{base}/fast")), 0)
        .send()
        .await
        .map_err(|err| format!("{err:?}"))?
        .status()
        == 200
    {}
    let refused = ask("/fast", 0).await?;
    let longer = ask("/fast", HOLD_MS).await?;
    long.abort();

    let hold = Duration::from_millis(HOLD_MS);
    Ok(Cost {
        way: refused / 2,
        timer: longer.saturating_sub(refused + hold),
        lane: sleep.saturating_sub(there_and_back + hold),
    })
}

/// As nginx would pass it on.
fn held(request: RequestBuilder, hold_ms: u64) -> RequestBuilder {
    let request = request.header("X-Lane-Protocol", 2);
    request.header("X-Lane-Hold-Ms", hold_ms)
}
