//! Values that travel as text: names, boots, and the words of closed sets.
//!
//! Versions mix, so a text that this release does not know must not spoil what stands around it. [`Text`] is either the
//! value or the text as it came; who reads it decides what an unknown one means: an entry of a peer's list with one is
//! dropped, and a command shows it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is written as text, and what the contract says of it.
pub trait TextForm: Sized {
    /// The name of its schema.
    const NAME: &'static str;

    /// The value of this text, if there is one.
    fn read(text: &str) -> Option<Self>;

    /// The value as text.
    fn text(&self) -> Cow<'_, str>;

    /// Its schema.
    fn schema() -> Schema;
}

/// A value as text; or a text that is no such value, as another release or a hostile peer may send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<T> {
    /// A value that this release knows.
    Known(T),
    /// Any other text, as it came. Its length is bounded by that of the body.
    Unknown(Box<str>),
}

impl<T: TextForm> Text<T> {
    /// The value of this text, or the text.
    pub fn new(text: &str) -> Text<T> {
        T::read(text).map_or_else(|| Text::Unknown(text.into()), Text::Known)
    }

    /// The value; `None` for a text that is none.
    pub fn known(&self) -> Option<&T> {
        match self {
            Text::Known(value) => Some(value),
            Text::Unknown(_) => None,
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> Cow<'_, str> {
        match self {
            Text::Known(value) => value.text(),
            Text::Unknown(text) => Cow::Borrowed(text),
        }
    }
}

impl<T> Default for Text<T> {
    fn default() -> Text<T> {
        Text::Unknown("".into())
    }
}

impl<T> From<T> for Text<T> {
    fn from(value: T) -> Text<T> {
        Text::Known(value)
    }
}

impl<T: Clone> From<&T> for Text<T> {
    fn from(value: &T) -> Text<T> {
        Text::Known(value.clone())
    }
}

impl<T: TextForm> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str())
    }
}

impl<T: TextForm> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.as_str())
    }
}

impl<'de, T: TextForm> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<T>, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);

        impl<T: TextForm> Visitor<'_> for Reader<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<T>, E> {
                Ok(Text::new(text))
            }
        }

        deserializer.deserialize_str(Reader(std::marker::PhantomData))
    }
}

impl<T: TextForm> JsonSchema for Text<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

/// The schema of a closed set of words.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>, description: &str) -> Schema {
    let words: Vec<&str> = words.into_iter().collect();
    described(json_schema!({ "type": "string", "enum": words }), description)
}

/// The schema with a description, where there is something to say.
pub(super) fn described(mut schema: Schema, description: &str) -> Schema {
    if !description.is_empty() {
        schema.insert("description".to_owned(), description.into());
    }
    schema
}
