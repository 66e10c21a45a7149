//! What has to be put back as it was, whatever becomes of the trial that changed it.

use std::sync::{Mutex, PoisonError};

use onelane_tree::manifests::root;

use crate::kubectl;

/// Commands for kubectl, the last change first.
#[derive(Default)]
pub(crate) struct Undo(Mutex<Vec<Vec<String>>>);

impl Undo {
    /// To be called before the change. Who kills this program has to do it by hand, and so is told.
    pub(crate) fn later(&self, command: &[&str]) {
        println!("           to be undone by: kubectl {}", command.join(" "));
        let command = command.iter().map(|&word| word.to_owned()).collect();
        self.commands().push(command);
    }

    /// The autoscaler of `k8s/`, with all that a trial makes of it.
    pub(crate) fn autoscaler_later(&self) {
        let hpa = root().join("app-hpa.yaml").display().to_string();
        self.later(&["apply", "--filename", &hpa]);
    }

    pub(crate) async fn all(&self) {
        loop {
            let Some(command) = self.commands().last().cloned() else {
                return;
            };
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            match kubectl::kubectl(&words).await {
                Ok(_) => println!("           undone: kubectl {}", command.join(" ")),
                Err(why) => println!("NOT UNDONE, do it by hand: {why}"),
            }
            // Only now: an interrupt above comes back to it.
            self.commands().pop();
        }
    }

    fn commands(&self) -> std::sync::MutexGuard<'_, Vec<Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
