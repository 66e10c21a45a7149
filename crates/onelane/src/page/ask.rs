//! What the page offers to send: the examples of each route, and a panel where one can send a body that has none.

use crate::service::Service;
use crate::workload::{Example, Kind, Method, Route};

/// Stands in for the examples of a route that is asked with a body.
const ANY: &[Example] = &[Example::new("", "")];

/// A request to send.
pub(super) struct Ask {
    pub(super) label: String,
    pub(super) method: &'static str,
    /// Path and query.
    pub(super) path: String,
    pub(super) sent: Option<Sent>,
    pub(super) example: &'static Example,
}

/// A body that goes with it.
pub(super) struct Sent {
    /// Where it comes from: `raw` is a file, `text` a field.
    pub(super) kind: &'static str,
    pub(super) types: Vec<String>,
    /// The most bytes, for machines and for people.
    pub(super) limit: usize,
    pub(super) most: String,
}

impl Ask {
    pub(super) fn is_get(&self) -> bool {
        self.method == Method::Get.name()
    }
}

/// All of it, in the order of declaration.
pub(super) fn all(service: &Service) -> Vec<Ask> {
    let routes = service.routes().map(|(_, route)| route);
    routes.filter(|route| can_be_sent(route)).flat_map(of).collect()
}

/// Nobody but the workload knows which parts a form has.
fn can_be_sent(route: &Route) -> bool {
    match route.body.kind {
        Kind::None | Kind::Json | Kind::Form | Kind::Raw(_) => true,
        #[cfg(feature = "multipart")]
        Kind::Multipart(_) => false,
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
    let sent = sent(route);
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

fn sent(route: &Route) -> Option<Sent> {
    let body = route.sent()?;
    let types = body.kind.types().iter();
    Some(Sent {
        kind: match body.kind {
            Kind::Raw(_) => "raw",
            _ => "text",
        },
        types: types.map(|name| name.to_ascii_lowercase()).collect(),
        limit: body.limit,
        most: match body.limit >> 20 {
            whole if whole << 20 == body.limit => format!("{whole} MiB"),
            _ => format!("{} bytes", body.limit),
        },
    })
}
