//! Every manifest against the published schemas, strictly.

use std::io::Write;
use std::process::{Command, Stdio};

use onelane_stack::python_packages;
use onelane_tree::manifests::{all, object};
use serde_json::{Value, json};

use crate::applied::overlay;

/// The oldest version with everything that the manifests use (a `preStop` that sleeps), the one they are
/// meant for, and the newest that the package knows.
const VERSIONS: [&str; 3] = ["1.30", "1.36", "1.37"];

#[test]
fn an_api_server_takes_every_manifest() {
    let objects = all().into_iter().map(|manifest| manifest.object).collect();
    let Some(problems) = problems(objects) else {
        return;
    };
    assert_eq!(problems, "");
}

#[test]
fn an_api_server_takes_what_overlays_make_of_them() {
    for component in ["api-keys", "cache", "cpu-limits", "openshift", "tls"] {
        let Some(problems) = overlay(component).and_then(problems) else {
            return;
        };
        assert_eq!(problems, "", "{component}");
    }
}

#[test]
fn what_the_schemas_do_not_know_is_an_error() {
    let mut deployment = object("Deployment", "app");
    deployment["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = json!({});
    let mut scaled = find("ScaledObject");
    scaled["spec"]["maxReplicas"] = json!(20);
    let mut service = find("Service");
    service["spec"]["template"]["spec"]["containerConcurency"] = json!(1);
    let mut monitor = find("PodMonitor");
    monitor["spec"]["podMetricsEndpoints"][0]["intervall"] = json!("15s");
    let Some(problems) = problems(vec![deployment, scaled, service, monitor]) else {
        return;
    };
    // The first once for each version.
    assert_eq!(problems.lines().count(), VERSIONS.len() + 3, "{problems}");
    for typo in [
        "livenessProb",
        "maxReplicas",
        "containerConcurency",
        "intervall",
    ] {
        assert!(problems.contains(typo), "{typo} not in: {problems}");
    }
}

/// The last of a kind, so the Service is that of Knative.
fn find(kind: &str) -> Value {
    let all = all();
    let found = all.into_iter().rfind(|manifest| manifest.kind() == kind);
    found.expect("k8s/ has one").object
}

/// What is wrong, a line each; nothing where the schemas cannot be had.
fn problems(objects: Vec<Value>) -> Option<String> {
    let packages = python_packages("tests/k8s/requirements.txt")?;
    let mut validate = Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/k8s/validate.py"
        ))
        .args(VERSIONS)
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the script above has found a Python");
    let mut input = validate.stdin.take().expect("it is piped");
    let objects = Value::from(objects).to_string();
    input.write_all(objects.as_bytes()).expect("it reads all");
    drop(input);
    let output = validate.wait_with_output().expect("it ends");
    assert!(output.status.success(), "validate.py failed");
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
