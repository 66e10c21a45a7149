//! The public routes on the connections of a cluster. Each serves one request: a worker that kept it could
//! serve no other client meanwhile.

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::web;

use crate::http::{self, Front, Room, Serve, Witness};

/// How long a client may take to send the head of its request. As a rule it arrived long ago, while the
/// connection waited in the kernel's queue.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

/// The public routes of `front`, whose requests `witness` is told of. Each connection has a place in `room`.
pub(super) async fn service(front: web::Data<Front>, witness: Witness, room: Rc<Room>) -> Serve {
    let (served, keep_alive) = (front.clone(), KeepAlive::Disabled);
    let serve = http::service(served, witness, keep_alive, HEAD_TIMEOUT, room).await;
    Rc::new(move |stream| {
        let (served, front) = (serve(stream), front.clone());
        Box::pin(async move {
            tokio::select! {
                () = served => {}
                // It takes its answer too slowly, and this worker has only one connection.
                () = front.cut.notified() => {}
            }
        })
    })
}
