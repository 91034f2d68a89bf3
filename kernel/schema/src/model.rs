//! What the generated models expand: the views of a plain struct, union or enum, written once here.

/// Implements the views of a struct: its table, and which field has which index in it.
#[macro_export]
macro_rules! object {
    ($name:ident, $table:expr, { $($index:literal $field:ident),* $(,)? }) => {
        impl $crate::Obj for $name {
            fn shape(&self) -> &'static $crate::Shape {
                &$table
            }
            fn get(&self, index: usize) -> Option<$crate::Val<'_>> {
                match index {
                    $($index => $crate::Value::val(&self.$field),)*
                    _ => None,
                }
            }
            fn slot(&mut self, index: usize) -> Option<$crate::Slot<'_>> {
                match index {
                    $($index => Some($crate::Value::slot(&mut self.$field)),)*
                    _ => None,
                }
            }
            fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send + Sync> {
                self
            }
        }
        $crate::structured!($name);
    };
}

/// Implements the views of a union: an enum with the variant `Unset` and one variant a member.
#[macro_export]
macro_rules! union {
    ($name:ident, $table:expr, { $($index:literal $variant:ident),* $(,)? }) => {
        impl $crate::Obj for $name {
            fn shape(&self) -> &'static $crate::Shape {
                &$table
            }
            fn get(&self, index: usize) -> Option<$crate::Val<'_>> {
                match (index, self) {
                    $(($index, Self::$variant(value)) => $crate::Value::val(value),)*
                    _ => None,
                }
            }
            fn slot(&mut self, index: usize) -> Option<$crate::Slot<'_>> {
                match index {
                    $($index => {
                        if !matches!(self, Self::$variant(_)) {
                            *self = Self::$variant(Default::default());
                        }
                    })*
                    _ => return None,
                }
                match self {
                    $(Self::$variant(value) => Some($crate::Value::slot(value)),)*
                    Self::Unset => None,
                }
            }
            fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send + Sync> {
                self
            }
        }
        $crate::structured!($name);
    };
}

/// Implements the views of a lenient union: an enum with the variant `Unset`, one variant a member, and
/// `Many` for what has several members.
#[macro_export]
macro_rules! lenient_union {
    ($name:ident, $table:expr, { $($index:literal $variant:ident),* $(,)? }) => {
        impl $crate::Obj for $name {
            fn shape(&self) -> &'static $crate::Shape {
                &$table
            }
            fn get(&self, index: usize) -> Option<$crate::Val<'_>> {
                match (index, self) {
                    $(($index, Self::$variant(value)) => $crate::Value::val(value),)*
                    (_, Self::Many(all)) => all.iter().find_map(|one| $crate::Obj::get(one, index)),
                    _ => None,
                }
            }
            fn slot(&mut self, index: usize) -> Option<$crate::Slot<'_>> {
                let fresh = match index {
                    $($index => Self::$variant(Default::default()),)*
                    _ => return None,
                };
                if let Self::Many(all) = self {
                    all.push(Self::Unset);
                } else if !matches!(self, Self::Unset)
                    && std::mem::discriminant(self) != std::mem::discriminant(&fresh)
                {
                    *self = Self::Many(vec![std::mem::take(self), Self::Unset]);
                }
                let place = match self {
                    Self::Many(all) => all.last_mut()?,
                    one => one,
                };
                if matches!(place, Self::Unset) {
                    *place = fresh;
                }
                match place {
                    $(Self::$variant(value) => Some($crate::Value::slot(value)),)*
                    Self::Unset | Self::Many(_) => None,
                }
            }
            fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send + Sync> {
                self
            }
        }
        $crate::structured!($name);
    };
}

/// What structs and unions have in common: they are values, and print by their table.
#[doc(hidden)]
#[macro_export]
macro_rules! structured {
    ($name:ident) => {
        impl $crate::Value for $name {
            fn val(&self) -> Option<$crate::Val<'_>> {
                Some($crate::Val::Struct(self))
            }
            fn slot(&mut self) -> $crate::Slot<'_> {
                $crate::Slot::Struct(self)
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::print(self, f)
            }
        }
    };
}

/// An enum of texts that keeps the ones it does not know: `Other`.
#[macro_export]
macro_rules! text_enum {
    ($name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($variant,)*
            Other(String),
        }
        impl $name {
            /// The texts that are known, in the model's order.
            pub const VALUES: &'static [&'static str] = &[$($text),*];
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text.to_owned()),
                }
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl $crate::EnumValue for $name {
            fn text(&self) -> &str {
                self.as_str()
            }
            fn set(&mut self, text: &str) {
                *self = Self::from(text);
            }
        }
        impl $crate::Value for $name {
            fn val(&self) -> Option<$crate::Val<'_>> {
                Some($crate::Val::Text(self.as_str()))
            }
            fn slot(&mut self) -> $crate::Slot<'_> {
                $crate::Slot::Enum(self)
            }
        }
    };
}

/// Binds an operation's marker type to its input, output and tables.
#[macro_export]
macro_rules! operation {
    ($name:ident, $table:ident, $input:ty => $output:ty, $service:expr) => {
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl $crate::OperationModel for $name {
            type Input = $input;
            type Output = $output;
            const SHAPE: &'static $crate::OperationShape = &$table;
            const SERVICE: &'static $crate::ServiceShape = &$service;
        }
    };
}
