//! Tasks that run for as long as the gateway serves. One that ends is a bug, and ends the process.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

/// A task ended unexpectedly.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the task \"{name}\" {how}; this is a bug")]
pub struct TaskEnded {
    name: &'static str,
    how: &'static str,
}

/// The tasks. They are aborted when this is dropped.
#[derive(Debug, Default)]
pub struct BackgroundTasks {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl BackgroundTasks {
    /// Starts `task`.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Completes when a task has ended; never, if there is none.
    pub async fn first_end(&mut self) -> TaskEnded {
        let (id, how) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => (id, "ended"),
            Some(Err(error)) if error.is_panic() => (error.id(), "panicked"),
            Some(Err(error)) => (error.id(), "was aborted"),
            None => std::future::pending().await,
        };
        TaskEnded { name: self.names.get(&id).copied().unwrap_or_default(), how }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ended_and_panicked_tasks_are_reported_by_name() {
        let mut tasks = BackgroundTasks::default();
        tasks.spawn("lives", std::future::pending());
        tasks.spawn("poll loop", async { panic!("a bug") });
        let ended = tasks.first_end().await.to_string();
        assert_eq!(ended, "the task \"poll loop\" panicked; this is a bug");
        tasks.spawn("short", std::future::ready(()));
        let ended = tasks.first_end().await.to_string();
        assert_eq!(ended, "the task \"short\" ended; this is a bug");
    }
}
