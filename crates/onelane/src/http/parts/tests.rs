//! Forms of every shape, in pieces of every length.

use std::fs;
use std::io;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use futures_util::stream;

use super::parser::HEAD_MAX_BYTES;
use super::*;
use crate::folder::{Folder, Folders, ServerFolder};
use crate::workload::{Files, Sent, path_in};

const LIMIT: usize = 1 << 20;

/// What was made of a form, and what it would be removed with.
struct Read {
    parts: Parts,
    memory: Bytes,
    folder: Folder,
    _root: ServerFolder,
}

fn payload(body: &[u8], piece: usize) -> Payload {
    let pieces = body.chunks(piece).map(Bytes::copy_from_slice);
    let pieces: Vec<Result<_, PayloadError>> = pieces.map(Ok).collect();
    Payload::Stream {
        payload: Box::pin(stream::iter(pieces)),
    }
}

/// Reads a form that arrives in pieces of this length. An error is the status and the words for the caller.
async fn read(body: &[u8], piece: usize, files: Files, limit: usize) -> Result<Read, HttpProblem> {
    let root = ServerFolder::make().unwrap();
    let folder = Folders::below(Ok(&root)).next();
    let parser = Parser::new("B".to_owned(), payload(body, piece), limit);
    let read = Collection::new(files, folder.place()).read(parser).await;
    match read {
        Ok((parts, memory)) => Ok(Read {
            parts,
            memory,
            folder,
            _root: root,
        }),
        Err(Unread::Problem(problem)) => Err(problem),
        Err(Unread::Unwritten(err)) => panic!("{err}"),
    }
}

const ANY: Files = Files {
    limit: usize::MAX,
    required: &[],
};

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"--B\r\n", head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

fn text(name: &str, content: &str) -> Vec<u8> {
    let head = format!("Content-Disposition: form-data; name=\"{name}\"");
    part(&head, content.as_bytes())
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("content-disposition: form-data; name=\"{name}\"; filename=\"{name}.bin\"");
    part(&head, content)
}

/// Without its end.
fn cut(part: &[u8]) -> Vec<u8> {
    part[..part.len() - 3].to_vec()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--B--\r\n"].concat()
}

/// What makes parsers stumble: nearly the boundary, in all its beginnings, and every byte.
fn awkward(bytes: usize) -> Vec<u8> {
    let unit = b"\r\n--\r\n--A\r\r\n-\n--B\r\0\xff--B--";
    let all: Vec<u8> = (0..=255).collect();
    [&unit[..], &all].concat().repeat(bytes / 256 + 1)[..bytes].to_vec()
}

#[tokio::test]
async fn fields_and_files_arrive_as_they_were_sent_however_they_are_cut() {
    for (length, piece) in [
        (0, 1),
        (1, 1),
        (300, 1),
        (5000, 2),
        (70_000, 7),
        (300_000, 16_384),
    ] {
        let (small, large) = (awkward(10), awkward(length));
        let body = form(&[
            text("a", "1 & ü"),
            file("one", &small),
            file("two", &large),
            text("b", ""),
            file("three", &small),
        ]);
        let read = read(&body, piece, ANY, LIMIT).await.unwrap();
        assert_eq!(read.parts.fields, "a=1+%26+%C3%BC&b=");
        let is_large = length + 20 > 64 * 1024;
        let (mut memory, mut files) = (read.memory, read.parts.files.iter().enumerate());
        for (name, content) in [("one", &small), ("two", &large), ("three", &small)] {
            let (number, sent) = files.next().unwrap();
            assert_eq!((sent.name(), sent.len), (name, content.len() as u64));
            assert_eq!(sent.is_on_disk, is_large && name == "two");
            let got = if sent.is_on_disk {
                let folder = read.folder.place().make().unwrap();
                fs::read(path_in(folder, number)).unwrap()
            } else {
                memory.split_to(content.len()).to_vec()
            };
            assert!(got == *content, "{name} of {length} bytes, by {piece}");
        }
        assert!(memory.is_empty() && files.next().is_none());
    }
}

#[tokio::test]
async fn many_small_files_do_not_stay_in_memory_together() {
    let files: Vec<_> = (0..99).map(|_| file("f", &[7; 2000])).collect();
    let read = read(&form(&files), 10_000, ANY, LIMIT).await.unwrap();
    assert!(read.memory.len() <= 64 * 1024);
    let on_disk = read.parts.files.iter().filter(|sent| sent.is_on_disk);
    assert_eq!(on_disk.count(), 99 - read.memory.len() / 2000);
}

async fn names(heads: &[&str]) -> Vec<String> {
    let parts: Vec<_> = heads
        .iter()
        .map(|head| part(&format!("Content-Disposition: form-data; {head}"), b"x"))
        .collect();
    let read = read(&form(&parts), 100, ANY, LIMIT).await.unwrap();
    let name = |sent: &Sent| format!("{} {}", sent.name(), sent.file_name());
    read.parts.files.iter().map(name).collect()
}

#[tokio::test]
async fn file_names_are_read_as_they_are_written_and_are_no_paths() {
    let heads = [
        r#"name="f"; filename="a b;.txt""#,
        r#"name="f"; filename="say \"hi\".txt""#,
        r#"name="f"; filename="grüße.txt""#,
        r#"name="f"; filename="x"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt"#,
        r#"name="f"; filename*=UTF-8''only.txt"#,
        r#"filename="name=x; .txt"; name="f""#,
        "name=f; filename=token.txt",
        r#"name="f"; filename="../../etc/passwd""#,
        r#"name="f"; filename="C:\\dir\\cv.pdf""#,
        r#"name="f"; filename="..""#,
        r#"name="f"; filename="""#,
    ];
    let expected = [
        "a b;.txt",
        "say \"hi\".txt",
        "grüße.txt",
        "grüße.txt",
        "only.txt",
        "name=x; .txt",
        "token.txt",
        "passwd",
        "cv.pdf",
        "",
        "",
    ];
    let expected: Vec<_> = expected.iter().map(|name| format!("f {name}")).collect();
    assert_eq!(names(&heads).await, expected);
}

#[tokio::test]
async fn a_file_field_without_a_chosen_file_is_no_file() {
    let head = r#"Content-Disposition: form-data; name="f"; filename="""#;
    let body = form(&[part(head, b""), file("empty", b"")]);
    let read = read(&body, 100, ANY, LIMIT).await.unwrap();
    let names: Vec<_> = read.parts.files.iter().map(Sent::name).collect();
    assert_eq!(names, ["empty"]);
}

/// What becomes of a body that is refused: status, and how its words begin.
#[track_caller]
fn check(read: Result<Read, HttpProblem>, expected: &str) {
    let problem = read.err().expect("it is refused");
    let large = matches!(
        problem,
        HttpProblem::PartTooLarge(_) | HttpProblem::BodyTooLarge(_)
    );
    let told = format!("{} {problem}", if large { 413 } else { 400 });
    assert!(told.starts_with(expected), "{told}, not {expected}");
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_the_name_of_the_part() {
    let form_data = "Content-Disposition: form-data";
    let long = "n".repeat(HEAD_MAX_BYTES);
    for (body, expected) in [
        (b"".to_vec(), "400 body: it does not end with its boundary"),
        (
            b"text".to_vec(),
            "400 body: it does not end with its boundary",
        ),
        (
            b"--C\r\n\r\n\r\n--C--".to_vec(),
            "400 body: it does not end",
        ),
        (b"--B\r\n".to_vec(), "400 body: it does not end"),
        (b"--Bx\r\n\r\n".to_vec(), "400 body: it does not end"),
        (
            [text("a", "1"), b"--B".to_vec()].concat(),
            "400 body: it does not end",
        ),
        (cut(&text("a", "1")), "400 a: there is no boundary"),
        (cut(&file("f", b"12345")), "400 f: there is no"),
        (form(&[part("a b: c", b"")]), "400 body: the head of a part"),
        (
            form(&[part("A: b", b"")]),
            "400 a part has no valid Content-D",
        ),
        (
            form(&[part("Content-Disposition: attachment; name=a", b"")]),
            "400 a part has no v",
        ),
        (form(&[part(form_data, b"")]), "400 a part has no name"),
        (form(&[text("", "1")]), "400 a part has no name"),
        (
            form(&[text(&long[..257], "1")]),
            "400 a part has no name, or one of more than 256",
        ),
        (
            form(&[text(&long, "1")]),
            "400 a part has a head of more than 8192 bytes",
        ),
        (
            long.repeat(2).into_bytes(),
            "400 body: no part begins within 8192 bytes",
        ),
        (
            format!("--B\r\nA: {long}{long}").into_bytes(),
            "400 body: no part begins",
        ),
        (
            form(&[part(
                &format!("{form_data}; name=a\r\n{}", "A: b\r\n".repeat(40)),
                b"",
            )]),
            "400 body: the head of a part",
        ),
        (
            form(&[part(&format!("{form_data}; name=\"a"), b"")]),
            "400 a part has no valid",
        ),
        (
            form(&[part(
                &format!("{form_data}; name=a\r\nContent-Transfer-Encoding: base64"),
                b"",
            )]),
            "400 a: its Content-Transfer-Encoding",
        ),
        (
            form(&[part(&format!("{form_data}; name=a"), b"\xff")]),
            "400 a: it is not UTF-8",
        ),
    ] {
        check(read(&body, 1000, ANY, LIMIT).await, expected);
    }
}

#[tokio::test]
async fn what_is_too_large_or_missing_is_refused_with_the_name_of_the_part() {
    let some = Files {
        limit: 100_000,
        required: &["picture"],
    };
    let many = |count| (0..count).map(|_| text("a", "")).collect::<Vec<_>>();
    for (body, expected) in [
        (
            form(&[file("f", &vec![0; 100_001])]),
            "413 f: the file is larger than 100000 bytes",
        ),
        (
            form(&[text("a", &"x".repeat(65_536))]),
            "413 a: the texts are longer than 65536",
        ),
        (form(&many(101)), "413 the body has more than 100 parts"),
        (form(&many(100)), "400 missing file `picture`"),
        (form(&[text("picture", "1")]), "400 missing file `picture`"),
        (vec![b'-'; LIMIT + 1], "400 body: no part begins"),
        (
            [form(&[]), vec![b'x'; LIMIT]].concat(),
            "413 the body is larger than 1048576",
        ),
    ] {
        check(read(&body, 16_384, some, LIMIT).await, expected);
    }
    let fits = form(&[
        file("picture", &vec![0; 100_000]),
        text("a", &"x".repeat(65_000)),
    ]);
    assert!(read(&fits, 16_384, some, fits.len()).await.is_ok());
    check(
        read(&fits, 16_384, some, fits.len() - 1).await,
        "413 the body is larger",
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_apart() {
    let folder = Folders::below(Err(&io::Error::other("there is none"))).next();
    let body = form(&[file("f", &vec![0; 100_000])]);
    let parser = Parser::new("B".to_owned(), payload(&body, 16_384), LIMIT);
    let read = Collection::new(ANY, folder.place()).read(parser).await;
    assert!(matches!(read, Err(Unread::Unwritten(_))));
}
