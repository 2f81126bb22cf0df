//! The requests about an event queue.

use std::time::Duration;

use zulip_presence_core::reply::RequestError;

use super::wire::{Events, Registered, is_bad_queue, register_form};
use crate::zulip::client::{Reply, ZulipClient};
use crate::zulip::failure::ClientError;

/// On a server whose event system was down registering took 6 s to fail.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(30);
const DELETE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a request for events brought none.
#[derive(Debug)]
pub(crate) enum PollError {
    /// Zulip no longer has the queue.
    Lost,
    /// As any other request.
    Request(ClientError),
}

/// Registers a queue, `with_statuses`: what people say of themselves.
///
/// # Errors
/// [`ClientError`] where there is none then.
pub(crate) async fn register(
    client: &ZulipClient,
    with_statuses: bool,
) -> Result<Registered, ClientError> {
    let form = register_form(with_statuses);
    let reply = in_time(REGISTER_TIMEOUT, client.post("register", &form)).await?;
    match reply.status {
        200 => Registered::parse(&reply.body).map_err(|_| RequestError::InvalidResponse.into()),
        _ => Err(reply.error()),
    }
}

/// Waits for events after `last_event_id`, for `time_limit` at most.
///
/// # Errors
/// [`PollError`].
pub(crate) async fn poll(
    client: &ZulipClient,
    queue_id: &str,
    last_event_id: i64,
    time_limit: Duration,
) -> Result<Events, PollError> {
    let last_event_id = last_event_id.to_string();
    let query = [("queue_id", queue_id), ("last_event_id", &last_event_id)];
    let reply = in_time(time_limit, client.get_with("events", &query));
    let reply = reply.await.map_err(PollError::Request)?;
    match reply.status {
        200 => Events::parse(&reply.body)
            .map_err(|_| PollError::Request(RequestError::InvalidResponse.into())),
        _ if is_bad_queue(&reply.body) => Err(PollError::Lost),
        _ => Err(PollError::Request(reply.error())),
    }
}

/// Ends a queue, so that Zulip need not keep it until it is idle for ten minutes.
///
/// # Errors
/// [`ClientError`] where Zulip may not have heard of it.
pub(crate) async fn delete(client: &ZulipClient, queue_id: &str) -> Result<(), ClientError> {
    let reply = in_time(DELETE_TIMEOUT, client.delete("events", &[("queue_id", queue_id)])).await?;
    if reply.status == 200 { Ok(()) } else { Err(reply.error()) }
}

async fn in_time(
    limit: Duration,
    request: impl Future<Output = Result<Reply, ClientError>>,
) -> Result<Reply, ClientError> {
    tokio::time::timeout(limit, request).await.unwrap_or(Err(RequestError::TimedOut.into()))
}
