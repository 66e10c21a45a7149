//! The connections of the admin side: few, and with as little room for a head as those of the public side.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::{App, Error};
use futures_util::future::{Either, ready};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::problem::problem;
use crate::descriptors::few_connections;
use crate::entrance;
use crate::heads::{ConnectionTalk, Heads, LINGER, RefusedHead, WRITE_BYTES};

/// How long a head may take, and how long an idle connection is kept.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers what comes to `listener`, until the process ends. There are few connections; when one comes that is too
/// many, the oldest ends, so that no client can keep probes out. Calls `is_ready` before the first.
pub(super) async fn serve(
    listener: TcpListener,
    app: App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        > + 'static,
    >,
    is_ready: impl FnOnce(),
) -> std::io::Result<()> {
    let app = app.wrap_fn(|request, service| {
        let talk = request
            .conn_data::<Rc<ConnectionTalk>>()
            .cloned()
            .unwrap_or_default();
        if request.head().connection_type() != ConnectionType::KeepAlive {
            talk.end();
        }
        let answer = match talk.take_refused() {
            Some(refused) => Either::Left(ready(Ok(refuse(request, &refused)))),
            None => Either::Right(service.call(request)),
        };
        async move {
            let answer = answer.await;
            talk.end_answer();
            answer
        }
    });
    let service = HttpService::build()
        .h1_write_buffer_size(WRITE_BYTES)
        .keep_alive(PATIENCE)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        .on_connect_ext(|heads: &Heads<TcpStream>, data| {
            data.insert(heads.talk());
        })
        .h1(map_config(app, |()| AppConfig::default()))
        .new_service(())
        .await;
    let service = Rc::new(service.expect("an app without initialisers starts"));
    let listener = tokio::net::TcpListener::from_std(listener)?;
    is_ready();
    let most = few_connections();
    let mut here: VecDeque<Rc<Notify>> = VecDeque::new();
    loop {
        let stream = entrance::next(&listener, || {}).await;
        // A connection that has ended has dropped its copy.
        here.retain(|end| Rc::strong_count(end) > 1);
        if here.len() >= most {
            // Every answer here is there at once: who was first has nothing to say, or does not read.
            here.pop_front().inspect(|end| end.notify_one());
            // Which happens now.
            yield_now().await;
        }
        let end = Rc::new(Notify::new());
        here.push_back(end.clone());
        let service = service.clone();
        actix_rt::spawn(async move {
            let client = stream.peer_addr().ok();
            let heads = Heads::new(stream, ConnectionTalk::begin(true), PATIENCE);
            // The client may leave at any time.
            tokio::select! {
                _ = service.call((heads, client)) => {}
                () = end.notified() => {}
            }
        });
    }
}

fn refuse(request: ServiceRequest, refused: &RefusedHead) -> ServiceResponse {
    let answer = problem(refused.fault.0, "bad_request", refused.fault.1);
    request.into_response(answer)
}
