//! The role that prints the examples of the service, as commands to copy.

use actix_web::http::Uri;
use actix_web::http::uri::Scheme;

use crate::service::Service;
use crate::workload::{BodyKind, Example, Method, Route, in_url};

/// A line for each example. `base` comes from [`base`].
pub fn commands(service: &Service, base: &str) -> String {
    let examples = service.examples();
    examples
        .map(|(route, example)| command(base, route, example))
        .collect()
}

fn command(base: &str, route: &Route, example: &Example) -> String {
    let url = quoted(&format!("{base}{}", route.ask(example.query)));
    let flags = flags(route, example);
    // A comment ends with its line.
    let label = example.label.replace(char::is_control, " ");
    match example.times {
        // What is in a body could mean something to xargs.
        times @ 2.. if route.sent().is_none() => {
            format!("seq {times} | xargs -P {times} -I{{}} curl -s {flags}{url}  # {label}\n")
        }
        _ => format!("curl {flags}{url}  # {label}\n"),
    }
}

/// The flags of `curl` for all but a GET without a body, each with a space behind it. A file is one's own: `FILE` is in its place.
fn flags(route: &Route, example: &Example) -> String {
    let method = route.method();
    let data = route.sent().map(|body| {
        let content_type = body.kind.types()[0].replace("*/*", "application/octet-stream");
        let content_type = quoted(&format!("Content-Type: {content_type}"));
        let data = match body.kind {
            BodyKind::Raw(_) => "--data-binary '@FILE'".to_owned(),
            _ => format!("--data-raw {}", quoted(example.body)),
        };
        format!("{data} -H {content_type} ")
    });
    let flag = match (method, &data) {
        (Method::Get, None) | (Method::Post, Some(_)) => String::new(),
        _ => format!("-X {} ", method.name()),
    };
    flag + &data.unwrap_or_default()
}

/// One word of a shell, in which nothing has a meaning.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Where requests are sent, without the slash at its end.
pub fn base(url: &str) -> Result<String, String> {
    let uri: Uri = url.parse().map_err(|_| "it is not a URL".to_owned())?;
    match (uri.scheme(), uri.authority(), uri.query()) {
        (Some(scheme), Some(authority), None) if [Scheme::HTTP, Scheme::HTTPS].contains(scheme) => {
            let path = in_url(uri.path().trim_end_matches('/'));
            Ok(format!("{scheme}://{authority}{path}"))
        }
        _ => Err("it should be like http://localhost:5000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill;
    use crate::workload::Body;

    #[test]
    fn a_service_without_examples_has_no_commands() {
        let service = Service::new("plain", "1").workloads(drill::FAULTS);
        assert_eq!(commands(&service, "http://localhost:5000"), "");
    }

    #[test]
    fn a_label_stays_in_its_comment() {
        let example = Example::new("two\nrm -rf lines", "");
        let command = command("http://localhost", &Route::get("/"), &example);
        assert_eq!(command, "curl 'http://localhost/'  # two rm -rf lines\n");
    }

    #[test]
    fn a_command_sends_by_the_method_and_with_the_body_of_its_route() {
        let png = Body::raw(&["image/png", "image/jpeg"]);
        let example = Example::new("it", "a=1").body(r#"{"it's":{}}"#).times(2);
        for (route, flags) in [
            (Route::post("/", Body::NONE), "-X POST "),
            (
                Route::post("/", png),
                "--data-binary '@FILE' -H 'Content-Type: image/png' ",
            ),
            (
                Route::put("/", Body::JSON),
                r#"-X PUT --data-raw '{"it'\''s":{}}' -H 'Content-Type: application/json' "#,
            ),
        ] {
            assert_eq!(super::flags(&route, &example), flags);
        }
        let twice = |route| command("", &route, &example).starts_with("seq 2 ");
        assert!(twice(Route::delete("/")) && !twice(Route::put("/", Body::JSON)));
    }

    #[test]
    fn a_base_is_where_paths_are_appended() {
        let good = |url| base(url).unwrap();
        assert_eq!(good("http://localhost:5000"), "http://localhost:5000");
        assert_eq!(good("https://[::1]/"), "https://[::1]");
        assert_eq!(good("http://a/b/"), "http://a/b");
        // Neither of curl nor of xargs.
        assert_eq!(good("http://a/{}"), "http://a/%7B%7D");
        for bad in [
            "",
            "localhost:5000",
            "ftp://a",
            "http://",
            "http://a b",
            "http://{}",
            "http://a/?b",
            "/a",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
