//! The public routes on connections, however these were accepted.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::http::KeepAlive;
use actix_web::web;
use tokio::net::TcpStream;

use super::app::{Witness, app};
use super::connection::{Connection, Conversation};
use super::front::Front;
use super::room::Room;
use crate::heads::{Heads, LINGER, WRITE_BYTES};

/// Answers one connection.
pub type Serve = Rc<dyn Fn(TcpStream) -> Pin<Box<dyn Future<Output = ()>>>>;

/// The public routes of `front`, whose requests `witness` is told of. A client may take `head_timeout` to
/// send a head. Each connection has a place in `room`.
pub async fn service(
    front: web::Data<Front>,
    witness: Witness,
    keep_alive: KeepAlive,
    head_timeout: Duration,
    room: Rc<Room>,
) -> Serve {
    let keeps = keep_alive != KeepAlive::Disabled;
    let service = HttpService::build()
        .keep_alive(keep_alive)
        .h1_write_buffer_size(WRITE_BYTES)
        // It knows the first head of a connection only, and answers below everything that counts.
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        // A client that closes its end has left. Its request is dropped, which frees its slot.
        .h1_allow_half_closed(false)
        .on_connect_ext(|heads: &Heads<Connection>, data| {
            data.insert(heads.stream().conversation());
        })
        .h1(map_config(app(front.clone(), witness), |()| {
            AppConfig::default()
        }))
        .new_service(())
        .await;
    let service = Rc::new(service.expect("an app without initialisers starts"));
    Rc::new(move |stream| {
        let (service, front) = (service.clone(), front.clone());
        // Now, and not when it is first polled: until then the room would not know of this connection.
        let leaving = front.leaving.subscribe();
        let conversation = Conversation::begin(keeps);
        let place = room.enter(&conversation);
        Box::pin(async move {
            let client = stream.peer_addr().ok();
            // An answer in two parts would wait for the client to acknowledge the first, for up to 40 ms.
            stream.set_nodelay(true).ok();
            front.give_up_in_the_end(&stream);
            let connection = Connection::new(stream, conversation.clone());
            let heads = Heads::new(connection, conversation.talk.clone(), head_timeout);
            tokio::select! {
                // First: what it decides is seen when the connection is read.
                biased;
                () = conversation.end_after(leaving) => {}
                // The client may leave at any time.
                _ = service.call((heads, client)) => {}
            }
            drop(place);
        })
    })
}
