//! A structure of the API as a row keeps it: its members under their names, so that a row stays readable
//! when the API's table of the structure grows.

use names::Timestamp;
use schema::{Obj, Slot, Val};
use serde::{Deserialize, Serialize};

/// What a member holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Kept {
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Text(String),
    Time(Timestamp),
    List(Vec<Kept>),
    /// A structure, by the names of the members that are there.
    Fields(Vec<(String, Kept)>),
}

impl Kept {
    /// What a structure holds.
    pub fn of(obj: &dyn Obj) -> Self {
        let members = obj.shape().members.iter().enumerate();
        let fields = members.filter_map(|(index, member)| {
            let value = Kept::of_value(&obj.get(index)?)?;
            Some((member.name.to_owned(), value))
        });
        Kept::Fields(fields.collect())
    }

    /// Configurations hold neither bytes nor maps, documents or streams.
    fn of_value(value: &Val<'_>) -> Option<Self> {
        match value {
            Val::Bool(truth) => Some(Kept::Bool(*truth)),
            Val::Int(number) => Some(Kept::Int(*number)),
            Val::Long(number) => Some(Kept::Long(*number)),
            Val::Float(number) => Some(Kept::Double(f64::from(*number))),
            Val::Double(number) => Some(Kept::Double(*number)),
            Val::Text(text) => Some(Kept::Text((*text).to_owned())),
            Val::Time(moment) => Some(Kept::Time(*moment)),
            Val::Struct(obj) => Some(Kept::of(*obj)),
            Val::List(list) => {
                let items = (0..list.len()).filter_map(|at| Kept::of_value(&list.at(at)?));
                Some(Kept::List(items.collect()))
            }
            Val::Blob(_) | Val::Stream(_) | Val::Map(_) | Val::Document(_) | Val::Events(_) => None,
        }
    }

    /// The structure again.
    pub fn into_obj<T: Obj + Default>(self) -> T {
        let mut obj = T::default();
        if let Kept::Fields(fields) = self {
            fill(fields, &mut obj);
        }
        obj
    }

    /// A member whose type has changed since is left as it is.
    fn fill(self, slot: Slot<'_>) {
        match (self, slot) {
            (Kept::Bool(truth), Slot::Bool(place)) => *place = truth,
            (Kept::Int(number), Slot::Int(place)) => *place = number,
            (Kept::Long(number), Slot::Long(place)) => *place = number,
            (Kept::Double(number), Slot::Double(place)) => *place = number,
            (Kept::Text(text), Slot::Text(place)) => *place = text,
            (Kept::Text(text), Slot::Enum(place)) => place.set(&text),
            (Kept::Time(moment), Slot::Time(place)) => *place = moment,
            (Kept::Fields(fields), Slot::Struct(place)) => fill(fields, place),
            (Kept::List(items), Slot::List(place)) => {
                for item in items {
                    item.fill(place.push());
                }
            }
            _ => {}
        }
    }
}

fn fill(fields: Vec<(String, Kept)>, obj: &mut dyn Obj) {
    let shape = obj.shape();
    for (name, value) in fields {
        let index = shape.members.iter().position(|member| member.name == name);
        if let Some(slot) = index.and_then(|index| obj.slot(index)) {
            value.fill(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_s3::{BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule};

    #[test]
    fn a_structure_comes_back_as_it_was() {
        let rule = LifecycleRule {
            id: Some("old".into()),
            status: ExpirationStatus::Enabled,
            expiration: Some(LifecycleExpiration {
                date: Some(Timestamp(86_400_000)),
                days: Some(3),
                ..Default::default()
            }),
            ..Default::default()
        };
        let given = BucketLifecycleConfiguration { rules: vec![rule, LifecycleRule::default()] };
        let bytes = postcard::to_stdvec(&Kept::of(&given)).unwrap();
        let kept: Kept = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(kept.into_obj::<BucketLifecycleConfiguration>(), given);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let fields = vec![("Elsewhere".to_owned(), Kept::Bool(true)), ("Rules".to_owned(), Kept::Int(3))];
        let kept: BucketLifecycleConfiguration = Kept::Fields(fields).into_obj();
        assert!(kept.rules.is_empty());
    }
}
