//! The room through an in-process region on a virtual clock.

mod clockwork;
mod delivery;
mod first_in_first_out;
mod headers;
mod moving;
mod pages;
mod queue_rules;
mod queues;
mod receiving;
mod refusals;

use model_sqs::operations::{CreateQueue, DeleteMessage, ReceiveMessage, SendMessage};
use model_sqs::{CreateQueueInput, DeleteMessageInput, Message, ReceiveMessageInput, SendMessageInput};
use testkit::Region;

/// Numbers that look drawn and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A region with this room alone.
async fn region() -> Region {
    Region::of(vec![sqs::service()]).await
}

/// Makes a queue with attributes and gives its URL.
async fn queue(region: &Region, name: &str, attributes: &[(&str, &str)]) -> String {
    let attributes = attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let input =
        CreateQueueInput { queue_name: name.to_owned(), attributes: Some(attributes), ..Default::default() };
    region.call::<CreateQueue>(input).await.unwrap().queue_url.unwrap()
}

/// Sends a body.
async fn send(region: &Region, url: &str, body: &str) {
    let input =
        SendMessageInput { queue_url: url.to_owned(), message_body: body.to_owned(), ..Default::default() };
    region.call::<SendMessage>(input).await.unwrap();
}

/// Receives up to ten messages without waiting.
async fn receive(region: &Region, url: &str) -> Vec<Message> {
    let input = ReceiveMessageInput {
        queue_url: url.to_owned(),
        max_number_of_messages: Some(10),
        message_system_attribute_names: Some(vec!["All".into()]),
        message_attribute_names: Some(vec!["All".to_owned()]),
        ..Default::default()
    };
    region.call::<ReceiveMessage>(input).await.unwrap().messages.unwrap_or_default()
}

/// Receives as a request says.
async fn receive_as(region: &Region, input: ReceiveMessageInput) -> Vec<Message> {
    region.call::<ReceiveMessage>(input).await.unwrap().messages.unwrap_or_default()
}

/// The bodies of messages.
fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(|message| message.body.as_deref()).collect()
}

/// Receives and deletes all that is visible: the numbers that the bodies are, as they came.
async fn take_all(region: &Region, url: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let messages = receive(region, url).await;
        if messages.is_empty() {
            return numbers;
        }
        for message in messages {
            numbers.push(message.body.unwrap().parse().unwrap());
            let receipt_handle = message.receipt_handle.unwrap();
            let input = DeleteMessageInput { queue_url: url.to_owned(), receipt_handle };
            region.call::<DeleteMessage>(input).await.unwrap();
        }
    }
}
