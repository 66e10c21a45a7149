//! Files in the hand of somebody: chosen in the browser's own dialog, or dropped from outside.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::common::eventually;

impl Browser {
    /// Chooses files for the field that matches.
    pub(crate) async fn choose(&self, css: &str, paths: &[&str]) {
        let id = self.element(css).await;
        let path = format!("/element/{id}/value");
        self.command(&path, json!({ "text": paths.join("\n") }))
            .await;
    }

    /// Drops a file on the middle of the first element that matches.
    pub(crate) async fn drop_on(&self, css: &str, file: &str) {
        let css = Value::from(css);
        let find = format!(
            "const element = document.querySelector({css});
            element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
            const box = element.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2]"
        );
        let at = self.js(&find).await;
        for step in ["dragEnter", "dragOver", "drop"] {
            let drag = json!({
                "type": step, "x": at[0], "y": at[1],
                "data": { "items": [], "files": [file], "dragOperationsMask": 1 },
            });
            self.tool("Input.dispatchDragEvent", drag).await;
        }
    }

    /// Address and type of what another window shows that a link opens. It hides the page, which draws nothing then.
    pub(crate) async fn follow(&self, css: &str) -> (String, String) {
        let path = format!("/element/{}/click", self.element(css).await);
        self.command(&path, json!({})).await;
        let handles = eventually("another window", async || {
            let handles = self.ask_session("/window/handles").await;
            let handles = handles.as_array().expect("a list").clone();
            (handles.len() > 1).then_some(handles)
        })
        .await;
        self.command("/window", json!({ "handle": handles.last() }))
            .await;
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")
            .await;
        let address = self.text("return location.href").await;
        (address, self.text("return document.contentType").await)
    }
}
