//! The services to copy from, in the whole stack, as `make up SERVICE=…` starts it: whichever there are in
//! `examples/services`. A clone may have none.

mod claims;
mod load;
mod needs;
mod requests;

use onelane_stack::{
    Compose, Lane, Reply, alone, ask, docker, eventually, in_background, output, say,
};
use requests::Request;

/// One that needs no packages, because its image is built soonest.
#[tokio::test]
async fn a_service_holds_what_the_stack_promises() {
    let _alone = alone().await;
    let without_packages =
        |service: &String| !requests::manifest(service).contains("\npackages = ");
    if let Some(service) = requests::services().into_iter().rfind(without_packages) {
        holds_what_the_stack_promises(&service).await;
    }
}

#[tokio::test]
#[ignore = "make prove: it builds an image of each, with all packages that they need"]
async fn every_service_holds_what_the_stack_promises() {
    for service in requests::services() {
        holds_what_the_stack_promises(&service).await;
    }
}

async fn holds_what_the_stack_promises(service: &str) {
    let Some(stack) = Compose::up_with(1, &[("SERVICE", service)]).await else {
        return;
    };
    say(&format!("{service} is up"));
    let requests = requests::of(service);
    let lane = stack.lanes().await.remove(0);
    let idle = processes(&lane).await;

    claims::hold(service, &lane).await;
    answers(&stack, &requests).await;
    takes_its_longest_body(&stack, &lane, &requests[0]).await;
    let slow = &requests::slowest(&requests);
    is_stopped_when_its_client_leaves(&stack, slow).await;
    is_stopped_in_time(&stack, slow).await;
    lanes_come_and_go(&stack, service, &requests).await;

    let lane = stack.lanes().await.remove(0);
    eventually("only the processes of an idle lane", async || {
        (processes(&lane).await == idle).then_some(())
    })
    .await;
}

/// How many there are in its container.
async fn processes(lane: &Lane) -> usize {
    let table = docker(["top", &lane.container, "-o", "pid"]).await;
    table.lines().skip(1).count()
}

async fn answers(stack: &Compose, requests: &[Request]) {
    for request in requests {
        let reply = ask(request.to(&stack.base)).await;
        request.is_answered_by(&reply);
    }
}

/// nginx lets in what a route takes: whatever a lane then says of it.
async fn takes_its_longest_body(stack: &Compose, lane: &Lane, request: &Request) {
    let routes = docker(["exec", &lane.container, "/lane", "routes"]).await;
    let path = request.path.split('?').next().expect("a first part");
    let mut lines = routes
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let route = lines.find(|words| words.get(1) == Some(&path));
    let route = route.unwrap_or_else(|| panic!("{path} is no route of\n{routes}"));
    let longest = route.iter().find_map(|word| word.parse().ok());
    let body = vec![b' '; longest.expect("a route with a body")];
    let reply = ask(request.to(&stack.base).body(body)).await;
    // It may even be a document.
    let was_seen = reply.status < 500 && reply.status != 413;
    assert!(was_seen, "{}: {}", reply.status, reply.json);
    assert_eq!(reply.host(), lane.host, "a lane has seen it");
}

/// A quick lane may be done before the test has seen it busy, or has left: then the client asks once more.
async fn is_stopped_when_its_client_leaves(stack: &Compose, slow: &Request) {
    let lane = stack.lanes().await.remove(0);
    eventually("a request that ends with its client", async || {
        let request = in_background(slow.to(&stack.base));
        while !lane.is_busy().await {
            if request.is_finished() {
                return None;
            }
        }
        request.abort();
        eventually("an idle lane", async || {
            (!lane.is_busy().await).then_some(())
        })
        .await;
        lane.counts_a_client_that_left().await.then_some(())
    })
    .await;
    assert_eq!(stack.get("/fast").await.status, 200);
}

async fn is_stopped_in_time(stack: &Compose, slow: &Request) {
    let Reply { status, json, .. } = ask(slow.to(&stack.base).header("X-Timeout", "0.01")).await;
    assert_eq!((status, &json["reason"]), (504, &"request_timeout".into()));
}

/// Clients do not notice.
async fn lanes_come_and_go(stack: &Compose, service: &str, requests: &[Request]) {
    // However quick they are, lanes are busy.
    let requests = [requests, &[requests::drill(300)]].concat();
    let load = load::start(&stack.base, &requests);
    load.answered(3).await;
    let said = output(stack.up_again().env("LANES", "3")).await;
    let kept = format!("SERVICE={service}");
    assert!(said.contains(&kept), "{said}");
    assert_eq!(stack.lanes().await.len(), 3, "{said}");
    load.answered(6).await;

    // In the middle of a request.
    let lanes = stack.busy(3).await;
    docker(["kill", &lanes[0].container]).await;
    load.answered(6).await;
    docker(["stop", &lanes[1].container]).await;
    load.answered(6).await;

    output(stack.up_again().env("LANES", "3")).await;
    load.answered(6).await;
    output(stack.up_again().env("LANES", "1")).await;
    load.answered(3).await;
    load.stop().await;
    assert_eq!(stack.lanes().await.len(), 1);
}
