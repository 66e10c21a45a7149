//! A head that is refused, and the request that takes its place.

use actix_web::http::Method;

use super::head::Fault;

/// Names a request to its caller and in every log on the way.
pub const X_REQUEST_ID: &str = "x-request-id";

/// The longest id that is taken over from a caller: enough for a UUID with a prefix.
const REQUEST_ID_MAX: usize = 128;

/// How much of a line that is no request is logged, in bytes.
const LOGGED_MAX: usize = 256;

/// What is wrong with a head, and what can be read of it nevertheless.
#[derive(Debug)]
pub struct RefusedHead {
    /// The answer.
    pub fault: Fault,
    /// `-` if there is none.
    pub method: Method,
    /// The beginning of what should be the target, fit for a log.
    pub target: String,
}

impl RefusedHead {
    pub(super) fn of(fault: Fault, head: &[u8]) -> Self {
        let line = head.trim_ascii_start();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut words = line.trim_ascii_end().splitn(2, |byte| *byte == b' ');
        let method = Method::from_bytes(words.next().unwrap_or_default()).ok();
        let target = match method {
            Some(_) => words.next().unwrap_or_default(),
            None => line,
        };
        let version = target.windows(6).rposition(|bytes| bytes == b" HTTP/");
        let target = &target[..version.unwrap_or(target.len()).min(LOGGED_MAX)];
        Self {
            fault,
            method: method.unwrap_or_else(|| Method::from_bytes(b"-").expect("it is a token")),
            target: target.escape_ascii().to_string(),
        }
    }

    /// The head that asks for the refusal of `head`. It has the id that the caller gave its request.
    pub(super) fn stand_in(&self, head: &[u8]) -> String {
        // The answer to HEAD has no body, either.
        let method = if self.method == Method::HEAD {
            "HEAD"
        } else {
            "GET"
        };
        let lines = head.trim_ascii_start().split(|byte| *byte == b'\n');
        // What follows an empty line is another request, if it is one.
        let mut lines = lines.take_while(|line| !line.trim_ascii_end().is_empty());
        let id = lines.find_map(|line| {
            let (name, value) = str::from_utf8(line).ok()?.split_once(':')?;
            let id = value.trim();
            (name.eq_ignore_ascii_case(X_REQUEST_ID) && is_sane_id(id)).then_some(id)
        });
        // An empty one is none.
        let id = id.unwrap_or_default();
        format!("{method} * HTTP/1.1\r\nHost:\r\nConnection: close\r\n{X_REQUEST_ID}: {id}\r\n\r\n")
    }
}

/// Whether an id is short and cannot upset a log.
pub fn is_sane_id(id: &str) -> bool {
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(is_sane)
}

#[cfg(test)]
mod tests {
    use super::super::head;
    use super::*;

    fn refused(head: &str) -> (RefusedHead, String) {
        let refused = RefusedHead::of(head::SLOW, head.as_bytes());
        let stand_in = refused.stand_in(head.as_bytes());
        (refused, stand_in)
    }

    #[test]
    fn what_can_be_read_of_a_bad_head_is_in_the_log() {
        for (head, method, target) in [
            ("GET /a?b=ü HTTP/1.1\r\nHost: x", "GET", r"/a?b=\xc3\xbc"),
            ("\r\nGET /a b HTTP/3", "GET", "/a b"),
            ("HEAD", "HEAD", ""),
            ("\u{16}\u{3}\u{1}", "-", r"\x16\x03\x01"),
            ("", "-", ""),
        ] {
            let (refused, _) = refused(head);
            assert_eq!(
                (refused.method.as_str(), refused.target.as_str()),
                (method, target),
                "{head:?}"
            );
        }
        let (long, _) = refused(&format!("GET /{}", "a".repeat(2 * LOGGED_MAX)));
        assert_eq!(long.target.len(), LOGGED_MAX);
    }

    #[test]
    fn the_request_for_a_refusal_has_the_id_of_the_caller_if_that_is_sane() {
        let id = |head: &str| {
            let (_, stand_in) = refused(head);
            let (_, id) = stand_in.split_once("x-request-id: ").unwrap();
            id.trim_end().to_owned()
        };
        assert_eq!(
            id("GET /\r\nX-REQUEST-ID:  order-66_b.7 \r\nHost: x\r\n"),
            "order-66_b.7"
        );
        for none in [
            "GET /",
            "GET /\r\nX-Request-Id: a\"b\r\n",
            "GET /\r\nX-Request-Id: a\rHost: b\n",
            "GET /ü\r\n\r\nGET /\r\nX-Request-Id: another\r\n\r\n",
        ] {
            assert_eq!(id(none), "", "{none:?}");
        }
    }

    #[test]
    fn the_answer_to_a_bad_head_request_has_no_body() {
        assert!(refused("HEAD /ü HTTP/1.1").1.starts_with("HEAD * "));
        assert!(refused("POST /ü HTTP/1.1").1.starts_with("GET * "));
    }
}
