//! The public routes on connections that were accepted by this code and not by an actix server. Each
//! connection serves one request: a worker that kept it could serve no other client meanwhile.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::http::KeepAlive;
use actix_web::web;
use tokio::net::TcpStream;

use crate::http::{self, Front, Witness};

/// How long a client may take to send the head of its request. As a rule it arrived long ago, while the
/// connection waited in the kernel's queue.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may take to close its end: the default of actix.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers one connection.
pub(super) type Serve = Rc<dyn Fn(TcpStream) -> Pin<Box<dyn Future<Output = ()>>>>;

/// The public routes of `front`, whose requests `witness` is told of.
pub(super) async fn service(front: web::Data<Front>, witness: Witness) -> Serve {
    let cut = front.clone();
    let app = http::app(front, witness);
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
        let (service, front) = (service.clone(), cut.clone());
        Box::pin(async move {
            let client = stream.peer_addr().ok();
            front.give_up_in_the_end(&stream);
            tokio::select! {
                // The client may leave at any time.
                _ = service.call((stream, client)) => {}
                // It takes its answer too slowly, and this worker has only one connection.
                () = front.cut.notified() => {}
            }
        })
    })
}
