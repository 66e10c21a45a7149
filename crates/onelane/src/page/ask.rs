//! What the page offers to send: the examples of each route, and a panel where one can send a body that has none.

use crate::service::Service;
use crate::workload::{Body, BodyKind, Example, Method, Route};

/// Stands in for the examples of a route that is asked with a body.
const ANY: &[Example] = &[Example::new("", "")];

/// A request to send.
pub(super) struct Ask {
    pub(super) label: String,
    pub(super) method: &'static str,
    /// Path and query.
    pub(super) path: String,
    pub(super) sent: Option<Body>,
    pub(super) example: &'static Example,
}

impl Ask {
    pub(super) fn is_get(&self) -> bool {
        self.method == Method::Get.name()
    }
}

/// All of it, in the order of declaration.
pub(super) fn all(service: &Service) -> Vec<Ask> {
    let routes = service.routes().map(|(_, route)| route);
    routes
        .filter(|route| can_be_sent(route))
        .flat_map(of)
        .collect()
}

/// Only the workload knows which parts a form has.
fn can_be_sent(route: &Route) -> bool {
    match route.body.kind {
        BodyKind::None | BodyKind::Json | BodyKind::Form | BodyKind::Raw(_) => true,
        #[cfg(feature = "multipart")]
        BodyKind::Multipart(_) => false,
    }
}

fn of(route: &'static Route) -> impl Iterator<Item = Ask> {
    let examples = match route.examples {
        [] if route.sent().is_some() => ANY,
        examples => examples,
    };
    examples.iter().map(move |example| ask(route, example))
}

fn ask(route: &Route, example: &'static Example) -> Ask {
    let method = route.method().name();
    let sent = route.sent();
    let query = match example.query {
        "" if sent.is_some() => route.preset,
        query => query,
    };
    Ask {
        label: match example.label {
            "" => format!("{method} {}", route.path),
            label => label.to_owned(),
        },
        method,
        path: route.ask(query),
        sent,
        example,
    }
}
