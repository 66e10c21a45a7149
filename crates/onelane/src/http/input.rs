//! From a request to what a workload is asked: the parameters of its path, its query and its body.

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use actix_web::{HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use form_urlencoded::Serializer;
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use super::connection::Conversation;
use super::front::Front;
use super::headers::text;
#[cfg(feature = "multipart")]
use super::parts;
use super::portion::Portion;
use super::problem::HttpProblem;
use crate::folder::Folder;
use crate::workload::{BodyKind, Definition, Format, Route, Source};

/// How long a body may take. As long as actix lets a head take; the slot is taken meanwhile.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// An unwanted body up to this length is read all the same, so that its connection can be used again.
/// nginx asks for a slot with bodies of this length; what is longer, it sends when there is one.
const SMALL_BYTES: u64 = 64 * 1024;

/// What the head of `request` asks for: everything but the body. The error is for what no body could make
/// right. nginx may have `sent` the head alone.
pub(super) fn of_head(
    request: &HttpRequest,
    workload: &Definition,
    route: &Route,
    sent: &Portion,
) -> Result<Source, HttpProblem> {
    let has_body = *sent == Portion::Head || has_body(request);
    let mut source = Source {
        headers: headers(request),
        query: query(request)?,
        format: format(request, route, has_body)?,
        max_age: match *request.method() {
            Method::GET | Method::HEAD => route.max_age,
            _ => 0,
        },
        ..Source::default()
    };
    if length(request).is_some_and(|length| length > route.body.limit as u64) {
        return Err(HttpProblem::BodyTooLarge(route.body.limit));
    }
    #[cfg(feature = "multipart")]
    parts::check_head(request, route, source.format)?;
    if matches!(source.format, Format::Absent | Format::Raw) {
        preset(&mut source, route);
        check(&source, workload)?;
    }
    Ok(source)
}

/// Reads the body, if there is one. What of it is not for memory is in the folder of the request, which is
/// returned.
pub(super) async fn read(
    source: &mut Source,
    request: &HttpRequest,
    body: web::Payload,
    route: &Route,
    front: &Front,
) -> Result<Folder, HttpProblem> {
    let folder = front.folders.next();
    match source.format {
        Format::Absent => return Ok(folder),
        #[cfg(feature = "multipart")]
        Format::Parts => {
            let parts = parts::read(request, body, route, folder.place(), front);
            (source.parts, source.body) = in_time(request, parts).await?;
        }
        Format::Json | Format::Form | Format::Raw => {
            let whole = whole(body, length(request), route.body.limit);
            source.body = in_time(request, whole).await?;
        }
    }
    if source.body.is_empty() && source.format == Format::Json {
        source.format = Format::Absent;
        preset(source, route);
    }
    Ok(folder)
}

/// What `reading` makes of a body, which may take so long and no longer.
async fn in_time<T>(
    request: &HttpRequest,
    reading: impl Future<Output = Result<T, HttpProblem>>,
) -> Result<T, HttpProblem> {
    want(request);
    tokio::select! {
        // First: what is all there is not broken.
        biased;
        read = timeout(BODY_TIMEOUT, reading) => read.unwrap_or(Err(HttpProblem::BodyTooSlow)),
        () = broken(request) => {
            Err(HttpProblem::BadRequest("body: its chunks are malformed".to_owned()))
        }
    }
}

/// All of a body, whose `length` the head may have told, and which was no longer than the limit then. It has room
/// from the beginning: one that grows is there twice at times.
async fn whole(
    mut body: web::Payload,
    length: Option<u64>,
    limit: usize,
) -> Result<Bytes, HttpProblem> {
    let length = length.and_then(|length| usize::try_from(length).ok());
    let mut bytes = BytesMut::with_capacity(length.unwrap_or_default());
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|err| HttpProblem::BadRequest(format!("body: {err}")))?;
        if piece.len() > limit - bytes.len() {
            return Err(HttpProblem::BodyTooLarge(limit));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Has all of the body come.
fn want(request: &HttpRequest) {
    if let Some(conversation) = request.conn_data::<Rc<Conversation>>() {
        conversation.want_body();
    }
}

/// Returns if there is no way to read the body any further.
async fn broken(request: &HttpRequest) {
    match request.conn_data::<Rc<Conversation>>() {
        Some(conversation) => conversation.talk.broken().await,
        None => pending().await,
    }
}

/// Reads a small body and drops it.
pub(super) async fn discard(request: &HttpRequest, mut body: web::Payload) {
    if length(request).is_some_and(|length| (1..=SMALL_BYTES).contains(&length)) {
        want(request);
        let read = async { while let Some(Ok(_)) = body.next().await {} };
        timeout(BODY_TIMEOUT, read).await.ok();
    }
}

fn check(source: &Source, workload: &Definition) -> Result<(), HttpProblem> {
    let checked = workload.check(source);
    checked.map_err(|err| HttpProblem::BadRequest(err.to_string()))
}

/// A request without any input gets the route's preset.
fn preset(source: &mut Source, route: &Route) {
    if source.query.is_empty() {
        route.preset.clone_into(&mut source.query);
    }
}

/// The headers for the workload: what is text, and not between nginx and lanes.
fn headers(request: &HttpRequest) -> Vec<(String, String)> {
    let headers = request.headers().iter();
    let own = headers.filter(|(name, _)| !name.as_str().starts_with("x-lane-"));
    let text =
        own.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    text.collect()
}

/// The parameters of the path, then those of the query.
fn query(request: &HttpRequest) -> Result<String, HttpProblem> {
    let query = request.query_string();
    if request.match_info().is_empty() {
        return Ok(query.to_owned());
    }
    // The parameters would have replacement characters instead.
    if percent_decode_str(request.uri().path())
        .decode_utf8()
        .is_err()
    {
        return Err(HttpProblem::BadRequest(
            "the path is not valid UTF-8".to_owned(),
        ));
    }
    let mut parameters = Serializer::new(String::new());
    for (name, value) in request.match_info().iter() {
        parameters.append_pair(name, &percent_decode_str(value).decode_utf8_lossy());
    }
    let parameters = parameters.finish();
    Ok(match query {
        "" => parameters,
        query => format!("{parameters}&{query}"),
    })
}

/// How the body is to be read, if it is of a type that the route takes.
fn format(request: &HttpRequest, route: &Route, has_body: bool) -> Result<Format, HttpProblem> {
    if !has_body {
        let is_named = request.headers().contains_key(CONTENT_TYPE);
        if is_named && is_sent(request.method()) && !takes(route.body.kind, request) {
            return Err(HttpProblem::UnsupportedMediaType(accepted(route.body.kind)));
        }
        return Ok(Format::Absent);
    }
    match route.body.kind {
        // The body of a GET means nothing.
        _ if !is_sent(request.method()) => Ok(Format::Absent),
        BodyKind::Json if takes(BodyKind::Json, request) => Ok(Format::Json),
        BodyKind::Form if takes(BodyKind::Form, request) => Ok(Format::Form),
        kind @ BodyKind::Raw(_) if takes(kind, request) => Ok(Format::Raw),
        #[cfg(feature = "multipart")]
        kind @ BodyKind::Multipart(_) if takes(kind, request) => Ok(Format::Parts),
        kind => Err(HttpProblem::UnsupportedMediaType(accepted(kind))),
    }
}

/// Whether requests of this method have a body that means something.
fn is_sent(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

fn has_body(request: &HttpRequest) -> bool {
    request.headers().contains_key(TRANSFER_ENCODING)
        || length(request).is_some_and(|length| length > 0)
}

/// The length of the body, if the head tells it.
fn length(request: &HttpRequest) -> Option<u64> {
    number(request.headers(), &CONTENT_LENGTH)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    text(headers, name.as_str())?.parse().ok()
}

/// Whether this is a type of this kind of body.
fn takes(kind: BodyKind, request: &HttpRequest) -> bool {
    let essence = request.content_type().to_ascii_lowercase();
    match kind {
        BodyKind::None => false,
        // Or a type built on it.
        BodyKind::Json => {
            essence == "application/json"
                || (essence.starts_with("application/") && essence.ends_with("+json"))
        }
        BodyKind::Form => essence == "application/x-www-form-urlencoded",
        #[cfg(feature = "multipart")]
        BodyKind::Multipart(_) => essence == "multipart/form-data",
        BodyKind::Raw(types) => types.iter().any(|taken| match taken.strip_suffix('*') {
            Some("*/") => true,
            Some(beginning) => essence.starts_with(beginning),
            None => essence == taken.to_ascii_lowercase(),
        }),
    }
}

/// The types of this kind of body, in words.
fn accepted(kind: BodyKind) -> String {
    match kind {
        BodyKind::None => "this route takes no body".to_owned(),
        BodyKind::Json => "the body must be JSON, and its Content-Type must say so".to_owned(),
        BodyKind::Form => "the body must be application/x-www-form-urlencoded".to_owned(),
        #[cfg(feature = "multipart")]
        BodyKind::Multipart(_) => "the body must be multipart/form-data".to_owned(),
        BodyKind::Raw(types) => format!("the body must be {}", types.join(" or ")),
    }
}
