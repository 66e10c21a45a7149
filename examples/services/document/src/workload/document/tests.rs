//! Documents of every kind, what is none, and what asks for more than a document may.

use std::io::{Cursor, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use rstest::rstest;
use tempfile::{TempDir, tempdir};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const DOCX: &str = TYPES[0];
const ODT: &str = TYPES[1];
const RTF: &str = TYPES[2];
const HTML: &str = TYPES[3];
const TEXT: &str = TYPES[4];

/// Where there is no `soffice`, a test has nothing to say, except where all has to be tested.
fn has_libreoffice() -> bool {
    let loaded = Document::load(());
    if let Err(err) = &loaded {
        assert!(std::env::var_os("CI").is_none(), "{err}");
        eprintln!("NOT TESTED: {err}");
    }
    loaded.is_ok()
}

fn run(content_type: &str, document: impl Into<Vec<u8>>) -> Result<Reply, Stop> {
    let call = Call::default().with_header("Content-Type", content_type);
    Document(()).run((), &call.with_body(document))
}

/// What can be read in a PDF.
fn read(pdf: &Reply) -> String {
    let pdf = lopdf::Document::load_mem(pdf.body()).unwrap();
    let pages: Vec<u32> = pdf.get_pages().into_keys().collect();
    pdf.extract_text(&pages).unwrap()
}

#[track_caller]
fn text(content_type: &str, document: impl Into<Vec<u8>>) -> String {
    read(&run(content_type, document).unwrap())
}

/// The reason.
#[track_caller]
fn refused(content_type: &str, document: impl Into<Vec<u8>>) -> String {
    match run(content_type, document) {
        Err(Stop::Problem(problem)) => problem.reason().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut package = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        package.start_file(*name, stored).unwrap();
        package.write_all(content.as_bytes()).unwrap();
    }
    package.finish().unwrap().into_inner()
}

fn docx(text: &str) -> Vec<u8> {
    let word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    let types = "http://schemas.openxmlformats.org/package/2006/content-types";
    let relations = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office =
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument";
    let rels = "application/vnd.openxmlformats-package.relationships+xml";
    package(&[
        (
            "[Content_Types].xml",
            &format!(
                r#"<Types xmlns="{types}"><Default Extension="rels" ContentType="{rels}"/>
                <Override PartName="/word/document.xml" ContentType="{DOCX}.main+xml"/></Types>"#
            ),
        ),
        (
            "_rels/.rels",
            &format!(
                r#"<Relationships xmlns="{relations}">
                <Relationship Id="r" Type="{office}" Target="word/document.xml"/></Relationships>"#
            ),
        ),
        (
            "word/document.xml",
            &format!(
                r#"<w:document xmlns:w="{word}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p>
                </w:body></w:document>"#
            ),
        ),
    ])
}

const OASIS: &str = "urn:oasis:names:tc:opendocument:xmlns";

fn odt(body: &str) -> Vec<u8> {
    let content = format!(
        r#"<office:document-content xmlns:office="{OASIS}:office:1.0" xmlns:text="{OASIS}:text:1.0"
        xmlns:draw="{OASIS}:drawing:1.0" xmlns:svg="{OASIS}:svg-compatible:1.0"
        xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2">
        <office:body><office:text>{body}</office:text></office:body></office:document-content>"#
    );
    odt_of(&content, "")
}

/// `encryption` is about the content.
fn odt_of(content: &str, encryption: &str) -> Vec<u8> {
    let manifest = format!(
        r#"<manifest:manifest xmlns:manifest="{OASIS}:manifest:1.0">
        <manifest:file-entry manifest:full-path="/" manifest:media-type="{ODT}"/>
        <manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"
        manifest:size="{}">{encryption}</manifest:file-entry></manifest:manifest>"#,
        content.len()
    );
    package(&[
        ("mimetype", ODT),
        ("META-INF/manifest.xml", &manifest),
        ("content.xml", content),
    ])
}

/// A picture in an ODT.
fn drawn(address: &str) -> String {
    format!(
        r#"<draw:frame text:anchor-type="as-char" svg:width="2cm" svg:height="2cm"><draw:image
        xlink:href="{address}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/>
        </draw:frame>"#
    )
}

#[test]
fn a_document_becomes_a_pdf() {
    if !has_libreoffice() {
        return;
    }
    for (content_type, document) in [
        (DOCX, docx("Grüße")),
        (ODT, odt("<text:p>Grüße</text:p>")),
        (RTF, b"{\\rtf1 Gr\\'fc\\'dfe}".to_vec()),
        (HTML, "<p>Gr&uuml;\u{df}e".into()),
        (TEXT, "Grüße\r\n".into()),
        ("Text/Plain; charset=utf-8", "\u{feff}Grüße".into()),
    ] {
        let text = text(content_type, document);
        assert_eq!(text.trim(), "Grüße", "{content_type}");
    }
}

#[rstest]
#[case::nothing(&[DOCX, ODT, RTF, HTML, TEXT], vec![])]
#[case::no_text(&[DOCX, ODT, RTF, HTML, TEXT], b"PK\x03\x04\0\xff\xfe".to_vec())]
#[case::a_text(&[DOCX, ODT, RTF], b"hello".to_vec())]
#[case::of_another_type(&[ODT, RTF, HTML, TEXT], docx("hello"))]
#[case::half(&[DOCX], docx("hello")[..300].to_vec())]
#[case::with_a_password(&[ODT], locked())]
fn what_is_no_document_of_its_type_is_a_problem(
    #[case] content_types: &[&str],
    #[case] document: Vec<u8>,
) {
    if !has_libreoffice() {
        return;
    }
    for content_type in content_types {
        let reason = refused(content_type, document.clone());
        assert_eq!(reason, "not_a_document", "{content_type}");
    }
}

fn locked() -> Vec<u8> {
    let encryption = r#"<manifest:encryption-data manifest:checksum-type="SHA1/1K"
        manifest:checksum="AAAAAAAAAAAAAAAAAAAAAAAAAAA=">
        <manifest:algorithm manifest:algorithm-name="Blowfish CFB"
        manifest:initialisation-vector="AAAAAAAAAAA="/>
        <manifest:key-derivation manifest:key-derivation-name="PBKDF2"
        manifest:iteration-count="1024" manifest:salt="AAAAAAAAAAAAAAAAAAAAAA=="/>
        </manifest:encryption-data>"#;
    odt_of("this is encrypted", encryption)
}

/// A PNG of 3 × 5 pixels.
const PICTURE: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x03\x00\x00\x00\x05\x08\x02\
    \x00\x00\x00\x0f\x13\xc1\xf5\x00\x00\x00\x10IDATx\x9cc\xe0\x0c\x98\x00A\x0cD\xb2\x00\
    M\xa7\x0d\xa8pE\xb7\x82\x00\x00\x00\x00IEND\xaeB`\x82";

/// Files of the machine that a document may not show: a text and a picture.
fn secrets() -> (TempDir, [String; 2]) {
    let folder = tempdir().unwrap();
    let secrets: [(_, &[u8]); 2] = [("text.txt", b"topsecret"), ("picture.png", PICTURE)];
    let addresses = secrets.map(|(name, content)| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        format!("file://{}", path.display())
    });
    (folder, addresses)
}

#[test]
fn a_document_shows_no_file_of_the_machine() {
    if !has_libreoffice() {
        return;
    }
    let (_folder, [secret, picture]) = secrets();
    let odt = odt(&format!(
        r#"<text:p>one</text:p><text:section text:name="s"><text:section-source
        xlink:href="{secret}" text:filter-name="Text"/><text:p>two</text:p></text:section>
        <text:p>{}</text:p>"#,
        drawn(&picture)
    ));
    let html = format!(
        r#"<p>one<iframe src="{secret}"></iframe><object data="{secret}"></object>two
        <img src="{picture}">"#
    );
    for (content_type, document) in [(ODT, odt), (HTML, html.into())] {
        let pdf = run(content_type, document).unwrap();
        let said = read(&pdf);
        assert!(said.contains("one") && said.contains("two"), "{said}");
        assert!(!said.contains("topsecret"), "{said}");
        // There may be others: LibreOffice draws what it does not show.
        let bytes = String::from_utf8_lossy(pdf.body());
        assert!(!bytes.contains("/Width 3/Height 5"), "{content_type}");
    }
}

#[test]
fn a_document_does_not_reach_the_network() {
    if !has_libreoffice() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let html = format!(
        r#"<link rel="stylesheet" href="{address}/css"><body background="{address}/background">
        <p>hello<img src="{address}/picture"><iframe src="{address}/frame"></iframe>"#
    );
    let picture = format!(
        "<text:p>hello{}</text:p>",
        drawn(&format!("{address}/picture"))
    );
    for (content_type, document) in [(HTML, html.into_bytes()), (ODT, odt(&picture))] {
        assert!(text(content_type, document).contains("hello"));
    }
    listener.set_nonblocking(true).unwrap();
    let came = listener.accept().map(|(_, from)| from);
    assert!(came.is_err(), "{came:?}");
}

#[test]
fn what_libreoffice_fails_at_is_told_apart() {
    let format = Format::of(TEXT).unwrap();
    let said = |code, stderr: &str| {
        let said = Output {
            code,
            stdout: Vec::new(),
            stderr: stderr.to_owned(),
        };
        refusal(format, &said)
    };
    let reason = |stop| match stop {
        Stop::Problem(problem) => problem.reason().to_owned(),
        other => format!("{other:?}"),
    };
    // Of different versions.
    for code in [0, 1] {
        let stop = said(code, "Error: source file could not be loaded");
        assert_eq!(reason(stop), "not_a_document");
    }
    for code in FAILURES {
        assert_eq!(
            reason(said(code, "Unspecified Application Error")),
            "too_much"
        );
    }
    let no_room = said(0, "Write Code:16");
    assert!(matches!(no_room, Stop::Failed(_)), "{no_room:?}");
}

#[test]
fn sockets_that_no_process_listens_at_are_removed() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let _alive = UnixListener::bind(path("OSL_PIPE_1")).unwrap();
    drop(UnixListener::bind(path("OSL_PIPE_2")).unwrap());
    drop(UnixListener::bind(path("else")).unwrap());
    sweep(folder.path());
    let is_there = ["OSL_PIPE_1", "OSL_PIPE_2", "else"].map(|name| path(name).exists());
    assert_eq!(is_there, [true, false, true]);
}

#[test]
fn it_ends_when_the_request_is_interrupted() {
    let call = Call::default()
        .with_header("Content-Type", TEXT)
        .with_body("hello");
    call.interrupt();
    assert!(matches!(
        Document(()).run((), &call),
        Err(Stop::Interrupted)
    ));
}
