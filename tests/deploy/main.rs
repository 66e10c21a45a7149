//! Deploy tests: the real stack, nginx in front of lanes, in containers and as plain processes.
//!
//! Every test brings up a stack of its own beside any other on this machine, and tears it down. Some run at
//! once, and those that measure alone. Without a Docker engine the tests in containers say that they are
//! skipped and pass; with CI=true they fail.

// Those that a busy machine would disturb.
mod alone;
// Who waits for whom, with one lane and with six.
mod balancing;
// Lanes come, go, stop and die while requests run.
mod lanes_change;
// POSTs, while lanes leave and come.
mod posts;
// A configuration that is changed while requests run.
mod reload;
// An nginx that does not serve any more.
mod health;
// `make up` where there is something already.
mod up_again;
// Files as another umask, another system or another place has them.
mod checkout;
// Another service of this template on the same machine.
mod neighbour;
// DNS is away, remembers too long, or is another one than usual.
mod dns;
// Where there is IPv6, and where there is nothing else.
mod ipv6;
// Docker, or its host, is stopped and comes back.
mod reboot;
// What nginx writes of each request, and who waits for that.
mod access_log;
// A client that leaves, and one that is too slow to keep.
mod clients;
// Every answer of the contract, through nginx, from either stack.
mod answers;
// Raw requests, byte by byte, and that nginx and a lane read the same in each.
mod corpus;
// Random requests, and other clients.
mod fuzz;
// One address that takes what it can get, and everybody else.
mod greedy;
// Large bodies, many of them, and such as come in pieces.
mod bodies;
// The same question, asked by many or asked again.
mod cache;
// TLS and its certificates.
mod tls;
// HTTP/2, which comes with it.
mod http2;
// Who may call, and how much.
mod api_keys;
// What nginx does with each answer of a lane.
mod hops;
// Whether answers are those of the OpenAPI document.
mod openapi;
// What the scripts suggest to try.
mod hint;
// The trace of a request, from nginx to lanes.
mod traces;
// What is in the image, and what it costs to run.
mod image;
// A lane for another kind of machine.
mod arm64;
// What a lane takes at most.
mod memory;
// Each mode in a container.
mod modes;
// The services to copy from.
mod services;
// An nginx configuration of another version than the lanes.
mod protocol;
// What the demonstration shows, where it is still there.
mod demonstration;
// Everything at once, one thing after the other.
mod soak;
// The Kubernetes manifests: pods are replaced, removed and killed.
mod rollout;

// A copy of nginx/ to change.
mod files_of_nginx;
// A Docker engine to switch off.
mod engine;
// What a cluster would do with the manifests, in containers.
mod cluster;
// The same over TLS.
mod curl;
// HTTP/2, frame by frame.
mod frames;
