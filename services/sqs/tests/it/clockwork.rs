//! What the clock does to queues, for any sequence of requests, against a model: delays, retention, deduplication,
//! purges, visibility, and what a move task carries from a dead-letter queue.

use crate::{Chance, queue, receive_as, region, take_all};
use model_sqs::operations::{
    DeleteMessage, ListMessageMoveTasks, PurgeQueue, SendMessage, StartMessageMoveTask,
};
use model_sqs::{
    DeleteMessageInput, ListMessageMoveTasksInput, PurgeQueueInput, ReceiveMessageInput, SendMessageInput,
    StartMessageMoveTaskInput,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use testkit::Region;

/// SendMessage, API reference: five minutes.
const DEDUPLICATED_S: u64 = 300;
const TIMEOUT_S: u64 = 30;
const RETENTION_S: u64 = 900;
const MOST: usize = 10;

#[derive(Debug, Clone)]
struct Known {
    group: u64,
    sent: u64,
    visible_at: u64,
    receipt: Option<String>,
}

struct Model {
    fifo: bool,
    now: u64,
    sent: u64,
    known: BTreeMap<u64, Known>,
    /// By deduplication id: the message's id, and until when it is remembered.
    remembered: HashMap<u64, (String, u64)>,
}

impl Model {
    fn has_expired(&self, known: &Known) -> bool {
        known.sent + RETENTION_S <= self.now
    }

    /// What the next receive may hand out: of a group nothing that is behind what is hidden.
    fn visible(&self) -> BTreeSet<u64> {
        let mut held = BTreeSet::new();
        let mut visible = BTreeSet::new();
        for (number, known) in self.known.iter().filter(|(_, known)| !self.has_expired(known)) {
            let hidden = known.visible_at > self.now;
            if self.fifo && (hidden || held.contains(&known.group)) {
                held.insert(known.group);
            } else if !hidden {
                visible.insert(*number);
            }
        }
        visible
    }
}

struct Queue<'a> {
    region: &'a Region,
    url: String,
    model: Model,
    chance: Chance,
}

impl Queue<'_> {
    async fn step(&mut self) {
        match self.chance.below(20) {
            0..=8 => self.send().await,
            9..=13 => drop(self.receive().await),
            14..=15 => self.delete().await,
            16 if self.chance.below(4) == 0 => self.purge().await,
            _ => {
                let most = if self.chance.below(4) == 0 { 400 } else { 25 };
                let seconds = 1 + self.chance.below(most);
                self.advance(seconds).await;
            }
        }
    }

    async fn advance(&mut self, seconds: u64) {
        self.region.advance(Duration::from_secs(seconds)).await;
        self.model.now += seconds;
    }

    async fn send(&mut self) {
        let (number, group, id) = (self.model.sent, self.chance.below(3), self.chance.below(6));
        let (fifo, now) = (self.model.fifo, self.model.now);
        let delay = if fifo || self.chance.below(3) > 0 { 0 } else { self.chance.below(40) };
        let input = SendMessageInput {
            queue_url: self.url.clone(),
            message_body: number.to_string(),
            delay_seconds: (delay > 0).then_some(delay as i32),
            message_group_id: fifo.then(|| format!("g{group}")),
            message_deduplication_id: fifo.then(|| format!("d{id}")),
            ..Default::default()
        };
        let sent = self.region.call::<SendMessage>(input).await.unwrap().message_id.unwrap();
        self.model.sent += 1;
        if fifo {
            if let Some((first, _)) = self.model.remembered.get(&id).filter(|(_, until)| *until > now) {
                assert_eq!(*first, sent, "{number} repeats another of its id");
                return;
            }
            self.model.remembered.insert(id, (sent, now + DEDUPLICATED_S));
        }
        let known = Known { group, sent: now, visible_at: now + delay, receipt: None };
        self.model.known.insert(number, known);
    }

    async fn receive(&mut self) -> usize {
        let input = ReceiveMessageInput {
            queue_url: self.url.clone(),
            max_number_of_messages: Some(MOST as i32),
            ..Default::default()
        };
        let messages = receive_as(self.region, input).await;
        let visible = self.model.visible();
        let numbers: Vec<u64> =
            messages.iter().map(|message| message.body.as_deref().unwrap().parse().unwrap()).collect();
        for (at, number) in numbers.iter().enumerate() {
            assert!(
                visible.contains(number),
                "{number} at {}: {:?}",
                self.model.now,
                self.model.known.get(number)
            );
            let group = self.model.known[number].group;
            let before = visible.range(..number).filter(|one| self.model.known[*one].group == group);
            if self.model.fifo {
                before.for_each(|one| assert!(numbers[..at].contains(one), "{number} overtook {one}"));
            }
        }
        let expired = self.model.known.values().any(|known| self.model.has_expired(known));
        // What is too old takes up places of the receive that finds it.
        let least = if expired { visible.len().min(1) } else { visible.len().min(MOST) };
        assert!(numbers.len() >= least, "{numbers:?} of {visible:?} at {}", self.model.now);
        let distinct: BTreeSet<&u64> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len());
        for (number, message) in numbers.iter().zip(&messages) {
            let known = self.model.known.get_mut(number).unwrap();
            known.visible_at = self.model.now + TIMEOUT_S;
            known.receipt.clone_from(&message.receipt_handle);
        }
        numbers.len()
    }

    async fn delete(&mut self) {
        let now = self.model.now;
        let held =
            self.model.known.iter().find(|(_, known)| known.receipt.is_some() && known.visible_at > now);
        let Some((number, receipt)) = held.map(|(number, known)| (*number, known.receipt.clone())) else {
            return;
        };
        let input = DeleteMessageInput { queue_url: self.url.clone(), receipt_handle: receipt.unwrap() };
        self.region.call::<DeleteMessage>(input).await.unwrap();
        self.model.known.remove(&number);
    }

    async fn purge(&mut self) {
        let input = PurgeQueueInput { queue_url: self.url.clone() };
        self.region.call::<PurgeQueue>(input).await.unwrap();
        self.model.known.clear();
        // Whether ids are remembered across a purge is told nowhere.
        self.advance(DEDUPLICATED_S + 1).await;
    }

    /// All that is not too old comes once more, and then nothing does.
    async fn drain(&mut self) {
        for _ in 0..40 {
            while self.receive().await > 0 {}
            let now = self.model.now;
            let taken: Vec<u64> = self.model.known.keys().copied().collect();
            for _ in &taken {
                self.delete().await;
            }
            self.advance(TIMEOUT_S).await;
            if self.model.known.values().all(|known| known.sent + RETENTION_S <= now) {
                break;
            }
        }
        assert!(self.model.visible().is_empty(), "{:?}", self.model.known);
        assert_eq!(self.receive().await, 0);
    }
}

async fn run(fifo: bool, seed: u64) {
    let region = region().await;
    let retention = RETENTION_S.to_string();
    let mut attributes = vec![("MessageRetentionPeriod", retention.as_str())];
    attributes.extend(fifo.then_some(("FifoQueue", "true")));
    let url = queue(&region, if fifo { "q.fifo" } else { "q" }, &attributes).await;
    let model = Model { fifo, now: 0, sent: 0, known: BTreeMap::new(), remembered: HashMap::new() };
    let chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut queue = Queue { region: &region, url, model, chance };
    for _ in 0..150 {
        queue.step().await;
    }
    queue.drain().await;
}

#[tokio::test]
async fn any_times_on_a_standard_queue() {
    for seed in 1..=12 {
        run(false, seed).await;
    }
}

#[tokio::test]
async fn any_times_on_a_fifo_queue() {
    for seed in 1..=12 {
        run(true, seed).await;
    }
}

/// How far a task with a rate has come is told by the clock, and all arrives, in a FIFO queue in its order.
async fn moved(fifo: bool, count: u64, rate: u64) {
    let region = region().await;
    let (suffix, kind): (_, &[(&str, &str)]) =
        if fifo { (".fifo", &[("FifoQueue", "true")]) } else { ("", &[]) };
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}{suffix}");
    let grave = queue(&region, &format!("grave{suffix}"), kind).await;
    let redrive = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, arn("grave"));
    let source = [kind, &[("RedrivePolicy", redrive.as_str())]].concat();
    queue(&region, &format!("source{suffix}"), &source).await;
    let other = queue(&region, &format!("other{suffix}"), kind).await;
    for number in 0..count {
        let input = SendMessageInput {
            queue_url: grave.clone(),
            message_body: number.to_string(),
            message_group_id: fifo.then(|| format!("g{}", number % 2)),
            message_deduplication_id: fifo.then(|| number.to_string()),
            ..Default::default()
        };
        region.call::<SendMessage>(input).await.unwrap();
    }
    let start = StartMessageMoveTaskInput {
        source_arn: arn("grave"),
        destination_arn: Some(arn("other")),
        max_number_of_messages_per_second: Some(rate as i32),
    };
    region.call::<StartMessageMoveTask>(start).await.unwrap();
    for second in 0..count.div_ceil(rate) {
        let list = ListMessageMoveTasksInput { source_arn: arn("grave"), max_results: Some(1) };
        let task = region.call::<ListMessageMoveTasks>(list).await.unwrap().results.unwrap().remove(0);
        let moved = task.approximate_number_of_messages_moved.unwrap();
        let (least, most) = (second.saturating_sub(1) * rate, (second + 1) * rate);
        assert!((least as i64..=most as i64).contains(&moved), "{moved} after {second} s at {rate}");
        region.advance(Duration::from_secs(1)).await;
    }
    region.advance(Duration::from_secs(1)).await;
    let mut groups: [Vec<u64>; 2] = [Vec::new(), Vec::new()];
    for number in take_all(&region, &other).await {
        groups[(number % 2) as usize].push(number);
    }
    let all: BTreeSet<u64> = groups.iter().flatten().copied().collect();
    assert_eq!((all.len() as u64, groups.iter().map(Vec::len).sum::<usize>() as u64), (count, count));
    if fifo {
        assert!(groups.iter().all(|group| group.is_sorted()), "{groups:?}");
    }
}

#[tokio::test]
async fn any_move_task_carries_everything_at_its_rate() {
    for (fifo, count, rate) in
        [(false, 7, 2), (true, 9, 3), (false, 130, 60), (true, 130, 500), (true, 300, 500), (false, 1, 1)]
    {
        moved(fifo, count, rate).await;
    }
}
