//! The namespaces: only our own are touched.

use std::time::Duration;

use onelane_tree::manifests;
use serde_json::json;

use crate::kubectl::{ask, ask_for, create, get, kubectl, until};
use crate::notes::Stop;

/// Where the manifests put the service.
pub(crate) const SERVICE: &str = env!("CARGO_PKG_NAME");

/// Where clients are: as restricted as the service.
pub(crate) const CLIENTS: &str = concat!(env!("CARGO_PKG_NAME"), "-live");

/// For the pod that kills a process from its node.
pub(crate) const NODE: &str = concat!(env!("CARGO_PKG_NAME"), "-live-node");

/// Says that a namespace is of these trials, and may be deleted.
const MARK: &str = CLIENTS;

/// Longer than pods may take to end.
const END: Duration = Duration::from_mins(3);

/// Begins with none of them. One that is left of a run that was killed may go; another may not.
pub(crate) async fn claim() -> Result<(), Stop> {
    let present = get(&["namespaces"]).await?;
    for namespace in manifests::list(&present, "/items") {
        let name = manifests::text(namespace, "/metadata/name");
        let is_ours = namespace
            .pointer("/metadata/labels")
            .is_some_and(|labels| labels.get(MARK).is_some());
        if [SERVICE, CLIENTS, NODE].contains(&name) && !is_ours {
            return Err(Stop::Fail(format!(
                "there is a namespace {name}, which is not of these trials. They begin without it, and \
                 delete it at the end: choose another cluster. If it may go, \
                 `kubectl label namespace {name} {MARK}=` says so"
            )));
        }
    }
    leave().await;
    make(CLIENTS, "restricted").await
}

/// A namespace of ours in which pods may do as much as this.
pub(crate) async fn make(name: &str, level: &str) -> Result<(), Stop> {
    let labels = json!({
        MARK: "",
        "pod-security.kubernetes.io/enforce": level,
        "pod-security.kubernetes.io/enforce-version": "latest",
    });
    let metadata = json!({ "name": name, "labels": labels });
    create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })).await
}

/// `kubectl apply` has made this one.
pub(crate) async fn mark_service() -> Result<(), Stop> {
    let mark = format!("{MARK}=");
    kubectl(&["label", "namespace", SERVICE, &mark])
        .await
        .map(drop)
}

/// Deletes what is ours. Nothing is lost by it any more, so pods need not end gracefully.
pub(crate) async fn leave() {
    let ours = ask(&["get", "namespaces", "--selector", MARK, "--output=name"]).await;
    let ours = ours.map(|said| said.out).unwrap_or_default();
    let names: Vec<&str> = ours.lines().collect();
    if names.is_empty() {
        return;
    }
    for name in &names {
        let namespace = name.trim_start_matches("namespace/");
        // What makes pods first, or there would be new ones.
        let owners = "deployments,horizontalpodautoscalers";
        let _ = ask(&[
            "delete",
            owners,
            "--all",
            "--wait=false",
            "--namespace",
            namespace,
        ])
        .await;
        let pods = ["delete", "pods", "--all", "--grace-period=1"];
        let _ = ask_for(END, &[&pods[..], &["--namespace", namespace]].concat(), "").await;
    }
    let delete = [&["delete", "--wait=false"][..], &names].concat();
    let gone = async {
        kubectl(&delete).await?;
        until("our namespaces to be gone", END, async || {
            let left = get(&["namespaces", "--selector", MARK]).await?;
            Ok(manifests::list(&left, "/items").is_empty().then_some(()))
        })
        .await
    };
    if let Err(why) = gone.await {
        println!("not cleaned up: {why}");
    }
}
