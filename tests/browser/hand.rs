//! Files that a user gives to the page: chosen in the browser's own dialog, or dropped from outside.

use onelane_stack::eventually;
use serde_json::{Value, json};

use crate::browser::Browser;

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

    /// Clicks the first element that matches, which opens a window that hides the page. Then that draws nothing.
    pub(crate) async fn click(&self, css: &str) {
        let path = format!("/element/{}/click", self.element(css).await);
        self.command(&path, json!({})).await;
    }

    async fn windows(&self) -> Vec<Value> {
        let handles = self.ask_session("/window/handles").await;
        handles.as_array().expect("a list").clone()
    }

    async fn look_at(&self, window: &Value) {
        self.command("/window", json!({ "handle": window })).await;
    }

    /// Address and type of what another window shows that a link opens.
    pub(crate) async fn follow(&self, css: &str) -> (String, String) {
        self.click(css).await;
        let windows = eventually("another window", async || {
            let windows = self.windows().await;
            (windows.len() > 1).then_some(windows)
        })
        .await;
        self.look_at(&windows[1]).await;
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")
            .await;
        let address = self.text("return location.href").await;
        (address, self.text("return document.contentType").await)
    }

    /// The titles of all windows.
    pub(crate) async fn titles(&self) -> Vec<String> {
        let windows = self.windows().await;
        let mut titles = Vec::new();
        for window in &windows {
            self.look_at(window).await;
            titles.push(self.text("return document.title").await);
        }
        self.look_at(&windows[0]).await;
        titles
    }
}
