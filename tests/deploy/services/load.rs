//! Clients that ask without a pause.

use onelane_load::Clients;
use onelane_stack::ask;

use super::requests::Request;

/// One more than there are lanes at most.
const CLIENTS: usize = 4;

/// Each of these in turn. It fails where one is not answered as it should be.
pub(super) fn start(base: &str, requests: &[Request]) -> Clients<()> {
    let (base, requests) = (base.to_owned(), requests.to_vec());
    Clients::start(CLIENTS, move |number| {
        let request = requests[number % requests.len()].clone();
        answered(base.clone(), request)
    })
}

async fn answered(base: String, request: Request) {
    let mut reply = ask(request.to(&base)).await;
    // It has waited for seconds, and its lane goes: the balancer has no more rounds for it (README, Limits).
    while request.slow && reply.json["reason"] == "no_lane" {
        reply = ask(request.to(&base)).await;
    }
    request.is_answered_by(&reply);
}
