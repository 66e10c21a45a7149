//! What comes back: the answers of a workload, its problems, and those of the engine and of nginx.

use serde_json::{Map, Value, json};

use super::described::{Output, reference};
use super::operation::Operation;
use super::problems::{PROBLEMS, ProblemKind, Requests};
use crate::workload::Method;

/// Those of every answer of a lane.
const HEADERS: [&str; 3] = ["X-Request-Id", "Server-Timing", "X-Served-By"];

/// Puts the engine's problems among the components: `Problem400`.
pub(super) fn add_problems(components: &mut Value) {
    for status in PROBLEMS {
        let answer = problem(
            status.status,
            status.description,
            status.reasons,
            status.headers,
        );
        components["responses"][format!("Problem{}", status.status)] = answer;
    }
}

/// All that may come back, by status.
pub(super) fn of(operation: &Operation, components: &mut Value) -> Value {
    let mut answers = outputs(operation, components);
    let problems = PROBLEMS
        .iter()
        .filter(|status| may_be(operation, status.of));
    for status in problems {
        let name = format!("Problem{}", status.status);
        answers.insert(status.status.to_string(), reference("responses", &name));
    }
    for reason in operation.workload.reasons {
        let answer = own(operation, reason.status, components);
        answers.insert(reason.status.to_string(), answer);
    }
    answers.sort_keys();
    answers.into()
}

fn may_be(operation: &Operation, of: Requests) -> bool {
    match of {
        Requests::All => true,
        Requests::Bodies => operation.has_body(),
        Requests::Parameters => operation.path_parameters().next().is_some(),
        // These are no operations.
        Requests::OtherMethods => false,
    }
}

fn outputs(operation: &Operation, components: &mut Value) -> Map<String, Value> {
    let described = operation.described;
    let is_kept = operation.method == Method::Get && operation.route.max_age > 0;
    let mut answers = Map::new();
    for output in &described.outputs {
        let status = output.status.to_string();
        let answer = if is_kept && output.status == 200 {
            kept(output)
        } else {
            let name = format!("{}{status}", described.name);
            components["responses"][&name] = answer(output, &HEADERS);
            reference("responses", &name)
        };
        answers.insert(status, answer);
    }
    if described.outputs.is_empty() {
        let unknown = json!({ "description": "The answer.", "headers": headers(&HEADERS) });
        components["responses"]["Answer"] = unknown;
        answers.insert("200".to_owned(), reference("responses", "Answer"));
    }
    if is_kept {
        let known = json!({ "description": "The caller has this very answer.", "headers": headers(&HEADERS) });
        answers.insert("304".to_owned(), known);
    }
    answers
}

/// One that may be given again.
fn kept(output: &Output) -> Value {
    answer(output, &[&HEADERS[..], &["ETag", "Cache-Control"]].concat())
}

fn answer(output: &Output, names: &[&str]) -> Value {
    let mut answer = json!({ "description": output.description, "headers": headers(names) });
    if let Some(content) = &output.content {
        answer["content"] = content.clone();
    }
    answer
}

fn headers(names: &[&str]) -> Value {
    let headers = names.iter();
    let headers = headers.map(|name| ((*name).to_owned(), reference("headers", name)));
    headers.collect::<Map<_, _>>().into()
}

/// The problems of this status that a workload has declared, and those of the engine beside them.
fn own(operation: &Operation, status: u16, components: &mut Value) -> Value {
    let declared = operation.workload.reasons.iter();
    let declared: Vec<_> = declared.filter(|reason| reason.status == status).collect();
    let known = PROBLEMS.iter().find(|known| known.status == status);
    let known = known.filter(|known| may_be(operation, known.of));
    let reasons = declared.iter().map(|reason| reason.name);
    let reasons: Vec<_> = known
        .map_or(&[][..], |known| known.reasons)
        .iter()
        .copied()
        .chain(reasons)
        .collect();
    let titles = declared.iter().map(|reason| format!("{}.", reason.title));
    let titles: Vec<_> = known
        .map(|known| known.description.to_owned())
        .into_iter()
        .chain(titles)
        .collect();
    let headers = known.map_or(&[][..], |known: &ProblemKind| known.headers);
    let name = format!("{}{status}", operation.described.name);
    components["responses"][&name] = problem(status, &titles.join(" "), &reasons, headers);
    reference("responses", &name)
}

fn problem(status: u16, description: &str, reasons: &[&str], more: &[&str]) -> Value {
    json!({
        "description": description,
        "headers": headers(&[&HEADERS[..], more].concat()),
        "content": { "application/problem+json": { "schema": {
            "$ref": "#/components/schemas/Problem",
            "properties": { "status": { "const": status }, "reason": { "enum": reasons } },
        } } },
    })
}
