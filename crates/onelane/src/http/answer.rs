//! From the answer of a workload to a response: whether it keeps to the rules, and whether the caller has it
//! already.

use actix_web::http::header::{
    CONTENT_TYPE, ETAG, EntityTag, Header, HeaderName, HeaderValue, IfNoneMatch,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;

use super::handing::Handing;
use super::own::checked;
use crate::executor::{Answer, Pieces};
use crate::workload::ReplyHead;

/// Statuses whose answers have no body.
const BODILESS: [StatusCode; 2] = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];

/// The response to `request`. The error says what the author of the service has to put right.
pub(super) async fn respond(
    request: &HttpRequest,
    answer: Answer,
    hand_out: impl FnOnce(Option<u64>, Pieces) -> Handing,
) -> Result<HttpResponse, String> {
    let Answer {
        head,
        length,
        pieces,
        ..
    } = answer;
    let head = Checked::of(&head);
    let has_it = head.as_ref().is_ok_and(|head| head.is_known_to(request));
    if head.is_err() || has_it {
        finish(length, pieces).await;
        let mut head = head?;
        head.status = StatusCode::NOT_MODIFIED;
        return Ok(head.response().finish());
    }
    let head = head?;
    let mut response = head.response();
    if BODILESS.contains(&head.status) {
        finish(length, pieces).await;
        return match length {
            Some(0) => Ok(response.finish()),
            _ => Err(format!("an answer of status {} has no body", head.status)),
        };
    }
    if let Some(content_type) = head.content_type {
        response.insert_header((CONTENT_TYPE, content_type));
    }
    let body = hand_out(length, pieces);
    Ok(match length {
        Some(length) => response.no_chunking(length).body(body),
        None => response.body(body),
    })
}

/// Takes the rest of an answer that is there, so that its child can be used again. One that is still
/// computed is given up.
async fn finish(length: Option<u64>, mut pieces: Pieces) {
    if length.is_some() {
        while let Some(Ok(_)) = pieces.next().await {}
    }
}

/// What comes before a body, if a workload may say so.
struct Checked {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Checked {
    fn of(head: &ReplyHead) -> Result<Self, String> {
        let status = Some(head.status)
            .filter(|status| (200..=599).contains(status) && ![403, 499].contains(status))
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or_else(|| format!("{} is no status for a workload to answer with", head.status))?;
        let content_type = head.content_type.as_ref();
        let content_type = content_type
            .map(|of| HeaderValue::try_from(of).map_err(|_| format!("{of:?} is no content type")));
        let headers = head.headers.iter();
        let headers: Result<_, _> = headers.map(|(name, value)| checked(name, value)).collect();
        Ok(Self {
            status,
            content_type: content_type.transpose()?,
            headers: headers?,
        })
    }

    fn response(&self) -> actix_web::HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status);
        for header in &self.headers {
            response.append_header(header.clone());
        }
        response
    }

    /// Whether the caller has this very answer, and asks only for another one (RFC 9110, 13.1.2).
    fn is_known_to(&self, request: &HttpRequest) -> bool {
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        let mut headers = self.headers.iter();
        let tag = headers.find(|(name, _)| name == ETAG);
        let tag = tag.and_then(|(_, value)| value.to_str().ok()?.parse::<EntityTag>().ok());
        let (true, StatusCode::OK, Some(tag)) = (reads, self.status, tag) else {
            return false;
        };
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => request.headers().contains_key("if-none-match"),
            Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&tag)),
            Err(_) => false,
        }
    }
}
