//! The tags of a structure's members, put together once for all elements of a list: a page of a thousand entries
//! writes the same ones a thousand times.

use super::Writer;
use super::encode::{Naming, content, location_name, member_elements};
use schema::{Location, Member, Obj, TimeFormat, Ty, Val};

/// Lists of fewer elements are written member by member.
pub(super) const WORTHWHILE: usize = 8;

/// An element of a list of structures.
pub(super) struct Outline {
    tags: Tags,
    members: Vec<Outlined>,
}

struct Tags {
    open: String,
    close: String,
}

/// A member that travels in the element.
struct Outlined {
    index: usize,
    member: &'static Member,
    /// Of what holds no elements itself, and of the elements of a flattened list of such.
    leaf: Option<(Tags, &'static Ty, TimeFormat)>,
}

impl Tags {
    fn of(name: &str) -> Self {
        Tags { open: format!("<{name}>"), close: format!("</{name}>") }
    }
}

impl Outline {
    /// The outline of elements of a name that hold structures like this one; `None` where they have attributes
    /// or namespaces.
    pub(super) fn of(naming: Naming, name: &str, obj: &dyn Obj) -> Option<Self> {
        let shape = obj.shape();
        let plain =
            shape.members.iter().all(|member| !member.xml_attribute && member.xml_namespace.is_none());
        if !plain || shape.xml_namespace.is_some() {
            return None;
        }
        let travels = |member: &&Member| naming != Naming::Rest || member.location == Location::Body;
        let members = shape.members.iter().enumerate().filter(|(_, member)| travels(member));
        let members = members.map(|(index, member)| Outlined { index, member, leaf: leaf(naming, member) });
        Some(Outline { tags: Tags::of(name), members: members.collect() })
    }

    /// Writes one element.
    pub(super) fn write(&self, writer: &mut Writer, naming: Naming, obj: &dyn Obj) {
        writer.plain(&self.tags.open);
        for Outlined { index, member, leaf } in &self.members {
            let Some(val) = obj.get(*index) else { continue };
            match (leaf, &val) {
                (None, _) => member_elements(writer, naming, member, &val),
                (Some(leaf), Val::List(list)) => {
                    for place in 0..list.len() {
                        write_leaf(writer, naming, leaf, list.at(place).as_ref());
                    }
                }
                (Some(leaf), _) => write_leaf(writer, naming, leaf, Some(&val)),
            }
        }
        writer.plain(&self.tags.close);
    }
}

/// How a member is written that is a leaf, or a flattened list of leaves.
fn leaf(naming: Naming, member: &'static Member) -> Option<(Tags, &'static Ty, TimeFormat)> {
    let name = location_name(naming, member);
    match member.ty {
        Ty::List(list) if list.flattened || member.flattened => {
            let own = if list.element_name == "member" { name } else { list.element_name };
            is_leaf(list.element).then(|| (Tags::of(own), list.element, TimeFormat::ProtocolDefault))
        }
        ty => is_leaf(ty).then(|| (Tags::of(name), ty, member.time_format)),
    }
}

fn is_leaf(ty: &Ty) -> bool {
    matches!(ty, Ty::Bool | Ty::Int(_) | Ty::Long(_) | Ty::Text(_) | Ty::Enum(_) | Ty::Time(_))
}

fn write_leaf(
    writer: &mut Writer,
    naming: Naming,
    (tags, ty, time): &(Tags, &'static Ty, TimeFormat),
    val: Option<&Val<'_>>,
) {
    writer.plain(&tags.open);
    if let Some(val) = val {
        content(writer, naming, val, ty, *time);
    }
    writer.plain(&tags.close);
}
