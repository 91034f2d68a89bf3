//! JSON into a generated struct.
//!
//! Unknown members are skipped, nulls are absent, of a repeated key the first counts. A value of the
//! wrong type ends decoding with AWS's words.

use super::document;
use super::lexer::Lexer;
use super::mismatch::{Place, Words};
use crate::fill::{Fill, Seen, lookup, same};
use crate::path::Path;
use crate::{Limits, Malformed, Violations, scalar};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use names::Timestamp;
use schema::{List, ListTy, Location, Map, MapTy, Member, Obj, Slot, TimeFormat, Ty};

/// Which members of a structure the text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Members {
    /// All: the protocols without bindings ignore locations.
    All,
    /// Those of the body: the rest travels elsewhere.
    Body,
}

/// Decodes one JSON text.
pub(crate) struct Decoder<'a, 'v> {
    lexer: Lexer<'a>,
    fill: Fill<'v>,
    words: Words,
}

impl<'a, 'v> Decoder<'a, 'v> {
    pub(crate) fn new(
        body: &'a [u8],
        limits: Limits,
        violations: &'v mut Violations,
    ) -> Result<Self, Malformed> {
        Ok(Decoder { lexer: Lexer::new(body)?, fill: Fill::new(limits, violations), words: Words::PLAIN })
    }

    /// Refuses values of the wrong type in a service's own words.
    pub(crate) fn wording(self, words: Words) -> Self {
        Decoder { words, ..self }
    }

    /// The members of the top structure; an empty text stands for `{}`. The caller finishes the structure.
    pub(crate) fn top(
        mut self,
        obj: &mut dyn Obj,
        only: Members,
        seen: &mut Seen,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        if self.lexer.is_at_end() || self.lexer.null()? {
            return Ok(());
        }
        self.members(obj, (only, Place::Element), seen, path)?;
        self.lexer.end()
    }

    /// The whole text as one value.
    pub(crate) fn whole(mut self, member: &'static Member, slot: Slot<'_>) -> Result<(), Malformed> {
        self.value((member.ty, member.time_format, Place::Field), slot, &Path::ROOT.member(member.name))?;
        self.lexer.end()
    }

    fn members(
        &mut self,
        obj: &mut dyn Obj,
        (only, place): (Members, Place),
        seen: &mut Seen,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let shape = obj.shape();
        let found = self.lexer.peek()?;
        if !self.lexer.take(b'{')? {
            return Err(self.words.structure(found, shape.name, place));
        }
        self.fill.enter()?;
        self.fill.structure(shape)?;
        let mut hint = 0;
        let mut more = !self.lexer.take(b'}')?;
        while more {
            let key = self.lexer.key()?;
            if !self.lexer.null()? {
                let fits = |member: &Member| {
                    same(member.wire_name.unwrap_or(member.name), &key)
                        && (only == Members::All || member.location == Location::Body)
                };
                match lookup(shape, hint, fits) {
                    Some((index, member)) if seen.mark(index) => {
                        hint = index + 1;
                        match obj.slot(index) {
                            Some(slot) => {
                                let path = path.member(member.name);
                                self.value((member.ty, member.time_format, Place::Field), slot, &path)?;
                            }
                            None => self.lexer.skip()?,
                        }
                    }
                    _ => self.lexer.skip()?,
                }
            }
            more = self.more(b'}')?;
        }
        self.fill.leave();
        Ok(())
    }

    /// Behind a member or element: whether another follows; takes the comma or the end.
    fn more(&mut self, end: u8) -> Result<bool, Malformed> {
        if self.lexer.take(b',')? {
            return Ok(true);
        }
        self.lexer.expect(end)?;
        Ok(false)
    }

    fn value(
        &mut self,
        (ty, time, place): (&'static Ty, TimeFormat, Place),
        slot: Slot<'_>,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        match (slot, ty) {
            (Slot::Text(into), _) => *into = self.text()?,
            (Slot::Enum(into), _) => into.set(&self.text()?),
            (Slot::Bool(into), _) => *into = self.boolean()?,
            (Slot::Int(into), _) => {
                *into = self.integer("Integer")?.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
            }
            (Slot::Long(into), _) => *into = self.integer("Long")?,
            (Slot::Float(into), _) => *into = self.float("Float")? as f32,
            (Slot::Double(into), _) => *into = self.float("Double")?,
            (Slot::Blob(into), _) => *into = self.blob()?,
            (Slot::Time(into), _) => {
                *into = self.time(scalar::time_format(time, ty, TimeFormat::EpochSeconds))?
            }
            (Slot::List(list), Ty::List(ty)) => self.list((ty, place), list, path)?,
            (Slot::Map(map), Ty::Map(ty)) => self.map((ty, place), map, path)?,
            (Slot::Struct(obj), _) => self.structure(obj, place, path)?,
            (Slot::Document(into), _) => {
                *into = document::read(&mut self.lexer, self.fill.depth())?;
            }
            (Slot::List(_) | Slot::Map(_) | Slot::Stream(_) | Slot::Events(_), _) => self.lexer.skip()?,
        }
        Ok(())
    }

    fn structure(&mut self, obj: &mut dyn Obj, place: Place, path: &Path<'_>) -> Result<(), Malformed> {
        let mut seen = Seen::default();
        self.members(obj, (Members::All, place), &mut seen, path)?;
        self.fill.finish(obj.shape(), &seen, path);
        Ok(())
    }

    fn list(
        &mut self,
        (ty, place): (&'static ListTy, Place),
        list: &mut dyn List,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let found = self.lexer.peek()?;
        if !self.lexer.take(b'[')? {
            return Err(self.words.list(found, place));
        }
        self.fill.enter()?;
        let mut more = !self.lexer.take(b']')?;
        while more {
            self.fill.value()?;
            if self.lexer.null()? {
                list.push_null();
            } else {
                let path = path.element(list.len());
                self.value((ty.element, TimeFormat::ProtocolDefault, Place::Element), list.push(), &path)?;
            }
            more = self.more(b']')?;
        }
        self.fill.leave();
        Ok(())
    }

    fn map(
        &mut self,
        (ty, place): (&'static MapTy, Place),
        map: &mut dyn Map,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let found = self.lexer.peek()?;
        if !self.lexer.take(b'{')? {
            return Err(self.words.map(found, ty.value, place));
        }
        self.fill.enter()?;
        let mut more = !self.lexer.take(b'}')?;
        while more {
            self.fill.value()?;
            let key = self.lexer.key()?;
            if self.lexer.null()? {
                map.insert_null(&key);
            } else {
                let value = (ty.value, TimeFormat::ProtocolDefault, Place::Element);
                self.value(value, map.insert(&key), &path.entry(&key))?;
            }
            more = self.more(b'}')?;
        }
        self.fill.leave();
        Ok(())
    }

    fn text(&mut self) -> Result<String, Malformed> {
        match self.lexer.peek()? {
            b'"' => Ok(self.lexer.string()?.into_owned()),
            b'-' | b'0'..=b'9' if self.lexer.number()?.contains(['.', 'e', 'E']) => {
                Err(self.words.decimal("String"))
            }
            found => Err(self.words.scalar(found, "String")),
        }
    }

    fn boolean(&mut self) -> Result<bool, Malformed> {
        match self.lexer.peek()? {
            b't' => self.lexer.word("true").map(|()| true),
            b'f' => self.lexer.word("false").map(|()| false),
            b'"' if self.words.reads_truth() => {
                let text = self.lexer.string()?;
                truth(&text).ok_or_else(|| self.words.no_truth())
            }
            b'-' | b'0'..=b'9' if self.lexer.number()?.contains(['.', 'e', 'E']) => {
                Err(self.words.decimal("Boolean"))
            }
            found => Err(self.words.scalar(found, "Boolean")),
        }
    }

    /// A whole number; a fraction is cut off, and what is out of range becomes the nearest bound.
    fn integer(&mut self, java: &str) -> Result<i64, Malformed> {
        match self.lexer.peek()? {
            b'-' | b'0'..=b'9' => {
                let text = self.lexer.number()?;
                Ok(text.parse().unwrap_or_else(|_| text.parse::<f64>().unwrap_or_default() as i64))
            }
            found => Err(self.words.scalar(found, java)),
        }
    }

    fn float(&mut self, java: &str) -> Result<f64, Malformed> {
        match self.lexer.peek()? {
            b'-' | b'0'..=b'9' => self.lexer.number()?.parse().map_err(|_| self.words.scalar(b'0', java)),
            b'"' => scalar::float(&self.lexer.string()?).ok_or_else(|| self.words.scalar(b'"', java)),
            found => Err(self.words.scalar(found, java)),
        }
    }

    fn blob(&mut self) -> Result<Bytes, Malformed> {
        let found = self.lexer.peek()?;
        if found != b'"' {
            return Err(self.words.blob(found));
        }
        let text = self.lexer.string()?;
        STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(|_| self.words.base64(&text))
    }

    fn time(&mut self, format: TimeFormat) -> Result<Timestamp, Malformed> {
        let found = self.lexer.peek()?;
        let moment = match found {
            b'-' | b'0'..=b'9' => self.lexer.number()?.parse().ok().and_then(scalar::seconds),
            b'"' => scalar::time(&self.lexer.string()?),
            _ => None,
        };
        let java = if format == TimeFormat::EpochSeconds { "Timestamp" } else { "Date" };
        moment.ok_or_else(|| self.words.scalar(found, java))
    }
}

/// The texts that stand for truth values where a service reads them.
fn truth(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match (is(["true", "1", "yes"]), is(["false", "0", "no"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}
