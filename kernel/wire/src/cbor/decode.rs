//! CBOR into a generated struct. Unknown members are skipped, nulls are absent.

use super::reader::{Item, Reader, malformed};
use crate::fill::{Fill, Seen, lookup, same};
use crate::path::Path;
use crate::{Limits, Malformed, Violations, scalar};
use schema::{Document, List, ListTy, Map, MapTy, Member, Obj, Slot, Ty};

/// Decodes an input; an empty body stands for an empty structure.
pub(crate) fn decode(
    body: &[u8],
    obj: &mut dyn Obj,
    limits: Limits,
    violations: &mut Violations,
) -> Result<(), Malformed> {
    let mut decoder =
        Decoder { reader: Reader::new(body, limits.depth), fill: Fill::new(limits, violations) };
    if body.is_empty() {
        decoder.fill.finish(obj.shape(), &Seen::default(), &Path::ROOT);
        return Ok(());
    }
    let head = decoder.item()?;
    decoder.structure(head, obj, &Path::ROOT)?;
    if decoder.reader.is_at_end() { Ok(()) } else { Err(malformed()) }
}

struct Decoder<'a, 'v> {
    reader: Reader<'a>,
    fill: Fill<'v>,
}

/// The tag of a moment in seconds since the epoch.
const EPOCH_TAG: u64 = 1;

impl Decoder<'_, '_> {
    /// The next head, behind any tags.
    fn item(&mut self) -> Result<Item, Malformed> {
        loop {
            match self.reader.item()? {
                Item::Tag(_) => {}
                head => return Ok(head),
            }
        }
    }

    fn structure(&mut self, head: Item, obj: &mut dyn Obj, path: &Path<'_>) -> Result<(), Malformed> {
        let shape = obj.shape();
        let Item::Map(mut left) = head else { return Err(mismatch(path, "a structure")) };
        self.fill.enter()?;
        self.fill.structure(shape)?;
        let (mut seen, mut hint) = (Seen::default(), 0);
        while self.reader.more(&mut left)? {
            let Item::Text(length) = self.item()? else { return Err(malformed()) };
            let key = self.reader.text(length)?;
            let head = self.reader.item()?;
            let found =
                lookup(shape, hint, |member: &Member| same(member.wire_name.unwrap_or(member.name), &key));
            match found {
                Some((index, member)) if head != Item::Null && seen.mark(index) => {
                    hint = index + 1;
                    match obj.slot(index) {
                        Some(slot) => self.value(head, member.ty, slot, &path.member(member.name))?,
                        None => self.reader.skip(head)?,
                    }
                }
                _ => self.reader.skip(head)?,
            }
        }
        self.fill.leave();
        self.fill.finish(shape, &seen, path);
        Ok(())
    }

    fn value(
        &mut self,
        head: Item,
        ty: &'static Ty,
        slot: Slot<'_>,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let tagged = matches!(head, Item::Tag(_));
        let head = match head {
            Item::Tag(tag) if tag == EPOCH_TAG || !matches!(slot, Slot::Time(_)) => self.item()?,
            Item::Tag(_) => return Err(mismatch(path, "a timestamp")),
            head => head,
        };
        match (slot, ty) {
            (Slot::Struct(obj), _) => return self.structure(head, obj, path),
            (Slot::List(list), Ty::List(ty)) => return self.list(head, ty, list, path),
            (Slot::Map(map), Ty::Map(ty)) => return self.map(head, ty, map, path),
            (Slot::Time(into), _) => {
                let moment = number(head).filter(|_| tagged).and_then(scalar::seconds);
                *into = moment.ok_or_else(|| mismatch(path, "a timestamp"))?;
            }
            (Slot::Document(into), _) => *into = self.document(head, self.fill.depth())?,
            (Slot::List(_) | Slot::Map(_) | Slot::Stream(_) | Slot::Events(_), _) => {
                self.reader.skip(head)?
            }
            (slot, _) => self.scalar(head, slot, path)?,
        }
        Ok(())
    }

    fn scalar(&mut self, head: Item, slot: Slot<'_>, path: &Path<'_>) -> Result<(), Malformed> {
        match (slot, head) {
            (Slot::Text(into), Item::Text(length)) => *into = self.reader.text(length)?.into_owned(),
            (Slot::Enum(into), Item::Text(length)) => into.set(&self.reader.text(length)?),
            (Slot::Blob(into), Item::Bytes(length)) => {
                *into = self.reader.chunks(length, false)?.into_owned().into();
            }
            (Slot::Bool(into), Item::Bool(truth)) => *into = truth,
            (Slot::Int(into), Item::Integer(whole)) => {
                *into = i32::try_from(whole).map_err(|_| mismatch(path, "an integer"))?;
            }
            (Slot::Long(into), Item::Integer(whole)) => {
                *into = i64::try_from(whole).map_err(|_| mismatch(path, "a long"))?;
            }
            (Slot::Float(into), head) => {
                *into = number(head).ok_or_else(|| mismatch(path, "a number"))? as f32;
            }
            (Slot::Double(into), head) => *into = number(head).ok_or_else(|| mismatch(path, "a number"))?,
            _ => return Err(mismatch(path, "of its type")),
        }
        Ok(())
    }

    fn list(
        &mut self,
        head: Item,
        ty: &'static ListTy,
        list: &mut dyn List,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let Item::Array(mut left) = head else { return Err(mismatch(path, "a list")) };
        self.fill.enter()?;
        while self.reader.more(&mut left)? {
            self.fill.value()?;
            match self.reader.item()? {
                Item::Null => list.push_null(),
                head => {
                    let path = path.element(list.len());
                    self.value(head, ty.element, list.push(), &path)?;
                }
            }
        }
        self.fill.leave();
        Ok(())
    }

    fn map(
        &mut self,
        head: Item,
        ty: &'static MapTy,
        map: &mut dyn Map,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let Item::Map(mut left) = head else { return Err(mismatch(path, "a map")) };
        self.fill.enter()?;
        while self.reader.more(&mut left)? {
            self.fill.value()?;
            let Item::Text(length) = self.item()? else { return Err(malformed()) };
            let key = self.reader.text(length)?;
            match self.reader.item()? {
                Item::Null => map.insert_null(&key),
                head => self.value(head, ty.value, map.insert(&key), &path.entry(&key))?,
            }
        }
        self.fill.leave();
        Ok(())
    }

    fn document(&mut self, head: Item, depth: usize) -> Result<Document, Malformed> {
        let Some(below) = depth.checked_sub(1) else { return Err(Malformed::too_deep()) };
        Ok(match head {
            Item::Integer(whole) => match i64::try_from(whole) {
                Ok(whole) => Document::Integer(whole),
                Err(_) => Document::Number(whole as f64),
            },
            Item::Float(number) => Document::Number(number),
            Item::Bool(truth) => Document::Bool(truth),
            Item::Null => Document::Null,
            Item::Text(length) => Document::Text(self.reader.text(length)?.into_owned()),
            Item::Array(mut left) => {
                let mut items = Vec::new();
                while self.reader.more(&mut left)? {
                    let head = self.item()?;
                    items.push(self.document(head, below)?);
                }
                Document::List(items)
            }
            Item::Map(mut left) => {
                let mut entries = std::collections::BTreeMap::new();
                while self.reader.more(&mut left)? {
                    let Item::Text(length) = self.item()? else { return Err(malformed()) };
                    let key = self.reader.text(length)?.into_owned();
                    let head = self.item()?;
                    entries.insert(key, self.document(head, below)?);
                }
                Document::Map(entries)
            }
            Item::Bytes(_) | Item::Tag(_) | Item::Break => return Err(malformed()),
        })
    }
}

fn number(head: Item) -> Option<f64> {
    match head {
        Item::Integer(whole) => Some(whole as f64),
        Item::Float(number) => Some(number),
        _ => None,
    }
}

fn mismatch(path: &Path<'_>, expected: &str) -> Malformed {
    Malformed::mistyped(format!("The value at '{}' is not {expected}", path.text()))
}
