//! SelectObjectContent: a query over the records of an object, its results as a stream of events. What
//! fails before the first results is an error; what fails later ends the stream without its end event.

use crate::errors::S3Error;
use crate::lookup;
use crate::outflow::Outflow;
use crate::sealing::{Customer, customer_members};
use crate::select::{Csv, Format, Header, Machine, Packing, Setup, Writer};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use model_s3 as api;
use model_s3::SelectObjectContentEventStream as Event;
use schema::{EventStream, Obj};
use service::Ctx;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of the object that are worked on at once, so that no thread is held for long.
const PIECE: usize = 64 * 1024;
/// Most bytes of results in one event.
const MAX_RESULTS: usize = 256 * 1024;

/// SelectObjectContent.
pub async fn select(
    ctx: Ctx,
    input: Arc<api::SelectObjectContentInput>,
) -> Result<api::SelectObjectContentOutput, S3Error> {
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let found = lookup::object(&read, &bucket, (&input.key, None), "POST")?;
    if lookup::is_out_of_reach(&found.object, ctx.now()) {
        let storage_class = found.object.description.storage_class.clone();
        return Err(S3Error::InvalidObjectState { storage_class });
    }
    if input.expression_type != api::ExpressionType::Sql {
        return Err(S3Error::select(
            "InvalidExpressionType",
            "The ExpressionType is invalid. Only SQL expressions are supported.",
        ));
    }
    let setup = Setup {
        query: &input.expression,
        format: format(&input.input_serialization)?,
        packing: packing(&input.input_serialization)?,
        writer: writer(&input.output_serialization)?,
        now: ctx.now(),
    };
    let machine = Machine::new(setup)?;
    let customer = Customer::given(customer_members!(input))?;
    let range = scanned(input.scan_range.as_ref(), found.object.size)?;
    let place = (&bucket, &found.version, &*found.object);
    let outflow = Outflow::open(ctx.host(), &read, place, customer, range).await?;
    let progress = input.request_progress.as_ref().and_then(|asked| asked.enabled) == Some(true);
    let mut run = Run {
        outflow,
        machine,
        piece: Bytes::new(),
        events: VecDeque::new(),
        results: BytesMut::new(),
        state: State::Reads,
        more: false,
        last: false,
        scanned: 0,
        returned: 0,
        progress,
    };
    run.advance().await?;
    let events = stream::unfold(run, |mut run| async move {
        loop {
            if let Some(event) = run.events.pop_front() {
                return Some((Box::new(event) as Box<dyn Obj>, run));
            }
            if run.state == State::Ended {
                return None;
            }
            if run.advance().await.is_err() {
                // What came before is told.
                run.tell(0);
                run.state = State::Ended;
            }
        }
    });
    Ok(api::SelectObjectContentOutput { payload: Some(EventStream::new(events)) })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reads,
    Ended,
}

/// A query on its way through an object.
struct Run {
    outflow: Outflow,
    machine: Machine,
    piece: Bytes,
    events: VecDeque<Event>,
    /// Results that are in no event yet.
    results: BytesMut,
    state: State,
    /// More comes of what the machine has.
    more: bool,
    /// The object has ended.
    last: bool,
    scanned: i64,
    returned: i64,
    progress: bool,
}

impl Run {
    /// Goes on until there are events, or the end.
    async fn advance(&mut self) -> Result<(), S3Error> {
        while self.events.is_empty() && self.state == State::Reads {
            if self.piece.is_empty() && !self.more {
                self.piece = self.outflow.next().await?.unwrap_or_default();
                self.last = self.piece.is_empty();
            }
            // What is packed in what was taken goes before what follows it.
            let taken = if self.more { 0 } else { self.piece.len().min(PIECE) };
            let piece = self.piece.split_to(taken);
            self.scanned += piece.len() as i64;
            let step = self.machine.take(&piece, self.last)?;
            self.more = step.more;
            self.give(&step.results);
            if (self.last && !step.more) || step.done {
                self.end();
            }
        }
        Ok(())
    }

    fn give(&mut self, results: &[u8]) {
        self.returned += results.len() as i64;
        self.results.extend_from_slice(results);
        self.tell(MAX_RESULTS - 1);
    }

    /// Makes events of the results where there are more than so many bytes of them: few go together.
    fn tell(&mut self, more_than: usize) {
        while self.results.len() > more_than {
            let payload = self.results.split_to(self.results.len().min(MAX_RESULTS)).freeze();
            self.events.push_back(Event::Records(api::RecordsEvent { payload: Some(payload) }));
        }
    }

    fn end(&mut self) {
        self.tell(0);
        let processed = i64::try_from(self.machine.processed).unwrap_or(i64::MAX);
        let (scanned, returned) = (Some(self.scanned), Some(self.returned));
        if self.progress {
            let details = api::Progress {
                bytes_scanned: scanned,
                bytes_processed: Some(processed),
                bytes_returned: returned,
            };
            self.events.push_back(Event::Progress(api::ProgressEvent { details: Some(details) }));
        }
        let details =
            api::Stats { bytes_scanned: scanned, bytes_processed: Some(processed), bytes_returned: returned };
        self.events.push_back(Event::Stats(api::StatsEvent { details: Some(details) }));
        self.events.push_back(Event::End(api::EndEvent::default()));
        self.state = State::Ended;
    }
}

/// The bytes that are looked at. A record that begins within is read to its end on AWS; here a range is
/// taken only where it is the whole object.
fn scanned(range: Option<&api::ScanRange>, size: u64) -> Result<std::ops::Range<u64>, S3Error> {
    match range {
        None => Ok(0..size),
        Some(range)
            if range.start.unwrap_or(0) == 0
                && range.end.is_none_or(|end| u64::try_from(end).is_ok_and(|end| end >= size)) =>
        {
            Ok(0..size)
        }
        Some(_) => Err(S3Error::NotImplemented { header: "ScanRange" }),
    }
}

fn packing(input: &api::InputSerialization) -> Result<Packing, S3Error> {
    match input.compression_type.as_ref().map(|kind| kind.as_str()) {
        None | Some("NONE") => Ok(Packing::None),
        Some("GZIP") => Ok(Packing::Gzip),
        Some("BZIP2") => Ok(Packing::Bzip2),
        Some(_) => Err(S3Error::select(
            "InvalidCompressionFormat",
            "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.",
        )),
    }
}

/// A sign of one byte.
fn byte(text: Option<&String>, default: Option<u8>) -> Result<Option<u8>, S3Error> {
    match text.map(|text| text.as_bytes()) {
        None => Ok(default),
        Some([]) => Ok(None),
        Some([byte]) => Ok(Some(*byte)),
        Some(_) => Err(S3Error::select(
            "InvalidRequestParameter",
            "The value of a parameter in the SelectRequest element is invalid. Check the service API documentation and try again.",
        )),
    }
}

fn format(input: &api::InputSerialization) -> Result<Format, S3Error> {
    match (&input.csv, &input.json, &input.parquet) {
        (None, Some(json), None) => match json.type_.as_ref().map(|kind| kind.as_str()) {
            Some("DOCUMENT") => Ok(Format::Document),
            Some("LINES") => Ok(Format::Lines),
            _ => Err(S3Error::select(
                "InvalidJsonType",
                "The JsonType is invalid. Only DOCUMENT and LINES are supported.",
            )),
        },
        (Some(csv), None, None) => {
            let header = match csv.file_header_info.as_ref().map(|info| info.as_str()) {
                None | Some("NONE" | "") => Header::None,
                Some("IGNORE") => Header::Ignore,
                Some("USE") => Header::Use,
                Some(_) => {
                    let message = "The FileHeaderInfo is invalid. Only NONE, USE, and IGNORE are supported.";
                    return Err(S3Error::select("InvalidFileHeaderInfo", message));
                }
            };
            let sign = |text: &Option<String>, default: &str| {
                text.as_deref().filter(|text| !text.is_empty()).unwrap_or(default).as_bytes().to_vec()
            };
            Ok(Format::Csv(Csv {
                header,
                comment: byte(csv.comments.as_ref(), None)?,
                escape: byte(csv.quote_escape_character.as_ref(), Some(b'"'))?.unwrap_or(b'"'),
                record: sign(&csv.record_delimiter, "\n"),
                field: sign(&csv.field_delimiter, ","),
                quote: byte(csv.quote_character.as_ref(), Some(b'"'))?,
            }))
        }
        (None, None, Some(_)) => Err(S3Error::NotImplemented { header: "Parquet" }),
        _ => Err(S3Error::select(
            "InvalidDataSource",
            "Invalid data source type. Only CSV, JSON, and Parquet are supported.",
        )),
    }
}

fn writer(output: &api::OutputSerialization) -> Result<Writer, S3Error> {
    let or = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
    match (&output.csv, &output.json) {
        (None, Some(json)) => Ok(Writer::Json(or(&json.record_delimiter, "\n"))),
        (Some(csv), None) => Ok(Writer::Csv {
            always: csv.quote_fields == Some(api::QuoteFields::Always),
            escape: or(&csv.quote_escape_character, "\""),
            record: or(&csv.record_delimiter, "\n"),
            field: or(&csv.field_delimiter, ","),
            quote: or(&csv.quote_character, "\""),
        }),
        _ => Err(S3Error::MalformedXml),
    }
}
