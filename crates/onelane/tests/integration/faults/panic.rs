use rstest::rstest;

use super::process::children;
use super::request::{counted, exits, named, restarts};
use crate::lane;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

/// More in a row than there would be time for if each made the next one wait for longer.
const PANICS: u32 = 8;

#[rstest]
#[tokio::test]
async fn a_panic_is_a_500_for_its_request_and_the_next_one_is_served(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &["--request-timeout", "10s"]);
    let before = lane.get("/fast").await.pid();
    for number in 0..PANICS {
        let id = format!("panic-{number}");
        let answer = named(&lane, "/panic", &id).await.unwrap();
        let reason = answer.reason();
        assert_eq!((answer.status, reason.as_str()), (500, "internal"));
        assert!(!answer.text.contains("a drill"), "what it says is for us");
        let line = async |message| {
            lane.logged(|line| line["request_id"] == id && line["message"] == message)
                .await
        };
        assert_eq!(line("the workload failed").await["why"], "it panicked");
        let line = line("request").await;
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&500.into(), &"internal".into())
        );
    }
    lane.logged_times(PANICS as usize, |line| {
        let location = line["location"].as_str().unwrap_or_default();
        line["message"] == "panic" && line["why"] == "a drill" && location.contains("panic.rs:")
    })
    .await;
    let panics = f64::from(PANICS);
    for series in [
        r#"http_requests_total{method="GET",route="/panic",status="500"}"#,
        r#"onelane_rejected_total{reason="internal"}"#,
        r#"onelane_compute_seconds_count{workload="panic"}"#,
    ] {
        lane.counted(series, panics).await;
    }
    assert_eq!(lane.status().await["rejected"]["internal"], PANICS);
    assert_eq!(lane.admin("/livez").await.status, 200);

    let after = lane.get("/fast").await;
    assert_eq!(after.status, 200);
    // A pooled child may have been left in any state: it is not used again.
    let replaced = if mode == Pool { panics } else { 0.0 };
    counted(&lane, &restarts("crashed"), replaced).await;
    counted(&lane, &exits("crashed"), replaced).await;
    match mode {
        Blocking | Threads | Cluster => assert_eq!(after.pid(), before),
        Fork => counted(&lane, &exits("completed"), panics + 2.0).await,
        Pool => assert_eq!(u64::from(children(&lane, 1).await[0].id()), after.pid()),
    }
}

#[rstest]
#[tokio::test]
async fn a_panic_disturbs_no_request_beside_it(#[values(Threads, Fork, Pool, Cluster)] mode: Mode) {
    let lane = lane::with_slots(mode, 2, &[]);
    let panic = async {
        lane.until_busy(1).await;
        lane.get("/panic").await
    };
    let (bystander, panic) = tokio::join!(lane.get("/sleep?ms=500"), panic);
    assert_eq!((bystander.status, panic.status), (200, 500));
}
