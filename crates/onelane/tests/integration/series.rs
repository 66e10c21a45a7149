use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self};

const JPEG: &str = "images_total{format=\"jpeg\"}";
const PNG: &str = "images_total{format=\"png\"}";

#[rstest]
#[tokio::test]
async fn own_series_stand_beside_those_of_the_engine_from_the_start(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let text = lane.admin("/metrics").await.text;
    for line in [
        "# HELP images_total Images by format",
        "# TYPE images_total counter",
        "images_total{format=\"jpeg\"} 0",
        "images_total{format=\"png\"} 0",
        "# TYPE cached_images gauge",
        "cached_images 0",
        "# TYPE image_megapixels histogram",
        "image_megapixels_bucket{le=\"100\"} 0",
        "image_megapixels_bucket{le=\"+Inf\"} 0",
        "image_megapixels_count 0",
    ] {
        assert_eq!(
            text.matches(&format!("{line}\n")).count(),
            1,
            "{line} in {text}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn what_a_workload_records_is_there_with_its_answer(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    for (format, value) in [("jpeg", "12"), ("png", "0.5"), ("jpeg", "7.5")] {
        let path = format!("/tally?how=rightly&format={format}&value={value}");
        assert_eq!(lane.get(&path).await.status, 200);
    }
    lane.counted(JPEG, 2.0).await;
    lane.counted(PNG, 1.0).await;
    lane.counted("cached_images", 7.5).await;
    lane.counted("image_megapixels_bucket{le=\"1\"}", 1.0).await;
    lane.counted("image_megapixels_bucket{le=\"10\"}", 2.0)
        .await;
    lane.counted("image_megapixels_bucket{le=\"+Inf\"}", 3.0)
        .await;
    lane.counted("image_megapixels_sum", 20.0).await;
}

#[rstest]
#[tokio::test]
async fn what_was_recorded_survives_the_process_that_recorded_it(
    #[values(Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let panicking = lane.get("/tally?how=panicking&format=png&value=2").await;
    assert_eq!(panicking.reason(), "internal");
    lane.counted(PNG, 1.0).await;
    let answer = lane.get("/tally?how=rightly&format=png&value=2").await;
    assert_eq!(answer.status, 200);
    lane.counted(PNG, 2.0).await;
    if matches!(mode, Pool | Cluster) {
        let child = lane.status().await["children"]["alive"][0]["pid"].as_u64();
        lane::signal(child.unwrap(), Signal::KILL);
        let crashed = |status: &Value| status["children"]["exited"]["crashed"].as_u64() > Some(0);
        lane.until_status(crashed).await;
    }
    lane.counted(PNG, 2.0).await;
    lane.counted("image_megapixels_count", 2.0).await;
}

/// A child that is killed has not told its parent.
#[rstest]
#[tokio::test]
async fn a_computation_that_was_stopped_has_recorded_what_it_could_still_tell(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let path = "/tally?how=sleeping&format=png&value=2";
    let request = lane.request(reqwest::Method::GET, path);
    let answer = lane::send(request.header("x-timeout", "0.1")).await;
    assert_eq!(answer.reason(), "request_timeout");
    lane.until("idle", 0).await;
    let told = !matches!(mode, Fork | Pool);
    lane.counted(PNG, f64::from(u8::from(told))).await;
}

#[rstest]
#[case::series("how=undeclared", "the series undeclared_total is not in SERIES")]
#[case::label(
    "how=rightly&format=gif",
    "the series images_total is declared for no format \"gif\""
)]
#[tokio::test]
async fn what_is_not_declared_is_an_error_of_the_service(
    #[case] query: &str,
    #[case] why: &str,
    #[values(Blocking, Fork, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let answer = lane.get(&format!("/tally?{query}")).await;
    assert_eq!((answer.status, answer.reason().as_str()), (500, "internal"));
    let line = lane
        .logged(|line| line["message"] == "the workload failed")
        .await;
    assert_eq!(line["why"], why);
    let text = lane.admin("/metrics").await.text;
    assert!(
        !text.contains("undeclared") && !text.contains("gif"),
        "{text}"
    );
    assert_eq!(lane.get("/fast").await.status, 200);
}
