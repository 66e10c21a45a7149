//! HTTP on connections that were accepted here and not by a server of actix: the public routes, for
//! one request each. A connection that is kept would hold whoever has it without a request.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use tokio::net::TcpStream;

use crate::http::{self, Front};

/// How long a client may take for the head of its request, which it sent long ago as a rule: its
/// connection has waited in the kernel's queue.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may take to close its end. As actix has it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers one connection.
pub(super) type Serve = Rc<dyn Fn(TcpStream) -> Pin<Box<dyn Future<Output = ()>>>>;

/// What answers for `front`. Nothing happens to a request before `begin` has returned; `end` is called
/// when it is over.
pub(super) async fn service(
    front: web::Data<Front>,
    begin: impl AsyncFn() + Clone + 'static,
    end: impl Fn() + Clone + 'static,
) -> Serve {
    let routes = front.service;
    let app = App::new()
        .app_data(front)
        .wrap_fn(move |request, service| {
            let begin = begin.clone();
            let end = OnDrop(end.clone());
            let response = service.call(request);
            async move {
                let _end = end;
                begin().await;
                response.await
            }
        })
        .wrap(from_fn(http::observe))
        .configure(|app| http::routes(app, routes));
    let service = HttpService::build()
        .keep_alive(KeepAlive::Disabled)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(CLOSE_TIMEOUT)
        .h1_allow_half_closed(false)
        .h1(map_config(app, |()| AppConfig::default()))
        .new_service(())
        .await;
    let service = Rc::new(service.expect("an app without initialisers starts"));
    Rc::new(move |stream| {
        let service = service.clone();
        Box::pin(async move {
            let client = stream.peer_addr().ok();
            // Clients may leave before they hear anything.
            service.call((stream, client)).await.ok();
        })
    })
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}
