//! The two object-safe views of a generated value: [`Val`] to read it, [`Slot`] to fill it.

use crate::{Body, Document, EventStream, Shape};
use bytes::Bytes;
use names::Timestamp;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// What a member holds, seen for reading.
pub enum Val<'a> {
    /// A truth value.
    Bool(bool),
    /// The model's byte, short and integer.
    Int(i32),
    /// The model's long.
    Long(i64),
    /// The model's float.
    Float(f32),
    /// The model's double.
    Double(f64),
    /// Text, and the value of an enum.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
    /// A body that is not held in memory.
    Stream(&'a Body),
    /// A moment.
    Time(Timestamp),
    /// A list.
    List(&'a dyn List),
    /// A map.
    Map(&'a dyn Map),
    /// A structure or union.
    Struct(&'a dyn Obj),
    /// Any JSON value.
    Document(&'a Document),
    /// A stream of events.
    Events(&'a EventStream),
}

/// Where a decoder puts what it read. Asking for the slot of an absent member makes it present.
pub enum Slot<'a> {
    /// A truth value.
    Bool(&'a mut bool),
    /// The model's byte, short and integer.
    Int(&'a mut i32),
    /// The model's long.
    Long(&'a mut i64),
    /// The model's float.
    Float(&'a mut f32),
    /// The model's double.
    Double(&'a mut f64),
    /// Text.
    Text(&'a mut String),
    /// The value of an enum.
    Enum(&'a mut dyn EnumValue),
    /// Bytes.
    Blob(&'a mut Bytes),
    /// A body that is not held in memory.
    Stream(&'a mut Body),
    /// A moment.
    Time(&'a mut Timestamp),
    /// A list.
    List(&'a mut dyn List),
    /// A map.
    Map(&'a mut dyn Map),
    /// A structure or union.
    Struct(&'a mut dyn Obj),
    /// Any JSON value.
    Document(&'a mut Document),
    /// A stream of events.
    Events(&'a mut EventStream),
}

/// Anything a member can be.
pub trait Value: Send + Sync {
    /// What it holds; `None` where it is absent.
    fn val(&self) -> Option<Val<'_>>;
    /// Where to put what was read; an absent value becomes its type's default first.
    fn slot(&mut self) -> Slot<'_>;
}

/// A generated structure or union.
pub trait Obj: Any + Debug + Send + Sync {
    /// Its table.
    fn shape(&self) -> &'static Shape;
    /// What the member of this index in the table holds; `None` where it is absent, or no such index.
    fn get(&self, index: usize) -> Option<Val<'_>>;
    /// Where to put the member of this index; `None` if there is no such index. In a union this
    /// chooses the variant.
    fn slot(&mut self, index: usize) -> Option<Slot<'_>>;
    /// For taking the concrete type back.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync>;
}

/// A generated enum; it keeps values it does not know.
pub trait EnumValue: Send + Sync {
    /// The value's text.
    fn text(&self) -> &str;
    /// Takes the value of a text.
    fn set(&mut self, text: &str);
}

/// A list, whatever its elements are.
pub trait List: Send + Sync {
    /// How many elements.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The element of an index; `None` for null elements of sparse lists, and behind the end.
    fn at(&self, index: usize) -> Option<Val<'_>>;
    /// A new element at the end.
    fn push(&mut self) -> Slot<'_>;
    /// A null at the end; ignored where the list is not sparse.
    fn push_null(&mut self);
}

/// A map from text, whatever its values are.
pub trait Map: Send + Sync {
    /// How many entries.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Visits the entries in key order, nulls of sparse maps as `None`.
    fn each(&self, visit: &mut dyn FnMut(&str, Option<Val<'_>>));
    /// The slot of a key's value; an entry that is there is overwritten.
    fn insert(&mut self, key: &str) -> Slot<'_>;
    /// A null under a key; ignored where the map is not sparse.
    fn insert_null(&mut self, key: &str);
}

macro_rules! plain {
    ($($rust:ty => $variant:ident),* $(,)?) => {$(
        impl Value for $rust {
            fn val(&self) -> Option<Val<'_>> {
                Some(Val::$variant(*self))
            }
            fn slot(&mut self) -> Slot<'_> {
                Slot::$variant(self)
            }
        }
    )*};
}

plain!(bool => Bool, i32 => Int, i64 => Long, f32 => Float, f64 => Double, Timestamp => Time);

macro_rules! borrowed {
    ($($rust:ty => $variant:ident),* $(,)?) => {$(
        impl Value for $rust {
            fn val(&self) -> Option<Val<'_>> {
                Some(Val::$variant(self))
            }
            fn slot(&mut self) -> Slot<'_> {
                Slot::$variant(self)
            }
        }
    )*};
}

borrowed!(String => Text, Bytes => Blob, Body => Stream, Document => Document, EventStream => Events);

impl<T: Value + Default> Value for Option<T> {
    fn val(&self) -> Option<Val<'_>> {
        self.as_ref().and_then(Value::val)
    }
    fn slot(&mut self) -> Slot<'_> {
        self.get_or_insert_with(T::default).slot()
    }
}

impl<T: Value> Value for Box<T> {
    fn val(&self) -> Option<Val<'_>> {
        (**self).val()
    }
    fn slot(&mut self) -> Slot<'_> {
        (**self).slot()
    }
}

impl<T: Value + Default> Value for Vec<T> {
    fn val(&self) -> Option<Val<'_>> {
        Some(Val::List(self))
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::List(self)
    }
}

impl<T: Value + Default> List for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }
    fn at(&self, index: usize) -> Option<Val<'_>> {
        self.get(index).and_then(Value::val)
    }
    fn push(&mut self) -> Slot<'_> {
        let at = self.len();
        self.push(T::default());
        self[at].slot()
    }
    fn push_null(&mut self) {
        let null = T::default();
        if null.val().is_none() {
            self.push(null);
        }
    }
}

impl<T: Value + Default> Value for BTreeMap<String, T> {
    fn val(&self) -> Option<Val<'_>> {
        Some(Val::Map(self))
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::Map(self)
    }
}

impl<T: Value + Default> Map for BTreeMap<String, T> {
    fn len(&self) -> usize {
        self.len()
    }
    fn each(&self, visit: &mut dyn FnMut(&str, Option<Val<'_>>)) {
        for (key, value) in self {
            visit(key, value.val());
        }
    }
    fn insert(&mut self, key: &str) -> Slot<'_> {
        let value = self.entry(key.to_owned()).or_default();
        *value = T::default();
        value.slot()
    }
    fn insert_null(&mut self, key: &str) {
        let null = T::default();
        if null.val().is_none() {
            self.insert(key.to_owned(), null);
        }
    }
}

/// The input or output of operations that have none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit;

impl Obj for Unit {
    fn shape(&self) -> &'static Shape {
        &Shape::EMPTY
    }
    fn get(&self, _: usize) -> Option<Val<'_>> {
        None
    }
    fn slot(&mut self, _: usize) -> Option<Slot<'_>> {
        None
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }
}
