//! Answers for connections that no worker gets to: the parent takes them out of the kernel's queue
//! and says 503, through the same routes as everybody else, so that they are labelled, logged and
//! counted like everything else.

use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use tokio::net::TcpStream;

use crate::admin::Local;
use crate::config::Settings;
use crate::gate::{Gate, Refusal};
use crate::http::{self, Estimate, Lane};
use crate::server;

/// How long a client may take for its request, which it sent long ago as a rule.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// Says the same to everybody.
#[derive(Clone)]
pub(super) struct Refuser(Rc<dyn Fn(TcpStream)>);

impl Refuser {
    /// One that gives `refusal` as the reason, on the current thread.
    pub(super) async fn new(
        settings: &Settings,
        local: &Local,
        refusal: Refusal,
        estimated_wait: Estimate,
    ) -> Self {
        let gate = Gate::new(0, 0);
        gate.close(refusal);
        let local = Local {
            gate,
            ..local.clone()
        };
        let lane = server::lane_with(settings, &local, estimated_wait);
        let service = service(lane).await;
        Self(Rc::new(move |stream| {
            actix_rt::spawn(service(stream));
        }))
    }

    /// Takes up to `count` connections out of the queue, the oldest first, and refuses them.
    /// Returns how many there were.
    pub(super) fn refuse(&self, listener: &TcpListener, count: usize) -> u64 {
        let mut refused = 0;
        for _ in 0..count {
            // The socket does not block: a worker may have been faster.
            let Ok((stream, _)) = listener.accept() else {
                break;
            };
            refused += 1;
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                (self.0)(stream);
            }
        }
        refused
    }
}

/// The public routes, for connections that were accepted elsewhere.
async fn service(lane: web::Data<Lane>) -> impl Fn(TcpStream) -> BoxFuture {
    let app = App::new()
        .app_data(lane)
        .wrap(from_fn(http::observe))
        .configure(http::routes);
    let service = HttpService::build()
        .keep_alive(KeepAlive::Disabled)
        .client_request_timeout(HEAD_TIMEOUT)
        .h1(map_config(app, |()| AppConfig::default()))
        .new_service(())
        .await;
    let service = Rc::new(service.expect("an app without initialisers starts"));
    move |stream| {
        let service = service.clone();
        Box::pin(async move {
            // Whoever is refused may leave before hearing it.
            service.call((stream, None)).await.ok();
        })
    }
}

type BoxFuture = std::pin::Pin<Box<dyn Future<Output = ()>>>;
