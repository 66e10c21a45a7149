use reqwest::Method;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Site, TYPE, bytes, file, form, part, text};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Answer, Lane, onelane, send};

#[track_caller]
fn check(answer: &Answer, status: u16, words: &str) {
    let reason = match status {
        413 => "body_too_large",
        415 => "unsupported_media_type",
        503 => "no_room",
        _ => "bad_request",
    };
    assert_eq!((answer.status, &*answer.reason()), (status, reason));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with(words), "{detail}, not {words}");
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_is_told_with_the_name_of_the_part_and_leaves_nothing(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let site = Site::of(mode, &[]);
    // So that there is something to leave.
    let large = || file("large", "large", &bytes(1 << 20));
    let many = |count| (0..count).map(|_| text("x", "")).collect::<Vec<_>>();
    for (parts, status, words) in [
        (
            vec![large(), file("f", "f", &bytes((4 << 20) + 1))],
            413,
            "f: the file is larger than",
        ),
        (
            vec![large(), text("note", &"x".repeat(1 << 16))],
            413,
            "note: the texts are longer",
        ),
        (
            [vec![large()], many(100)].concat(),
            413,
            "the body has more than 100 parts",
        ),
        (
            vec![large(), part("Content-Disposition: form-data", b"")],
            400,
            "a part has no name",
        ),
        (
            vec![large(), text("note", "1"), text("note", "2")],
            400,
            "duplicate field `note`",
        ),
        (
            vec![large(), text("count", "x")],
            400,
            "count: invalid digit",
        ),
        (
            vec![
                large(),
                part("Content-Disposition: form-data; name=note", b"\xff"),
            ],
            400,
            "note: ",
        ),
        (vec![large()], 400, "missing file `picture`"),
        (
            vec![large(), b"--a b--\r\n".repeat(1 << 20)],
            413,
            "the body is larger than 8388608",
        ),
    ] {
        let path = match words {
            "missing file `picture`" => "/upload/picture",
            _ => "/upload",
        };
        check(&send(site.upload(path, &parts)).await, status, words);
        site.until_no_file().await;
    }
    let query = site.upload("/upload?cuont=1", &[large()]);
    check(
        &send(query).await,
        400,
        "unknown field `cuont` in the query",
    );
    let asked = async |content_type: &str, body: Vec<u8>| {
        let request = site.lane.request(Method::POST, "/upload");
        send(request.header("content-type", content_type).body(body)).await
    };
    let whole = form(&[large()]);
    let cut = whole[..whole.len() - 20].to_vec();
    check(
        &asked(TYPE, cut).await,
        400,
        "large: there is no boundary after it",
    );
    check(
        &asked("multipart/form-data; boundary=c", whole).await,
        400,
        "body: no part begins",
    );
    let whole = form(&[text("a", "")]);
    check(
        &asked("multipart/form-data", whole.clone()).await,
        400,
        "the Content-Type has no",
    );
    check(
        &asked("multipart/mixed; boundary=\"a b\"", whole).await,
        415,
        "the body must be multi",
    );
    let nothing = site.lane.request(Method::PUT, "/upload/picture");
    check(&send(nothing).await, 400, "missing file `picture`");
    site.until_no_file().await;
    assert_eq!(site.lane.get("/fast").await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_body_of_chunks_may_not_be_longer_either(#[values(Blocking, Cluster)] mode: Mode) {
    let site = Site::of(mode, &[]);
    let client = TcpStream::connect(&site.lane.listen).await.unwrap();
    let (mut answer, mut request) = client.into_split();
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let sends = async {
        request.write_all(head.as_bytes()).await?;
        for piece in file("f", "f", &bytes(9 << 20)).chunks(1 << 16) {
            let size = format!("{:x}\r\n", piece.len());
            request
                .write_all(&[size.as_bytes(), piece, b"\r\n"].concat())
                .await?;
        }
        std::io::Result::Ok(())
    };
    let mut text = String::new();
    let (read, _sent) = tokio::join!(answer.read_to_string(&mut text), sends);
    read.expect("no reset before the end");
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    assert!(
        text.contains("f: the file is larger than 4194304 bytes"),
        "{text}"
    );
    site.until_no_file().await;
}

/// Where nothing can be written, what needs no file is taken all the same.
#[rstest]
#[tokio::test]
async fn without_room_for_files_there_is_a_503_and_no_lane_is_lost(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut command = onelane();
    command
        .env("TMPDIR", "/proc")
        .args(["--mode", &mode.to_string()]);
    let site = Site {
        lane: Lane::run(command),
        folder: tempfile::tempdir().unwrap(),
    };
    let answer = send(site.upload("/upload", &[file("f", "f", &bytes(1 << 20))])).await;
    check(&answer, 503, "this lane has no room for the files");
    assert!(answer.header("retry-after").is_some());
    let line = site
        .lane
        .logged(|line| line["message"] == "a file that was sent cannot be written");
    assert!(line.await["err"].as_str().unwrap().contains("/proc"));
    let answer = send(site.upload("/upload", &[text("note", "1")])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
