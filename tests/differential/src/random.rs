//! Random values made from the tables, the same for the same seed.
//!
//! Made apart from the codecs' own test values, and nastier: what one generator never draws, both sides of
//! a round trip may get wrong alike.

use bytes::Bytes;
use futures_util::stream;
use schema::{Body, Document, EventStream, Location, Member, Obj, Shape, Slot, TimeFormat, Timestamp, Ty};

/// Text of bodies: what each format must escape, and what it must not touch.
const TEXTS: &[&str] = &[
    "harp",
    "a&b<c>\"d\"'e'",
    "é漢字😀",
    " spaced ",
    "line\nfeed\tand\rreturn",
    "]]>",
    "100%+1",
    "\u{2028}",
];
/// Text of headers.
const PLAIN: &[&str] = &["harp", "Lyre-7", "a_b.c", "x:y/z", "two words", "0"];
const LONGS: &[i64] = &[0, 1, -1, 42, (1 << 53) + 1, i64::MAX, i64::MIN];
const INTS: &[i32] = &[0, 1, -1, 42, i32::MAX, i32::MIN];
const DOUBLES: &[f64] = &[0.0, 1.5, -2.25, 1e10, 123_456.789, 1e-7, 5e-324, f64::MAX];
const FLOATS: &[f32] = &[0.0, 1.5, -2.25, 1024.0, 0.125];
const DEEPEST: usize = 5;
/// The last second that is drawn: in the year 2100.
const LAST_SECOND: u64 = 4_102_444_800;

/// A sequence of numbers from a seed (splitmix64).
pub struct Random(pub u64);

/// What the place of a value allows.
#[derive(Clone, Copy)]
struct Place {
    header: bool,
    depth: usize,
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A value of a shape with random members.
    pub fn value(&mut self, shape: &'static Shape) -> Box<dyn Obj> {
        let mut value = (shape.make)();
        self.fill(value.as_mut(), 0);
        value
    }

    fn fill(&mut self, value: &mut dyn Obj, depth: usize) {
        let shape = value.shape();
        if shape.union {
            let fits = |index: &usize| depth < DEEPEST || is_scalar(shape.members[*index].ty);
            let fit: Vec<usize> = (0..shape.members.len()).filter(fits).collect();
            let index = self.pick(&fit);
            return self.member(value, index, &shape.members[index], depth);
        }
        for (index, member) in shape.members.iter().enumerate() {
            let too_deep = depth >= DEEPEST && !is_scalar(member.ty);
            // An event without its payload has an empty one: there is nothing to tell them apart.
            let needed = member.required || member.location == Location::EventPayload;
            if needed || (!too_deep && self.below(10) < 7) {
                self.member(value, index, member, depth);
            }
        }
    }

    fn member(&mut self, value: &mut dyn Obj, index: usize, member: &Member, depth: usize) {
        let header = !matches!(member.location, Location::Body | Location::Payload | Location::EventPayload);
        let Some(slot) = value.slot(index) else { return };
        match (member.location, slot) {
            (Location::StatusCode, Slot::Int(status)) => *status = self.pick(&[200, 202]),
            (_, Slot::Time(moment)) => {
                let whole = header || member.time_format == TimeFormat::HttpDate || is_http_date(member.ty);
                *moment = self.moment(whole);
            }
            (_, slot) => self.slot(slot, member.ty, Place { header, depth }),
        }
    }

    fn slot(&mut self, slot: Slot<'_>, ty: &'static Ty, place: Place) {
        match (slot, ty) {
            (Slot::Bool(value), _) => *value = self.below(2) == 0,
            (Slot::Int(value), _) => *value = self.pick(INTS),
            (Slot::Long(value), _) => *value = self.pick(LONGS),
            (Slot::Float(value), _) => *value = self.pick(FLOATS),
            (Slot::Double(value), _) => *value = self.pick(DOUBLES),
            (Slot::Text(text), ty) => *text = self.text(ty, place.header),
            (Slot::Enum(value), ty) => value.set(&self.text(ty, place.header)),
            (Slot::Blob(bytes), _) => *bytes = self.bytes(),
            (Slot::Stream(body), _) => *body = Body::from(self.bytes()),
            (Slot::Time(moment), ty) => *moment = self.moment(is_http_date(ty)),
            (Slot::Struct(value), _) => self.fill(value, place.depth + 1),
            (Slot::List(list), Ty::List(of)) => {
                for _ in 0..self.count(place) {
                    if of.sparse && self.below(4) == 0 {
                        list.push_null();
                    } else {
                        self.slot(list.push(), of.element, deeper(place));
                    }
                }
            }
            (Slot::Map(map), Ty::Map(of)) => {
                for _ in 0..self.count(place) {
                    // Names of headers have no letters to lose their case.
                    let key = if place.header {
                        self.pick(&["harp", "x-y"]).to_owned()
                    } else {
                        self.text(of.key, false)
                    };
                    self.slot(map.insert(&key), of.value, deeper(place));
                }
            }
            (Slot::Document(document), _) => *document = self.document(0),
            (Slot::Events(events), Ty::Events(shape)) => {
                let all = self.events(shape);
                *events = EventStream::new(stream::iter(all));
            }
            // The table and the type of a member are generated together.
            (Slot::List(_) | Slot::Map(_) | Slot::Events(_), _) => {}
        }
    }

    fn count(&mut self, place: Place) -> usize {
        match () {
            () if place.header => 1,
            () if place.depth >= DEEPEST => 0,
            () => self.below(4),
        }
    }

    fn text(&mut self, ty: &Ty, header: bool) -> String {
        match ty {
            Ty::Enum(of) if self.below(10) > 0 => self.pick(of.values).to_owned(),
            Ty::Enum(_) => "unheard-of".to_owned(),
            _ if header => self.pick(PLAIN).to_owned(),
            _ if self.below(10) == 0 => String::new(),
            _ => (0..=self.below(2)).map(|_| self.pick(TEXTS)).collect(),
        }
    }

    fn bytes(&mut self) -> Bytes {
        (0..self.below(40)).map(|_| self.next() as u8).collect()
    }

    fn moment(&mut self, whole: bool) -> Timestamp {
        let moment = Timestamp::from_seconds((self.next() % LAST_SECOND) as i64);
        if whole || self.below(2) == 0 { moment } else { moment.plus_millis(self.below(1000) as i64) }
    }

    fn document(&mut self, depth: usize) -> Document {
        match self.below(if depth < 3 { 7 } else { 5 }) {
            0 => Document::Null,
            1 => Document::Bool(true),
            2 => Document::Integer(self.pick(LONGS)),
            3 => Document::Number(self.pick(&[1.5, -2.25])),
            4 => Document::Text(self.pick(TEXTS).to_owned()),
            5 => Document::List((0..self.below(3)).map(|_| self.document(depth + 1)).collect()),
            _ => Document::Map([(self.pick(TEXTS).to_owned(), self.document(depth + 1))].into()),
        }
    }

    /// Some events of a stream; those that are errors end a stream and are not among them.
    fn events(&mut self, shape: &'static Shape) -> Vec<Box<dyn Obj>> {
        let is_error = |index: &usize| matches!(shape.members[*index].ty, Ty::Struct(of) if of.error);
        let fine: Vec<usize> = (0..shape.members.len()).filter(|index| !is_error(index)).collect();
        let mut events = Vec::new();
        for _ in 0..3 {
            let mut event = (shape.make)();
            let index = self.pick(&fine);
            self.member(event.as_mut(), index, &shape.members[index], 0);
            events.push(event);
        }
        events
    }
}

fn deeper(place: Place) -> Place {
    Place { depth: place.depth + 1, ..place }
}

fn is_scalar(ty: &Ty) -> bool {
    !matches!(ty, Ty::List(_) | Ty::Map(_) | Ty::Struct(_))
}

fn is_http_date(ty: &Ty) -> bool {
    matches!(ty, Ty::Time(TimeFormat::HttpDate))
}
