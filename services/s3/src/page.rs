//! Answers of the listing operations: the model's output, with the entries of the page read as they are written.
//! A page has a thousand entries, and to make each a value of the model first would cost more than to write it.
//! Whoever asks from within the region is given the model's output.

use crate::state::listed::ListedObject;
use crate::views;
use model_s3 as api;
use names::Timestamp;
use schema::{List, Obj, OperationModel, OperationShape, ServiceShape, Shape, Slot, Val};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// An output that lists objects.
pub trait Lists: Obj + Default {
    /// The index of the member that holds them.
    const CONTENTS: usize;

    /// Puts them in.
    fn put(&mut self, contents: Vec<api::Object>);
}

impl Lists for api::ListObjectsOutput {
    const CONTENTS: usize = 3;

    fn put(&mut self, contents: Vec<api::Object>) {
        self.contents = Some(contents);
    }
}

impl Lists for api::ListObjectsV2Output {
    const CONTENTS: usize = 1;

    fn put(&mut self, contents: Vec<api::Object>) {
        self.contents = Some(contents);
    }
}

/// A listing operation of the model, answered by a [`Listing`].
pub struct Paged<M>(PhantomData<M>);

impl<M: OperationModel<Output: Lists>> OperationModel for Paged<M> {
    type Input = M::Input;
    type Output = Listing<M::Output>;
    const SHAPE: &'static OperationShape = M::SHAPE;
    const SERVICE: &'static ServiceShape = M::SERVICE;
}

/// The answer of a listing operation.
#[derive(Debug, Default)]
pub struct Listing<O> {
    head: O,
    entries: Entries,
}

impl<O: Lists> Listing<O> {
    /// An answer that lists entries; the model's output holds all else.
    pub fn new(head: O, entries: Entries) -> Self {
        Listing { head, entries }
    }
}

impl<O: Lists> Obj for Listing<O> {
    fn shape(&self) -> &'static Shape {
        self.head.shape()
    }

    fn get(&self, index: usize) -> Option<Val<'_>> {
        if index == O::CONTENTS { Some(Val::List(&self.entries)) } else { self.head.get(index) }
    }

    fn slot(&mut self, index: usize) -> Option<Slot<'_>> {
        self.head.slot(index)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        let Listing { mut head, entries } = *self;
        head.put(entries.rows.iter().map(Row::object).collect());
        Box::new(head)
    }
}

/// The entries of a page, in order.
#[derive(Debug, Default)]
pub struct Entries {
    rows: Vec<Row>,
    /// What a codec would fill that takes this for an input.
    unread: api::Object,
}

impl Entries {
    /// None yet, with room for some.
    pub fn with_capacity(entries: usize) -> Self {
        Entries { rows: Vec::with_capacity(entries), unread: api::Object::default() }
    }

    /// Adds an entry behind the others: its key as it is answered, and who owns it where that is.
    pub fn add(
        &mut self,
        key: String,
        modified: Timestamp,
        object: ListedObject,
        owner: Option<Arc<api::Owner>>,
    ) {
        let checksum =
            object.checksum.map(|(algorithm, composite)| (Algorithms(algorithm.name()), composite));
        self.rows.push(Row { shape: self.unread.shape(), key, modified, object, checksum, owner });
    }
}

impl List for Entries {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn at(&self, index: usize) -> Option<Val<'_>> {
        self.rows.get(index).map(|row| Val::Struct(row))
    }

    fn push(&mut self) -> Slot<'_> {
        Slot::Struct(&mut self.unread)
    }

    fn push_null(&mut self) {}
}

/// The algorithms of an entry's checksum: one.
#[derive(Debug, Clone, Copy)]
struct Algorithms(&'static str);

impl List for Algorithms {
    fn len(&self) -> usize {
        1
    }

    fn at(&self, index: usize) -> Option<Val<'_>> {
        (index == 0).then_some(Val::Text(self.0))
    }

    fn push(&mut self) -> Slot<'_> {
        // An answer is not filled; who does it nevertheless changes nothing of it.
        Slot::Enum(self)
    }

    fn push_null(&mut self) {}
}

impl schema::EnumValue for Algorithms {
    fn text(&self) -> &str {
        self.0
    }

    fn set(&mut self, _: &str) {}
}

/// An entry: what an `Object` of the model shows.
#[derive(Debug)]
struct Row {
    shape: &'static Shape,
    key: String,
    modified: Timestamp,
    object: ListedObject,
    checksum: Option<(Algorithms, bool)>,
    owner: Option<Arc<api::Owner>>,
}

impl Row {
    fn checksum_type(composite: bool) -> &'static str {
        if composite { "COMPOSITE" } else { "FULL_OBJECT" }
    }

    /// As a value of the model.
    fn object(&self) -> api::Object {
        let composite = self.checksum.map(|(_, composite)| composite);
        api::Object {
            key: Some(self.key.clone()),
            last_modified: Some(self.modified),
            e_tag: Some(self.object.etag.as_str().to_owned()),
            checksum_algorithm: self.checksum.map(|(names, _)| vec![api::ChecksumAlgorithm::from(names.0)]),
            checksum_type: composite.map(|composite| api::ChecksumType::from(Row::checksum_type(composite))),
            size: Some(views::signed(self.object.size)),
            storage_class: Some(api::ObjectStorageClass::from(self.object.storage_class.name())),
            owner: self.owner.as_deref().cloned(),
            restore_status: None,
        }
    }
}

impl Obj for Row {
    fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// By the model's indices, which the test below holds against those of its type.
    fn get(&self, index: usize) -> Option<Val<'_>> {
        match index {
            0 => Some(Val::Text(&self.key)),
            1 => Some(Val::Time(self.modified)),
            2 => Some(Val::Text(self.object.etag.as_str())),
            3 => self.checksum.as_ref().map(|(names, _)| Val::List(names)),
            4 => self.checksum.map(|(_, composite)| Val::Text(Row::checksum_type(composite))),
            5 => Some(Val::Long(views::signed(self.object.size))),
            6 => Some(Val::Text(self.object.storage_class.name())),
            7 => self.owner.as_deref().map(|owner| Val::Struct(owner)),
            _ => None,
        }
    }

    fn slot(&mut self, _: usize) -> Option<Slot<'_>> {
        None
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        Box::new(self.object())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::listed::{QuotedTag, StorageClass};
    use service::checksum::Algorithm;

    /// What a value shows, for comparison.
    fn seen(val: Option<Val<'_>>) -> String {
        match val {
            None => "nothing".to_owned(),
            Some(Val::Text(text)) => format!("text {text}"),
            Some(Val::Long(number)) => format!("long {number}"),
            Some(Val::Time(moment)) => format!("time {}", moment.iso8601()),
            Some(Val::List(list)) => (0..list.len()).map(|at| seen(list.at(at)) + ",").collect(),
            Some(Val::Struct(obj)) => {
                (0..obj.shape().members.len()).map(|at| seen(obj.get(at)) + ";").collect()
            }
            Some(_) => "something else".to_owned(),
        }
    }

    #[test]
    fn entries_show_what_the_model_would() {
        let mut entries = Entries::default();
        let owner = Arc::new(api::Owner { id: Some("someone".into()), display_name: None });
        for (checksum, class, owner) in [
            (None, StorageClass::Standard, None),
            (Some((Algorithm::Crc64Nvme, false)), StorageClass::Other("GLACIER".into()), Some(owner)),
            (Some((Algorithm::Sha256, true)), StorageClass::Standard, None),
        ] {
            let etag = QuotedTag::of(b"0123456789abcdef0123456789abcdef").unwrap();
            let object = ListedObject { size: 1 << 40, etag, checksum, storage_class: class };
            entries.add("a<b&\u{e9}".into(), Timestamp(1_700_000_000_000), object, owner);
        }
        let typed: Vec<api::Object> = entries.rows.iter().map(Row::object).collect();
        assert_eq!(seen(Some(Val::List(&entries))), seen(Some(Val::List(&typed))));
        assert!(seen(Some(Val::List(&typed))).contains("text \"0123456789abcdef0123456789abcdef\";"));
    }

    #[test]
    fn contents_are_where_the_models_have_them() {
        fn name<O: Lists>() -> &'static str {
            O::default().shape().members[O::CONTENTS].name
        }
        assert_eq!(
            (name::<api::ListObjectsOutput>(), name::<api::ListObjectsV2Output>()),
            ("Contents", "Contents")
        );
    }
}
