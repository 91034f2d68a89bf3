//! A form into a generated struct, led by the struct's table: what the table does not name is not looked at.

use super::pairs::{Node, Pairs};
use crate::fill::{Fill, Seen};
use crate::path::Path;
use crate::{Limits, Malformed, Violations, scalar};
use schema::{List, ListTy, Map, MapTy, Member, Obj, Slot, Ty};

/// How members and lists are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `Names.member.1`
    Query,
    /// `Name.1`
    Ec2,
}

/// Decodes a form. `given` are members known from elsewhere: they count where the form leaves them out.
pub(crate) fn decode(
    dialect: Dialect,
    pairs: &Pairs<'_>,
    given: &[(&'static str, String)],
    obj: &mut dyn Obj,
    limits: Limits,
    violations: &mut Violations,
) -> Result<(), Malformed> {
    let mut decoder = Decoder { dialect, fill: Fill::new(limits, violations) };
    let mut seen = Seen::default();
    decoder.members(pairs.root(), obj, &mut seen, &Path::ROOT)?;
    let shape = obj.shape();
    for (name, text) in given {
        let Some(index) = shape.members.iter().position(|member| member.name == *name) else { continue };
        if seen.mark(index)
            && let Some(slot) = obj.slot(index)
        {
            scalar::read(text, slot)?;
        }
    }
    decoder.fill.finish(shape, &seen, &Path::ROOT);
    Ok(())
}

struct Decoder<'v> {
    dialect: Dialect,
    fill: Fill<'v>,
}

impl Decoder<'_> {
    fn members(
        &mut self,
        node: Node<'_>,
        obj: &mut dyn Obj,
        seen: &mut Seen,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let shape = obj.shape();
        self.fill.enter()?;
        self.fill.structure(shape)?;
        for (index, member) in shape.members.iter().enumerate() {
            let Some(found) = self.find(node, member) else { continue };
            seen.mark(index);
            if let Some(slot) = obj.slot(index) {
                self.value(found, member.ty, member.flattened, slot, &path.member(member.name))?;
            }
        }
        self.fill.leave();
        Ok(())
    }

    /// The pairs of a member, under the name the dialect gives it.
    fn find<'p>(&self, node: Node<'p>, member: &'static Member) -> Option<Node<'p>> {
        let name = member.wire_name.unwrap_or(member.name);
        match (self.dialect, member.query_name) {
            // botocore writes a list without elements under the member's own name, whatever the model says.
            (_, Some(stated)) => node.child(stated).or_else(|| match member.ty {
                Ty::List(_) => node.child(name),
                _ => None,
            }),
            (Dialect::Ec2, None) => node.child(&capitalised(name)),
            (Dialect::Query, None) => {
                let element = match member.ty {
                    Ty::List(list) if list.flattened || member.flattened => Some(list.element_name),
                    _ => None,
                };
                // A flattened list stands under its element's name, where it has one.
                let stated = element.filter(|element| *element != "member").and_then(|name| node.child(name));
                stated.or_else(|| node.child(name))
            }
        }
    }

    fn value(
        &mut self,
        node: Node<'_>,
        ty: &'static Ty,
        flattened: bool,
        slot: Slot<'_>,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        match (slot, ty) {
            (Slot::List(list), Ty::List(ty)) => self.list(node, ty, flattened || ty.flattened, list, path),
            (Slot::Map(map), Ty::Map(ty)) => self.map(node, ty, flattened || ty.flattened, map, path),
            (Slot::Struct(obj), _) => {
                let mut seen = Seen::default();
                self.members(node, obj, &mut seen, path)?;
                self.fill.finish(obj.shape(), &seen, path);
                Ok(())
            }
            (slot, _) => match node.value() {
                Some(text) => scalar::read(text, slot),
                None => Err(Malformed::mistyped(format!("{} is not a structure", path.text()))),
            },
        }
    }

    fn list(
        &mut self,
        node: Node<'_>,
        ty: &'static ListTy,
        flattened: bool,
        list: &mut dyn List,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        // Some clients write `.member` where the model has another name, or leave it out.
        let named = match self.dialect {
            Dialect::Query if !flattened => node.child(ty.element_name).or_else(|| node.child("member")),
            _ => None,
        };
        self.fill.enter()?;
        for element in named.unwrap_or(node).numbered() {
            self.fill.value()?;
            let path = path.element(list.len());
            self.value(element, ty.element, false, list.push(), &path)?;
        }
        self.fill.leave();
        Ok(())
    }

    fn map(
        &mut self,
        node: Node<'_>,
        ty: &'static MapTy,
        flattened: bool,
        map: &mut dyn Map,
        path: &Path<'_>,
    ) -> Result<(), Malformed> {
        let entries = if flattened { node } else { node.child("entry").unwrap_or(node) };
        self.fill.enter()?;
        for entry in entries.numbered() {
            self.fill.value()?;
            let Some(key) = entry.child(ty.key_name).and_then(|node| node.value()) else { continue };
            let slot = map.insert(key);
            if let Some(value) = entry.child(ty.value_name) {
                self.value(value, ty.value, false, slot, &path.entry(key))?;
            }
        }
        self.fill.leave();
        Ok(())
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
