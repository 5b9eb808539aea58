//! One operation of the contract, put together by `route.rs`.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api::{PROBLEM_MEDIA_TYPE, ProblemBody};

/// Why a request to read is refused.
pub(super) const NO_READER: &str = "This node has a read token, and the request does not show it.";

/// What the contract says of one method of a path. Every one of them can fail with 503.
pub(super) struct Operation(Map<String, Value>);

impl From<Operation> for Value {
    fn from(operation: Operation) -> Value {
        Value::Object(operation.0)
    }
}

impl Operation {
    pub(super) fn new(summary: &str, generator: &mut SchemaGenerator) -> Operation {
        let operation = Operation(Map::from_iter([("summary".to_owned(), summary.into())]));
        operation.problem(
            "503",
            "The node is starting or stopping, its detector is stuck, or it is overloaded.",
            generator,
        )
    }

    /// An answer of this shape.
    pub(super) fn json<T: JsonSchema>(
        self,
        status: &str,
        description: &str,
        generator: &mut SchemaGenerator,
    ) -> Operation {
        let schema = generator.subschema_for::<T>();
        self.answer(status, description, "application/json", schema.into())
    }

    /// An answer of text.
    pub(super) fn text(self, description: &str, media_type: &str) -> Operation {
        self.answer("200", description, media_type, json!({ "type": "string" }))
    }

    /// An error.
    pub(super) fn problem(self, status: &str, description: &str, generator: &mut SchemaGenerator) -> Operation {
        let schema = generator.subschema_for::<ProblemBody>();
        self.answer(status, description, PROBLEM_MEDIA_TYPE, schema.into())
    }

    /// An answer; one more media type where the status has one already.
    pub(super) fn answer(mut self, status: &str, description: &str, media_type: &str, schema: Value) -> Operation {
        let response = &mut self.part("responses", json!({}))[status];
        response["description"] = description.into();
        response["content"][media_type]["schema"] = schema;
        self
    }

    /// A parameter in the path, the query or a header.
    pub(super) fn parameter(mut self, place: &str, name: &str, description: &str, schema: Value) -> Operation {
        let parameter = json!({
            "name": name,
            "in": place,
            "required": place == "path",
            "description": description,
            "schema": schema,
        });
        if let Value::Array(parameters) = self.part("parameters", json!([])) {
            parameters.push(parameter);
        }
        self
    }

    /// The body that it takes, and the token that it asks for.
    pub(super) fn body<T: JsonSchema>(mut self, generator: &mut SchemaGenerator) -> Operation {
        let schema = generator.subschema_for::<T>();
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        *self.part("requestBody", Value::Null) = body;
        self
    }

    /// The body that it takes, as a browser sends a form.
    pub(super) fn form(mut self, schema: Value) -> Operation {
        let content = json!({ "application/x-www-form-urlencoded": { "schema": schema } });
        *self.part("requestBody", Value::Null) = json!({ "required": true, "content": content });
        self
    }

    /// An answer without a body.
    pub(super) fn no_content(mut self, status: &str, description: &str) -> Operation {
        self.part("responses", json!({}))[status] = json!({ "description": description });
        self
    }

    /// It asks for a token where the node has a read token, and for none elsewhere.
    pub(super) fn for_readers(mut self, generator: &mut SchemaGenerator) -> Operation {
        *self.part("security", Value::Null) = json!([{}, { "read_token": [] }, { "read_cookie": [] }, { "token": [] }]);
        self.problem("401", NO_READER, generator)
    }

    /// It asks for the token of the node.
    pub(super) fn with_token(mut self, generator: &mut SchemaGenerator) -> Operation {
        *self.part("security", Value::Null) = json!([{ "token": [] }]);
        self.problem("401", "The request carries no token, or not that of this node.", generator).problem(
            "403",
            "This node has no token, so nothing can be changed.",
            generator,
        )
    }

    fn part(&mut self, name: &str, empty: Value) -> &mut Value {
        self.0.entry(name).or_insert(empty)
    }
}
