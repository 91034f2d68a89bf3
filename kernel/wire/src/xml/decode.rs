//! XML into a generated struct: namespaces are ignored, and unknown elements where the document need not be exact. An
//! element is repeated in flattened lists and maps only (test_duplicate_status_elements of dyus/meeseeks-s3, recorded on
//! AWS in 2026).

use super::reader::{Event, Reader, malformed};
use crate::fill::{Fill, Seen, lookup, same};
use crate::path::Path;
use crate::{Limits, Malformed, Violations, scalar};
use schema::{List, ListTy, Location, Map, MapTy, Member, Obj, Slot, Ty};

/// Decodes one XML document.
pub(crate) struct Decoder<'a, 'v> {
    reader: Reader<'a>,
    fill: Fill<'v>,
    exact: bool,
}

impl<'a, 'v> Decoder<'a, 'v> {
    pub(crate) fn new(
        body: &'a [u8],
        limits: Limits,
        violations: &'v mut Violations,
    ) -> Result<Self, Malformed> {
        Ok(Decoder {
            reader: Reader::new(body, limits.depth)?,
            fill: Fill::new(limits, violations),
            exact: false,
        })
    }

    /// The same, but for unknown elements in structures, which are refused where the document is to be exact.
    pub(crate) fn exact(self, exact: bool) -> Self {
        Decoder { exact, ..self }
    }

    /// The root element as a structure's members that travel in the body. The caller finishes it.
    pub(crate) fn top(
        mut self,
        obj: &mut dyn Obj,
        seen: &mut Seen,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        self.root()?;
        self.members(obj, seen, path)?;
        self.end()
    }

    /// The root element as one value.
    pub(crate) fn whole(mut self, member: &'static Member, slot: Slot<'_>) -> Result<(), Malformed> {
        self.root()?;
        self.value(member.ty, slot, &Path::ROOT.member(member.name))?;
        self.end()
    }

    fn root(&mut self) -> Result<(), Malformed> {
        match self.reader.next()? {
            Event::Start(_) => Ok(()),
            _ => Err(malformed()),
        }
    }

    fn end(&mut self) -> Result<(), Malformed> {
        match self.reader.next()? {
            Event::Eof => Ok(()),
            _ => Err(malformed()),
        }
    }

    /// Behind a start: the members inside, up to the end.
    fn members(&mut self, obj: &mut dyn Obj, seen: &mut Seen, path: &Path<'_>) -> Result<(), Malformed> {
        let shape = obj.shape();
        self.fill.enter()?;
        self.fill.structure(shape)?;
        self.attributes(obj, seen)?;
        let mut hint = 0;
        while let Some(name) = self.child()? {
            let fits = |member: &Member| {
                member.location == Location::Body && !member.xml_attribute && same(element_name(member), name)
            };
            let Some((index, member)) = lookup(shape, hint, fits) else {
                if self.exact {
                    return Err(malformed());
                }
                self.reader.skip()?;
                continue;
            };
            hint = index;
            let fresh = seen.mark(index);
            let path = path.member(member.name);
            match (obj.slot(index), member.ty) {
                (Some(Slot::List(list)), Ty::List(ty)) if ty.flattened || member.flattened => {
                    self.fill.value()?;
                    let path = path.element(list.len());
                    self.value(ty.element, list.push(), &path)?;
                }
                (Some(Slot::Map(map)), Ty::Map(ty)) if ty.flattened || member.flattened => {
                    self.entry(ty, map, &path)?;
                }
                (Some(slot), ty) if fresh => self.value(ty, slot, &path)?,
                (Some(_), _) => return Err(malformed()),
                (None, _) => self.reader.skip()?,
            }
        }
        self.fill.leave();
        Ok(())
    }

    /// The members of a structure that are attributes of its element.
    fn attributes(&mut self, obj: &mut dyn Obj, seen: &mut Seen) -> Result<(), Malformed> {
        let members = obj.shape().members.iter().enumerate();
        for (index, member) in members.filter(|(_, member)| member.xml_attribute) {
            let Some(text) = self.reader.attribute(member.wire_name.unwrap_or(member.name))? else {
                continue;
            };
            seen.mark(index);
            if let Some(slot) = obj.slot(index) {
                scalar::read(&text, slot)?;
            }
        }
        Ok(())
    }

    /// The next element inside the open one; `None` at its end.
    fn child(&mut self) -> Result<Option<&'a str>, Malformed> {
        loop {
            match self.reader.next()? {
                Event::Start(name) => return Ok(Some(name)),
                Event::End => return Ok(None),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Text(_) | Event::Eof => return Err(malformed()),
            }
        }
    }

    /// Behind a start: the element's value, up to its end.
    fn value(&mut self, ty: &'static Ty, slot: Slot<'_>, path: &Path<'_>) -> Result<(), Malformed> {
        match (slot, ty) {
            (Slot::Struct(obj), _) => {
                let mut seen = Seen::default();
                self.members(obj, &mut seen, path)?;
                self.fill.finish(obj.shape(), &seen, path);
                Ok(())
            }
            (Slot::List(list), Ty::List(ty)) => self.list(ty, list, path),
            (Slot::Map(map), Ty::Map(ty)) => self.map(ty, map, path),
            (Slot::List(_) | Slot::Map(_) | Slot::Stream(_) | Slot::Events(_) | Slot::Document(_), _) => {
                self.reader.skip()
            }
            (slot, _) => {
                let text = self.reader.element_text()?;
                scalar::read(&text, slot)
            }
        }
    }

    fn list(&mut self, ty: &'static ListTy, list: &mut dyn List, path: &Path<'_>) -> Result<(), Malformed> {
        self.fill.enter()?;
        while let Some(name) = self.child()? {
            if name != ty.element_name && name != "member" {
                self.reader.skip()?;
                continue;
            }
            self.fill.value()?;
            let path = path.element(list.len());
            self.value(ty.element, list.push(), &path)?;
        }
        self.fill.leave();
        Ok(())
    }

    fn map(&mut self, ty: &'static MapTy, map: &mut dyn Map, path: &Path<'_>) -> Result<(), Malformed> {
        self.fill.enter()?;
        while let Some(name) = self.child()? {
            match name {
                "entry" => self.entry(ty, map, path)?,
                _ => self.reader.skip()?,
            }
        }
        self.fill.leave();
        Ok(())
    }

    /// A key and a value: the key comes first, as every client writes it.
    fn entry(&mut self, ty: &'static MapTy, map: &mut dyn Map, path: &Path<'_>) -> Result<(), Malformed> {
        self.fill.value()?;
        let mut key = None;
        while let Some(name) = self.child()? {
            match &key {
                None if name == ty.key_name => key = Some(self.reader.element_text()?),
                Some(key) if name == ty.value_name => {
                    self.value(ty.value, map.insert(key), &path.entry(key))?;
                }
                _ => self.reader.skip()?,
            }
        }
        if key.is_some() { Ok(()) } else { Err(malformed()) }
    }
}

/// The name of a member's elements: a flattened list may state it at its elements.
fn element_name(member: &Member) -> &'static str {
    match member.ty {
        Ty::List(ty) if (ty.flattened || member.flattened) && ty.element_name != "member" => ty.element_name,
        _ => member.wire_name.unwrap_or(member.name),
    }
}
