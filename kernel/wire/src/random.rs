//! Random values that respect the constraints of their tables, for tests against other implementations.

mod text;

use names::Timestamp;
use schema::{
    Document, List, ListTy, Location, Map, MapTy, Member, NumberRange, Obj, SizeRange, Slot, TimeFormat, Ty,
};

/// Numbers from a seed: the same seed, the same numbers (SplitMix64).
pub(crate) struct Source(u64);

impl Source {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below a bound; 0 for the bound 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// Fills a value at random: required members always, others mostly, nesting at most `depth` levels. The
/// same seed gives the same value.
pub fn random_fill(obj: &mut dyn Obj, seed: u64, depth: usize) {
    Filler { source: Source(seed) }.structure(obj, depth);
}

struct Filler {
    source: Source,
}

impl Filler {
    fn structure(&mut self, obj: &mut dyn Obj, depth: usize) {
        let shape = obj.shape();
        if shape.union {
            return self.union(obj, depth);
        }
        for (index, member) in shape.members.iter().enumerate() {
            let wanted = member.required || (depth > 0 && !self.source.chance(3));
            if !wanted || skipped(member) {
                continue;
            }
            if let Some(slot) = obj.slot(index) {
                self.member(member, slot, depth);
            }
        }
    }

    /// One member of the union; near the bottom a plain one, where there is any.
    fn union(&mut self, obj: &mut dyn Obj, depth: usize) {
        let members = obj.shape().members;
        let plain = |member: &&Member| !matches!(member.ty, Ty::Struct(_) | Ty::List(_) | Ty::Map(_));
        let choice: Vec<&Member> = match depth {
            0 if members.iter().any(|member| plain(&member)) => members.iter().filter(plain).collect(),
            _ => members.iter().collect(),
        };
        let chosen = self.source.below(choice.len() as u64) as usize;
        let Some(member) = choice.get(chosen) else { return };
        let index = members.iter().position(|other| other.name == member.name).unwrap_or(0);
        if let Some(slot) = obj.slot(index) {
            self.member(member, slot, depth);
        }
    }

    fn member(&mut self, member: &'static Member, slot: Slot<'_>, depth: usize) {
        let whole_seconds = match (member.location, member.ty) {
            (Location::Header(_), Ty::Time(format)) => *format != TimeFormat::EpochSeconds,
            (_, Ty::Time(format)) => [member.time_format, *format].contains(&TimeFormat::HttpDate),
            _ => false,
        };
        match slot {
            Slot::Text(into) if !matches!(member.location, Location::Body | Location::Payload) => {
                // Headers, labels and query keys: visible ASCII, and never empty.
                *into = text::visible(&mut self.source, member.ty);
            }
            Slot::Time(into) if whole_seconds => *into = Timestamp(self.seconds() * 1000),
            slot => self.value(member.ty, slot, depth, member.location),
        }
    }

    fn value(&mut self, ty: &'static Ty, slot: Slot<'_>, depth: usize, location: Location) {
        match (slot, ty) {
            (Slot::Bool(into), _) => *into = self.source.chance(2),
            (Slot::Int(into), Ty::Int(range)) => {
                *into = self.whole(*range, i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
            }
            (Slot::Long(into), Ty::Long(range)) => *into = self.whole(*range, i64::MIN >> 11, i64::MAX >> 11),
            (Slot::Float(into), Ty::Float(range)) => *into = self.real(*range) as f32,
            (Slot::Double(into), Ty::Double(range)) => *into = self.real(*range),
            (Slot::Text(into), ty) => *into = text::any(&mut self.source, ty),
            (Slot::Enum(into), Ty::Enum(ty)) => {
                let chosen = self.source.below(ty.values.len() as u64) as usize;
                into.set(ty.values.get(chosen).copied().unwrap_or("UNKNOWN"));
            }
            (Slot::Blob(into), Ty::Blob(size)) => {
                let length = self.length(*size, 20);
                *into = (0..length).map(|_| self.source.next() as u8).collect::<Vec<u8>>().into();
            }
            // A quarter of a second is exact in every form.
            (Slot::Time(into), _) => {
                let quarter = self.source.below(4) as i64 * 250;
                *into = Timestamp(self.seconds() * 1000 + quarter);
            }
            (Slot::List(list), Ty::List(ty)) => self.list(ty, list, depth, location),
            (Slot::Map(map), Ty::Map(ty)) => self.map(ty, map, depth, location),
            (Slot::Struct(obj), _) => self.structure(obj, depth.saturating_sub(1)),
            (Slot::Document(into), _) => *into = Document::Text(text::any(&mut self.source, &Ty::TEXT)),
            _ => {}
        }
    }

    fn list(&mut self, ty: &'static ListTy, list: &mut dyn List, depth: usize, location: Location) {
        let most = if depth == 0 { 0 } else { 3 };
        for _ in 0..self.length(ty.size, most) {
            match (list.push(), location) {
                (Slot::Text(into), Location::Header(_) | Location::Query(_)) => {
                    *into = text::visible(&mut self.source, ty.element);
                }
                (Slot::Time(into), Location::Header(_)) => *into = Timestamp(self.seconds() * 1000),
                (slot, _) => self.value(ty.element, slot, depth.saturating_sub(1), Location::Body),
            }
        }
    }

    fn map(&mut self, ty: &'static MapTy, map: &mut dyn Map, depth: usize, location: Location) {
        let most = if depth == 0 { 0 } else { 3 };
        let in_headers = matches!(location, Location::Headers(_) | Location::QueryMap);
        for number in 0..self.length(ty.size, most) {
            let key = match ty.key {
                Ty::Enum(_) => text::any(&mut self.source, ty.key),
                _ if in_headers => format!("key{number}"),
                key => text::visible(&mut self.source, key),
            };
            match map.insert(&key) {
                Slot::Text(into) if in_headers => *into = text::visible(&mut self.source, ty.value),
                slot => self.value(ty.value, slot, depth.saturating_sub(1), Location::Body),
            }
        }
    }

    /// Seconds in the years 2001 to 2033.
    fn seconds(&mut self) -> i64 {
        1_000_000_000 + self.source.below(1_000_000_000) as i64
    }

    /// A length within the bounds, above the least by at most `more`.
    fn length(&mut self, size: SizeRange, more: u64) -> u64 {
        let room = size.max.saturating_sub(size.min).min(more);
        size.min + self.source.below(room + 1)
    }

    fn whole(&mut self, range: NumberRange, least: i64, most: i64) -> i64 {
        let (least, most) = (least.max(range.min as i64), most.min(range.max as i64));
        let width = most.abs_diff(least).saturating_add(1);
        least.saturating_add_unsigned(self.source.below(width))
    }

    /// A number with an exact short form.
    fn real(&mut self, range: NumberRange) -> f64 {
        let (least, most) = (range.min.max(-1000.0), range.max.min(1000.0));
        let quarters = ((most - least).max(0.0) * 4.0) as u64;
        least + self.source.below(quarters + 1) as f64 / 4.0
    }
}

/// What cannot be filled here: streams, and what belongs to no request or answer body.
fn skipped(member: &Member) -> bool {
    matches!(member.ty, Ty::Stream { .. } | Ty::Events(_)) || member.location == Location::StatusCode
}
