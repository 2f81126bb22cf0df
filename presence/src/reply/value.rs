//! A JSON value, parsed by serde_json.
//!
//! One enum with one visitor, through `deserialize_any` only: derived structs would make the page's
//! WebAssembly module about 10 KB larger.

use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value. Arrays, booleans and nulls carry no presence, so their content is dropped.
pub(super) enum Value {
    Number(f64),
    String(String),
    Object(Object),
    Other,
}

/// The members of an object, in order of appearance.
pub(super) struct Object(pub(super) Vec<(String, Value)>);

impl Value {
    /// Parses one JSON text. `None` for malformed JSON, and for nesting deeper than serde_json's
    /// limit of 128 levels.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }
}

impl Object {
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        match self.get(key) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn string(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Value::String(string)) => Some(string),
            _ => None,
        }
    }

    pub(super) fn object(&self, key: &str) -> Option<&Self> {
        match self.get(key) {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// The members that are objects themselves.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0.iter().filter_map(|(key, value)| match value {
            Value::Object(object) => Some((key.as_str(), object)),
            _ => None,
        })
    }

    /// If several members have the same name, the last counts.
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().rfind(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, string: &str) -> Result<Value, E> {
        Ok(Value::String(string.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<Value>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key()? {
            members.push((key, map.next_value()?));
        }
        Ok(Value::Object(Object(members)))
    }
}
