//! Who reads which stream: streams about the same people share each message.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use zulip_presence_core::UserRef;

use crate::http::batch::{Batch, BodyWriter, push_entry};
use crate::server::connection::Connection;
use crate::store::news::{Known, NewsToSend};

/// Messages that a stream may lag behind. There are few: mostly one a minute, and one whenever
/// somebody comes.
const CAPACITY: usize = 8;

/// People of all different lists together: about 100 bytes each. With 50 on a page that is 20,000
/// different pages.
const MAX_ENTRIES: usize = 1_000_000;

/// All open streams.
#[derive(Debug, Default)]
pub(super) struct Topics {
    by_list: HashMap<Arc<str>, u32>,
    topics: HashMap<u32, Topic>,
    /// Where each person is an entry: in which topic, and which entry.
    entries: HashMap<UserRef, HashSet<(u32, u32)>>,
    /// How many entries all topics have.
    entry_count: usize,
    next_topic: u32,
    next_subscriber: u64,
}

/// The streams about one list of people.
#[derive(Debug)]
struct Topic {
    list: Arc<str>,
    batch: Arc<Batch>,
    subscribers: HashMap<u64, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    messages: mpsc::Sender<Bytes>,
    connection: Option<Connection>,
}

/// Identifies a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamId {
    topic: u32,
    subscriber: u64,
}

/// A new stream.
#[derive(Debug)]
pub(super) struct Subscribed {
    pub(super) id: StreamId,
    pub(super) messages: mpsc::Receiver<Bytes>,
    /// No other stream is about exactly these people.
    pub(super) is_new_list: bool,
}

impl Topics {
    /// Adds a stream about `batch`. `None`: there are too many different ones.
    pub(super) fn subscribe(
        &mut self,
        batch: &Arc<Batch>,
        connection: Option<Connection>,
    ) -> Option<Subscribed> {
        let list = list(batch);
        let (topic, is_new_list) = match self.by_list.get(&*list) {
            Some(topic) => (*topic, false),
            None if self.entry_count + batch.asked.len() > MAX_ENTRIES => return None,
            None => (self.add(list, Arc::clone(batch)), true),
        };
        let subscriber = self.next_subscriber;
        self.next_subscriber += 1;
        let (sender, messages) = mpsc::channel(CAPACITY);
        if let Some(topic) = self.topics.get_mut(&topic) {
            topic.subscribers.insert(subscriber, Subscriber { messages: sender, connection });
        }
        Some(Subscribed { id: StreamId { topic, subscriber }, messages, is_new_list })
    }

    fn add(&mut self, list: Arc<str>, batch: Arc<Batch>) -> u32 {
        while self.topics.contains_key(&self.next_topic) {
            self.next_topic = self.next_topic.wrapping_add(1);
        }
        let id = self.next_topic;
        for (entry, user) in entries(&batch) {
            self.entries.entry(user.clone()).or_default().insert((id, entry));
        }
        self.entry_count += batch.asked.len();
        self.by_list.insert(Arc::clone(&list), id);
        self.topics.insert(id, Topic { list, batch, subscribers: HashMap::new() });
        id
    }

    /// Removes a stream. Returns its people if it was the last one about them.
    pub(super) fn unsubscribe(&mut self, id: StreamId) -> Option<Arc<Batch>> {
        let topic = self.topics.get_mut(&id.topic)?;
        topic.subscribers.remove(&id.subscriber);
        if !topic.subscribers.is_empty() {
            return None;
        }
        let topic = self.topics.remove(&id.topic)?;
        self.by_list.remove(&topic.list);
        self.entry_count = self.entry_count.saturating_sub(topic.batch.asked.len());
        for (entry, user) in entries(&topic.batch) {
            if let Some(places) = self.entries.get_mut(user) {
                places.remove(&(id.topic, entry));
                if places.is_empty() {
                    self.entries.remove(user);
                }
            }
        }
        Some(topic.batch)
    }

    /// Sends what is new to the streams that are about it. Returns how many messages were sent, and
    /// how many streams were dropped because their readers are too slow.
    pub(super) fn publish(
        &mut self,
        NewsToSend { people, shows_statuses, render, .. }: &NewsToSend,
    ) -> (u64, u64) {
        let mut changes: HashMap<u32, Vec<(u32, usize)>> = HashMap::new();
        for (person, Known { user, .. }) in people.iter().enumerate() {
            for (topic, entry) in self.entries.get(user).into_iter().flatten() {
                changes.entry(*topic).or_default().push((*entry, person));
            }
        }
        // Each person is rendered once, for however many topics.
        let mut rendered: [HashMap<usize, String>; 2] = Default::default();
        let (mut sent, mut dropped) = (0, 0);
        for (topic, mut changed) in changes {
            let Some(topic) = self.topics.get_mut(&topic) else {
                continue;
            };
            changed.sort_unstable();
            let Batch { asked, is_slim } = &*topic.batch;
            let rendered = &mut rendered[usize::from(*is_slim)];
            let mut body = BodyWriter::new(changed.len(), *shows_statuses);
            for (entry, person) in changed {
                let Some((key, _)) = asked.get(entry as usize) else {
                    continue;
                };
                if let Some(status) = &people[person].status {
                    body.push_status(key, status);
                }
                match &people[person].presence {
                    Some(known) => {
                        let text = rendered.entry(person).or_insert_with(|| {
                            let mut text = String::new();
                            push_entry(*is_slim, known, *render, &mut text);
                            text
                        });
                        body.push(key, known.at, |json| json.push_str(text));
                    }
                    None => body.push_no_data(key),
                }
            }
            let message = message(&body.finish(*render));
            topic.subscribers.retain(|_, subscriber| {
                match subscriber.messages.try_send(message.clone()) {
                    Ok(()) => {
                        sent += 1;
                        true
                    }
                    // Its memory must not grow. The page notices, and asks for everything again.
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        dropped += 1;
                        if let Some(connection) = &subscriber.connection {
                            connection.abort();
                        }
                        false
                    }
                    Err(mpsc::error::TrySendError::Closed(_)) => true,
                }
            });
        }
        (sent, dropped)
    }

    /// How many different lists of people there are.
    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }
}

/// The same for the same people in the same form.
fn list(batch: &Batch) -> Arc<str> {
    let mut list = String::from(if batch.is_slim { "slim" } else { "full" });
    for (key, _) in &batch.asked {
        list.push(',');
        list.push_str(key);
    }
    list.into()
}

/// Those who are named, with the index of their entry.
fn entries(batch: &Batch) -> impl Iterator<Item = (u32, &UserRef)> {
    (0..).zip(&batch.asked).filter_map(|(entry, (_, user))| Some((entry, user.as_ref()?)))
}

/// One message: JSON has no line ends.
pub(super) fn message(json: &str) -> Bytes {
    ["data: ", json, "\n\n"].concat().into()
}
