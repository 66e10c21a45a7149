use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use crate::lane;

/// What stands between `before` and the next `after`, each time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let parts = text.split(before).skip(1);
    parts
        .map(|part| part.split_once(after).expect("it ends").0)
        .collect()
}

/// As HTML has it.
const ODD: &str = "/echo?number=8&#38;text=it%27s%20%22$HOME%22%20%7B1,2%7D%20%5B3-4%5D%20%60id%60%20%5C%20%23%3C%7B%7D%3E";

#[tokio::test]
async fn the_buttons_are_the_declared_examples_in_their_order() {
    let page = lane::start(&[]).get("/").await.text;

    assert_eq!(between(&page, "<title>", "</title>"), ["drills"]);
    assert_eq!(between(&page, "<h1>", "</h1>"), ["drills"]);
    let paths = [
        "/echo?number=7",
        ODD,
        "/mirror",
        "/run",
        "/take/bytes",
        "/take/%7Bid%7D",
        "/take/%7Bid%7D",
        "/take/%7Bid%7D/%7Bcount%7D",
        "/wait?ms=300",
        "/sleep?ms=2000",
        "/fast",
    ];
    assert_eq!(between(&page, "data-path=\"", "\""), paths);
    let times = between(&page, "data-times=\"", "\"");
    assert_eq!(
        times,
        ["1", "2", "1", "1", "1", "1", "1", "1", "12", "1", "1"]
    );
    let labels = between(&page, "<button class=\"send\">", "</button>");
    assert_eq!(labels[0], "Seven");
    // Those without an example send what one has.
    let others = [
        "There and back",
        "POST /run",
        "POST /take/bytes",
        "POST /take/{id}",
        "A thing",
        "PATCH /take/{id}/{count}",
        "Twelve at once",
        "Two seconds of sleep",
        "Nothing at all",
        "Anything else",
    ];
    assert_eq!(labels[2..], others);
    assert!(
        page.contains("0.3 s of work each. <span class=\"limit\">"),
        "a note, and what a browser makes of it"
    );
    assert_eq!(page.matches("class=\"limit\"").count(), 1);
}

#[tokio::test]
async fn a_route_that_takes_a_body_is_a_panel_which_says_what_it_takes() {
    let lane = lane::start(&[]);
    let page = lane.get("/").await.text;
    let form = |label: &str| {
        let (_, rest) = page.split_once(&format!("data-label=\"{label}\"")).unwrap();
        rest.split_once("</form>").unwrap().0.to_owned()
    };

    let bytes = form("POST /take/bytes");
    for part in [
        r#" data-path="/take/bytes" "#,
        r#" data-method="POST" "#,
        r#" data-sent="raw" data-types="image/png text/*" data-limit="8388608" "#,
    ] {
        assert!(bytes.contains(part), "{part}: {bytes}");
    }
    let thing = form("A thing");
    for part in [
        r#" data-method="PUT" "#,
        r#" data-sent="text" data-types="application/json" data-limit="1000" "#,
        r#" data-body="{&#34;count&#34;:3,&#34;name&#34;:&#34;it&#39;s &#60;/textarea&#62;{}&#34;}">"#,
    ] {
        assert!(thing.contains(part), "{part}: {thing}");
    }

    let watching = lane.admin("/").await.text;
    assert!(
        !watching.contains("data-sent="),
        "the admin side takes no requests"
    );
}

#[tokio::test]
async fn anything_else_starts_with_the_last_example_and_suggests_each_path_once() {
    let page = lane::start(&[]).get("/").await.text;

    assert!(page.contains(r#"value="/fast" list="paths""#));
    let suggested = [
        "/echo?number=7",
        ODD,
        "/wait?ms=300",
        "/sleep?ms=2000",
        "/fast",
        "/answer",
        "/kept/%7Bhow%7D",
        "/echo",
        "/",
        "/note",
        "/print",
        "/program",
        "/refuse",
        "/take/%7Bid%7D",
        "/tally",
        "/trace",
        "/wait",
        "/block-server",
        "/sleep",
        "/fast-one",
        "/panic",
        "/stubborn",
        "/exit",
        "/allocate",
    ];
    assert_eq!(between(&page, "<option value=\"", "\""), suggested);
}

#[tokio::test]
async fn nothing_that_is_declared_is_markup() {
    let page = lane::start(&[]).get("/").await.text;

    let label = "&#60;script&#62;&#34;&#38;&#39;";
    assert!(
        page.contains(&format!("<button class=\"send\">{label}</button>")),
        "{page}"
    );
    assert!(page.contains(&format!("data-label=\"{label}\"")));
    assert!(page.contains("<p class=\"small\">&#60;b&#62;&#34;&#38;&#39;</p>"));
    assert_eq!(page.matches("<script>").count(), 1, "the page's own");
}

#[tokio::test]
async fn the_policy_allows_the_script_and_the_style_that_are_there() {
    let lane = lane::start(&[]);
    for answer in [lane.get("/").await, lane.admin("/").await] {
        for element in ["script", "style"] {
            let [content] = between(
                &answer.text,
                &format!("<{element}>"),
                &format!("</{element}>"),
            )[..] else {
                panic!("one {element}");
            };
            let digest = BASE64_STANDARD.encode(Sha256::digest(content));
            let policy = answer.header("content-security-policy").unwrap();
            let allowed = format!("{element}-src 'sha256-{digest}';");
            assert!(policy.contains(&allowed), "{allowed} is not in {policy}");
        }
    }
}

#[tokio::test]
async fn the_admin_side_knows_where_requests_are_taken() {
    let lane = lane::start(&[]);
    let port = |page: &str| between(page, "data-public-port=\"", "\"")[0].to_owned();
    assert_eq!(port(&lane.get("/").await.text), "");
    let public = lane.listen.rsplit(':').next().unwrap();
    assert_eq!(port(&lane.admin("/").await.text), public);
}
