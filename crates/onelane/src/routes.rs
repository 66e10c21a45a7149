//! The role that prints what there is to ask: a line for each route, with its methods, its path and, where it
//! takes a body, the types of that and the most bytes; then for how many seconds an answer may be given again.

use crate::service::Service;
use crate::workload::Route;

/// The routes of a service, in the order of their declaration.
pub fn list(service: &Service) -> String {
    service.routes().map(|(_, route)| line(route)).collect()
}

fn line(route: &Route) -> String {
    let methods: Vec<_> = route.methods.iter().map(|method| method.name()).collect();
    let body = match route.body.kind.types() {
        [] => String::new(),
        types => format!(" {} {}", types.join(","), route.body.limit),
    };
    let kept = match route.max_age {
        0 => String::new(),
        seconds => format!(" max-age={seconds}"),
    };
    format!("{} {}{body}{kept}\n", methods.join(","), route.path)
}
