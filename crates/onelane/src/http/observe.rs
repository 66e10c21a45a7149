//! The outermost middleware: all that happens to a request is counted, logged and labelled here,
//! once, and nowhere else. It ends with the last byte of the body. A request whose client leaves is dropped
//! in the middle; the observation then ends with status 499, or with the one that was sent. Only a probe of
//! nginx leaves no trace, as long as all is well.

use std::rc::Rc;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;

use super::connection::{Conversation, Exchange};
use super::cors;
use super::observation::Observation;
use super::observed::Observed;
use super::problem::HttpProblem;
use super::protocol::{self, Sender};
use super::reason::ResponseReason;

/// Observes one request from its head to the end of its response.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let sender = Sender::of(request.headers());
    let of_balancer = matches!(sender, Sender::Balancer | Sender::Probe);
    let conversation = request.conn_data::<Rc<Conversation>>().cloned();
    let exchange = Exchange::begin(conversation.as_ref(), request.headers(), of_balancer);
    let refused = conversation.as_ref().and_then(|it| it.talk.take_refused());
    if sender == Sender::Probe {
        // Every other second from each nginx: figures and logs are about requests.
        let response = request.into_response(protocol::fits());
        return Ok(response.map_body(|_, body| Observed::new(body, exchange, None, 0, None)));
    }
    let mut observation = Observation::begin(&request);
    let answer = match refused {
        None => answer(request, sender, next).await,
        Some(refused) => {
            observation.method = refused.method;
            observation.uri = refused.target;
            let response = HttpProblem::BadHead(refused.fault).respond(request.request());
            Ok(request.into_response(response))
        }
    };
    match answer {
        Ok(mut response) => {
            observation.label(response.headers_mut());
            if let Some(it) = conversation.as_ref().filter(|_| !observation.keeps_slot()) {
                it.hand_over();
            }
            let asked = response.request().clone();
            let talk = conversation.as_ref().map(|it| &it.talk);
            let ends = talk.is_some_and(|talk| talk.ends())
                || conversation.as_ref().is_some_and(|it| it.leaves())
                || *observation.front.leaving.borrow()
                // An upgrade, too: actix ends such a connection, but says that it becomes another one.
                || asked.head().connection_type() != ConnectionType::KeepAlive;
            if ends {
                let head = response.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
                talk.inspect(|talk| talk.end());
            }
            let origins = &observation.front.cors_origins;
            cors::label(response.headers_mut(), asked.headers(), origins);
            let status = response.status().as_u16();
            let extensions = response.response().extensions();
            let reason = extensions.get::<ResponseReason>().map(|reason| reason.0);
            drop(extensions);
            Ok(response.map_body(|_, body| {
                Observed::new(body, exchange, Some(observation), status, reason)
            }))
        }
        Err(err) => {
            let status = err.as_response_error().status_code();
            observation.record(status.as_u16(), None, 0);
            Err(err)
        }
    }
}

/// What the route answers, if we understand who passed the request on.
async fn answer(
    request: ServiceRequest,
    sender: Sender,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if let Some(problem) = sender.problem() {
        let response = problem.respond(request.request());
        return Ok(request.into_response(response));
    }
    let response = next.call(request).await?;
    Ok(response.map_into_boxed_body())
}
