//! The role that prints the examples of the service, as commands to copy.

use actix_web::http::Uri;
use actix_web::http::uri::Scheme;

use crate::service::Service;
use crate::workload::{Example, in_url};

/// A line for each example. `base` comes from [`base`].
pub fn commands(service: &Service, base: &str) -> String {
    let examples = service.examples();
    examples
        .map(|(path, example)| command(&format!("{base}{path}"), example))
        .collect()
}

fn command(url: &str, Example { label, times, .. }: &Example) -> String {
    let url = quoted(url);
    // A comment ends with its line.
    let label = label.replace(char::is_control, " ");
    match times {
        1 => format!("curl {url}  # {label}\n"),
        _ => format!("seq {times} | xargs -P {times} -I{{}} curl -s {url}  # {label}\n"),
    }
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

    #[test]
    fn a_service_without_examples_has_no_commands() {
        let service = Service::new("plain", "1").workloads(drill::FAULTS);
        assert_eq!(commands(&service, "http://localhost:5000"), "");
    }

    #[test]
    fn a_label_stays_in_its_comment() {
        let example = Example::new("two\nrm -rf lines", "");
        let command = command("http://localhost/", &example);
        assert_eq!(command, "curl 'http://localhost/'  # two rm -rf lines\n");
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
