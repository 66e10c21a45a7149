use reqwest::Method;
use rstest::rstest;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{self, send};

const FRESH: Option<&str> = Some("public, max-age=60");

#[rstest]
#[tokio::test]
async fn an_answer_that_may_be_given_again_says_so_and_has_a_name(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let path = "/kept/whole?bytes=200000";
    let answer = send(lane.request(Method::HEAD, path)).await;
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (200, FRESH)
    );
    let tag = answer.header("etag").unwrap().to_owned();
    let other = lane.get("/kept/whole?bytes=200001").await;
    assert_eq!((other.status, other.header("cache-control")), (200, FRESH));
    assert_ne!(other.header("etag").unwrap(), tag);
    for (known, status) in [(tag.as_str(), 304), ("\"0\"", 200)] {
        let request = lane.request(Method::GET, path);
        let answer = send(request.header("if-none-match", known)).await;
        assert_eq!(answer.status, status, "{known}");
        let said = ["cache-control", "etag"].map(|name| answer.header(name));
        assert_eq!(said, [FRESH, Some(tag.as_str())]);
    }
}

/// So that it does not matter which lane of which mode has computed it.
#[tokio::test]
async fn the_same_answer_has_the_same_name_everywhere() {
    let mut tags = Vec::new();
    for mode in [Blocking, Blocking, Threads, Fork, Pool, Cluster] {
        let answer = lane::of(mode, &[]).get("/kept/whole?bytes=100000").await;
        tags.push(answer.header("etag").unwrap().to_owned());
    }
    tags.dedup();
    assert_eq!(tags.len(), 1, "{tags:?}");
}

#[rstest]
#[case::a_problem("/kept/nonsense", 400)]
#[case::a_failure("/kept/forbidden", 500)]
#[case::another_status("/kept/created", 201)]
#[case::nothing("/kept/empty", 204)]
#[case::a_stream("/kept/streamed?bytes=5", 200)]
#[case::another_route("/answer?how=whole", 200)]
#[tokio::test]
async fn nothing_else_may_be_kept(
    #[case] path: &str,
    #[case] status: u16,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let answer = lane::of(mode, &[]).get(path).await;
    let said = ["cache-control", "etag"].map(|name| answer.header(name));
    assert_eq!((answer.status, said), (status, [None, None]));
}

#[rstest]
#[tokio::test]
async fn nor_may_the_answer_to_a_post_nor_one_that_speaks_for_itself(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = lane::of(mode, &[]);
    let posted = lane.post("/kept/whole", "{}").await;
    assert_eq!((posted.status, posted.header("cache-control")), (200, None));
    let tagged = lane.get("/kept/tagged").await;
    let said = ["cache-control", "etag"].map(|name| tagged.header(name));
    assert_eq!(said, [Some("max-age=60"), Some("\"v1\"")]);
}
