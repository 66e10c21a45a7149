//! The public side as an actix app. All that serve it share one type, so that the program has what actix
//! makes of it only once.

use std::pin::Pin;
use std::rc::Rc;

use actix_service::{Service, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, web};

use super::front::Front;
use super::observe::observe;
use super::routes::routes;

/// Functions that are called for every request.
#[derive(Clone)]
pub struct Witness {
    /// Returns before anything else is done for a request.
    pub begin: Rc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>,
    /// Called when it has its answer, or needs none any more.
    pub end: Rc<dyn Fn()>,
}

impl Witness {
    /// Functions that do nothing.
    pub fn none() -> Self {
        Self {
            begin: Rc::new(|| Box::pin(async {})),
            end: Rc::new(|| {}),
        }
    }
}

/// The public routes of `front`.
pub(super) fn app(
    front: web::Data<Front>,
    witness: Witness,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let service = front.service;
    App::new()
        .app_data(front)
        .wrap_fn(move |request, service| {
            let begin = (witness.begin)();
            let end = OnDrop(witness.end.clone());
            let response = service.call(request);
            async move {
                let _end = end;
                begin.await;
                response.await
            }
        })
        .wrap(from_fn(observe))
        .configure(|app| routes(app, service))
}

/// Calls its function when dropped: a request may end by an answer, a panic, or a client that leaves.
struct OnDrop(Rc<dyn Fn()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        (self.0)();
    }
}
