//! The rules of queues hold for any sequence of requests on the virtual clock: nothing is lost, nothing is
//! visible twice within its timeout, a group keeps its order and has one message in flight, and what is received
//! too often is a dead letter exactly then.

use crate::{Chance, queue, receive_as, region, take_all};
use model_sqs::operations::{ChangeMessageVisibility, DeleteMessage, SendMessage};
use model_sqs::{
    ChangeMessageVisibilityInput, DeleteMessageInput, Message, ReceiveMessageInput, SendMessageInput,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::Region;

/// How often a message may be received.
const MAX_RECEIVES: u32 = 3;
const TIMEOUT_S: u64 = 30;
/// Timeouts within which a queue is drained.
const ROUNDS: u32 = 200;

/// What is known of a message that was sent and not deleted.
#[derive(Debug, Clone)]
struct Known {
    group: u64,
    receives: u32,
    visible_at: u64,
    receipt: Option<String>,
}

/// What a queue should hold, by the order of sending.
struct Model {
    fifo: bool,
    now: u64,
    sent: u64,
    known: BTreeMap<u64, Known>,
    dead: BTreeSet<u64>,
    deleted: BTreeSet<u64>,
}

impl Model {
    fn of(fifo: bool) -> Self {
        let (known, dead, deleted) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Model { fifo, now: 0, sent: 0, known, dead, deleted }
    }

    /// Takes in what a receive handed out, and complains of what it should not have.
    fn received(&mut self, messages: &[Message]) {
        let mut handed: BTreeSet<u64> = BTreeSet::new();
        for message in messages {
            let number: u64 = message.body.as_deref().unwrap().parse().unwrap();
            assert!(!self.deleted.contains(&number), "{number} was deleted");
            assert!(!self.dead.contains(&number), "{number} is a dead letter");
            let known = self.known.get(&number).unwrap_or_else(|| panic!("{number} was never sent"));
            assert!(known.visible_at <= self.now, "{number} is hidden until {}", known.visible_at);
            assert!(known.receives < MAX_RECEIVES, "{number} was received {} times", known.receives);
            if self.fifo {
                let group = known.group;
                let before = self.known.range(..number).filter(|(_, other)| other.group == group);
                for (other, _) in before {
                    assert!(handed.contains(other) || self.exhausted(*other), "{number} overtook {other}");
                }
            }
            handed.insert(number);
        }
        for message in messages {
            let number: u64 = message.body.as_deref().unwrap().parse().unwrap();
            let known = self.known.get_mut(&number).unwrap();
            known.receives += 1;
            known.visible_at = self.now + TIMEOUT_S;
            known.receipt.clone_from(&message.receipt_handle);
            let count = &message.attributes.as_ref().unwrap()["ApproximateReceiveCount"];
            assert_eq!(*count, known.receives.to_string());
        }
    }

    /// Whether the next receive makes a message a dead letter.
    fn exhausted(&self, number: u64) -> bool {
        self.known
            .get(&number)
            .is_some_and(|known| known.receives >= MAX_RECEIVES && known.visible_at <= self.now)
    }

    fn bury(&mut self) {
        let exhausted: Vec<u64> =
            self.known.keys().copied().filter(|number| self.exhausted(*number)).collect();
        for number in exhausted {
            self.known.remove(&number);
            self.dead.insert(number);
        }
    }
}

async fn step(region: &Region, url: &str, model: &mut Model, chance: &mut Chance) {
    match chance.below(10) {
        0..=3 => send(region, url, model, chance).await,
        4..=6 => {
            let input = ReceiveMessageInput {
                queue_url: url.to_owned(),
                max_number_of_messages: Some(1 + chance.below(10) as i32),
                message_system_attribute_names: Some(vec!["All".into()]),
                ..Default::default()
            };
            let messages = receive_as(region, input).await;
            model.received(&messages);
        }
        7 => delete(region, url, model, chance).await,
        8 => show_again(region, url, model).await,
        _ => {
            let seconds = 1 + chance.below(40);
            region.advance(Duration::from_secs(seconds)).await;
            model.now += seconds;
        }
    }
}

async fn send(region: &Region, url: &str, model: &mut Model, chance: &mut Chance) {
    let (number, group) = (model.sent, chance.below(3));
    let input = SendMessageInput {
        queue_url: url.to_owned(),
        message_body: number.to_string(),
        message_group_id: model.fifo.then(|| format!("g{group}")),
        message_deduplication_id: model.fifo.then(|| number.to_string()),
        ..Default::default()
    };
    region.call::<SendMessage>(input.clone()).await.unwrap();
    if model.fifo && chance.below(2) == 0 {
        region.call::<SendMessage>(input).await.unwrap();
    }
    let known = Known { group, receives: 0, visible_at: model.now, receipt: None };
    model.known.insert(number, known);
    model.sent += 1;
}

async fn delete(region: &Region, url: &str, model: &mut Model, chance: &mut Chance) {
    let held = model.known.iter().filter(|(_, known)| known.receipt.is_some());
    let held: Vec<u64> = held.map(|(number, _)| *number).collect();
    if held.is_empty() {
        return;
    }
    let number = held[chance.below(held.len() as u64) as usize];
    // What may have become a dead letter is no longer known by this receipt.
    if model.exhausted(number) {
        return;
    }
    let known = &model.known[&number];
    let input =
        DeleteMessageInput { queue_url: url.to_owned(), receipt_handle: known.receipt.clone().unwrap() };
    let deleted = region.call::<DeleteMessage>(input).await;
    // A FIFO queue's message is no longer deleted by a receipt whose time is over.
    if model.fifo && known.visible_at <= model.now {
        assert!(deleted.unwrap_err().to_string().contains("expired"));
        return;
    }
    deleted.unwrap();
    model.known.remove(&number);
    model.deleted.insert(number);
}

/// Has a message in flight seen again at once.
async fn show_again(region: &Region, url: &str, model: &mut Model) {
    let now = model.now;
    let flying = model.known.values_mut().find(|known| known.receives > 0 && known.visible_at > now);
    let Some(known) = flying else { return };
    let input = ChangeMessageVisibilityInput {
        queue_url: url.to_owned(),
        receipt_handle: known.receipt.clone().unwrap(),
        visibility_timeout: 0,
    };
    region.call::<ChangeMessageVisibility>(input).await.unwrap();
    known.visible_at = now;
}

/// Everything that the model knows comes, as often as it may, and then is in the grave.
async fn drain(region: &Region, url: &str, grave: &str, model: &mut Model) {
    let mut rounds = 0;
    while !model.known.is_empty() && rounds < ROUNDS {
        rounds += 1;
        let mut empty = 0;
        // A receive that finds nothing but dead letters answers nothing, and there may be more.
        while empty < 3 {
            let input = ReceiveMessageInput {
                queue_url: url.to_owned(),
                max_number_of_messages: Some(10),
                message_system_attribute_names: Some(vec!["All".into()]),
                ..Default::default()
            };
            let messages = receive_as(region, input).await;
            empty = if messages.is_empty() { empty + 1 } else { 0 };
            model.received(&messages);
        }
        model.bury();
        region.advance(Duration::from_secs(TIMEOUT_S)).await;
        model.now += TIMEOUT_S;
    }
    assert!(model.known.is_empty(), "lost: {:?}", model.known);
    let mut buried = BTreeSet::new();
    for number in take_all(region, grave).await {
        assert!(buried.insert(number), "{number} is buried twice");
    }
    assert_eq!(buried, model.dead);
}

async fn run(fifo: bool, seed: u64) {
    let region = region().await;
    let (name, grave_name) = if fifo { ("q.fifo", "g.fifo") } else { ("q", "g") };
    let kind: &[(&str, &str)] = if fifo { &[("FifoQueue", "true")] } else { &[] };
    let grave = queue(&region, grave_name, kind).await;
    let redrive = format!(
        r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{grave_name}","maxReceiveCount":{MAX_RECEIVES}}}"#
    );
    let attributes = [kind, &[("RedrivePolicy", redrive.as_str())]].concat();
    let url = queue(&region, name, &attributes).await;
    let (mut model, mut chance) = (Model::of(fifo), Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    for _ in 0..120 {
        step(&region, &url, &mut model, &mut chance).await;
    }
    drain(&region, &url, &grave, &mut model).await;
}

#[tokio::test]
async fn any_sequence_on_a_standard_queue() {
    for seed in 1..=12 {
        run(false, seed).await;
    }
}

#[tokio::test]
async fn any_sequence_on_a_fifo_queue() {
    for seed in 1..=12 {
        run(true, seed).await;
    }
}
