//! The head of a request, judged before anything else reads it: whether there is a request in it, and where
//! its body ends. A head that could be read in two ways is refused. What is left, actix takes: what it
//! does not take, it would answer with a bare 400 that no figure counts.

use actix_web::http::uri::Authority;
use actix_web::http::{Method, StatusCode, Uri};
use httparse::{EMPTY_HEADER, Error, Request, Status};

/// The longest head in bytes. nginx sends no more than about as much.
pub(super) const HEAD_MAX: usize = 16 * 1024;

/// The most headers of a request: as many as actix takes. nginx takes 64, and adds less than the rest.
const FIELDS_MAX: usize = 96;

/// What is wrong with a head: the status for it, and words for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault(pub StatusCode, pub &'static str);

/// How long the body is that follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyLength {
    /// So many bytes.
    Bytes(u64),
    /// The chunks tell.
    Chunked,
}

const BAD_LINE: Fault = bad(
    "the request line must be a method, a path, and HTTP/1.1; in the path, spaces, quotes, < and >, \
     and whatever is not ASCII, must be percent-encoded",
);
const BAD_FIELD: Fault = bad("a header is malformed");
const BAD_VERSION: Fault = Fault(
    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    "this server speaks HTTP/1.1 and HTTP/1.0",
);
const LONG_LINE: Fault = Fault(StatusCode::URI_TOO_LONG, "the request line is too long");
const LARGE: Fault = Fault(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "the headers are too long or too many",
);
pub(super) const SLOW: Fault = Fault(
    StatusCode::REQUEST_TIMEOUT,
    "the head of the request did not arrive in time",
);

const fn bad(why: &'static str) -> Fault {
    Fault(StatusCode::BAD_REQUEST, why)
}

const fn unknown(what: &'static str) -> Fault {
    Fault(StatusCode::NOT_IMPLEMENTED, what)
}

/// The length of the head that `bytes` begin with, and what follows it. None if there is more to come.
pub(super) fn judge(bytes: &[u8]) -> Result<Option<(usize, BodyLength)>, Fault> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(Status::Complete(length)) => Ok(Some((length, body_of(&request)?))),
        Ok(Status::Partial) if bytes.len() < HEAD_MAX => Ok(None),
        Ok(Status::Partial) if !bytes.contains(&b'\n') => Err(LONG_LINE),
        Ok(Status::Partial) | Err(Error::TooManyHeaders) => Err(LARGE),
        Err(Error::Version) if names_a_version(bytes) => Err(BAD_VERSION),
        Err(Error::Version | Error::Token | Error::Status) => Err(BAD_LINE),
        Err(Error::HeaderName | Error::HeaderValue | Error::NewLine) => Err(BAD_FIELD),
    }
}

/// Whether the first line is a method, a target and a version, if one that we do not speak.
fn names_a_version(bytes: &[u8]) -> bool {
    let line = bytes.trim_ascii_start().split(|byte| *byte == b'\n').next();
    let mut words = line
        .unwrap_or_default()
        .trim_ascii_end()
        .split(|byte| *byte == b' ');
    let version = words.nth(2).unwrap_or_default();
    version.starts_with(b"HTTP/") && words.next().is_none()
}

fn body_of(request: &Request) -> Result<BodyLength, Fault> {
    let method = request.method.unwrap_or_default();
    // Of what may stand in a method, actix takes less than httparse.
    if Method::from_bytes(method.as_bytes()).is_err() {
        return Err(BAD_LINE);
    }
    if method == Method::CONNECT.as_str() {
        return Err(unknown("this server is no proxy"));
    }
    check_target(request.path.unwrap_or_default(), method)?;
    let is_old = request.version == Some(0);
    check_host(single(request, "host")?, is_old)?;
    let mut options = request.headers.iter();
    if options.any(|it| it.name.eq_ignore_ascii_case("connection") && !it.value.is_ascii()) {
        // actix would overlook that it says `close`.
        return Err(BAD_FIELD);
    }
    // actix takes all that follows for the body of such a request, whatever its head says.
    let upgrade = single(request, "upgrade")?.unwrap_or_default();
    if upgrade.eq_ignore_ascii_case(b"websocket") {
        return Err(unknown("this server does not speak WebSocket"));
    }
    let length = single(request, "content-length")?;
    match (length, single(request, "transfer-encoding")?) {
        (Some(_), Some(_)) => Err(bad("either Content-Length or Transfer-Encoding, not both")),
        (Some(length), None) => number(length).map(BodyLength::Bytes),
        (None, Some(_)) if is_old => Err(bad("there is no Transfer-Encoding in HTTP/1.0")),
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(BodyLength::Chunked),
        (None, Some(_)) => Err(unknown("the only Transfer-Encoding here is chunked")),
        (None, None) if is_old && method == Method::POST.as_str() => {
            Err(bad("a POST of HTTP/1.0 needs a Content-Length"))
        }
        (None, None) => Ok(BodyLength::Bytes(0)),
    }
}

/// A path, an address with a path, or `*`.
fn check_target(target: &str, method: &str) -> Result<(), Fault> {
    let begins = |with: &str| {
        target
            .get(..with.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(with))
    };
    let is_one = target.starts_with('/')
        || begins("http://")
        || begins("https://")
        || (target == "*" && method == Method::OPTIONS.as_str());
    if is_one && Uri::try_from(target).is_ok() {
        Ok(())
    } else {
        Err(BAD_LINE)
    }
}

fn check_host(host: Option<&[u8]>, is_old: bool) -> Result<(), Fault> {
    match host {
        None if is_old => Ok(()),
        None => Err(bad("a request of HTTP/1.1 needs a Host")),
        Some(b"") => Ok(()),
        Some(host) if !host.contains(&b'@') && Authority::try_from(host).is_ok() => Ok(()),
        Some(_) => Err(bad("the Host is none")),
    }
}

/// The value of a header that may be there once.
fn single<'a>(request: &Request<'_, 'a>, name: &str) -> Result<Option<&'a [u8]>, Fault> {
    let mut fields = request.headers.iter();
    let mut next = || fields.find(|field| field.name.eq_ignore_ascii_case(name));
    match (next(), next()) {
        (first, None) => Ok(first.map(|field| field.value.trim_ascii())),
        (_, Some(_)) => Err(bad(
            "Host, Content-Length, Transfer-Encoding or Upgrade is there twice",
        )),
    }
}

/// Digits, and nothing else: not even a sign.
fn number(digits: &[u8]) -> Result<u64, Fault> {
    let text = str::from_utf8(digits).ok();
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or(bad("the Content-Length is no number"))
}
