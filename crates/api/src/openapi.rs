//! `openapi.json` (OpenAPI 3.1), printed from the table of endpoints and the types of the attributes. What several
//! operations have in common (answers, parameters) stands once, under `components`.

use std::collections::{BTreeMap, BTreeSet};

use assay_model::Code;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::app::Settings;
use crate::objects::{OBJECTS, of};
use crate::route::{Access, Answers, Cost, Route, Takes};
use crate::routes;

/// The document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut shared = Shared::default();
    for route in routes::table(&Settings::default()) {
        // The shim of API v2 is described in words, not as part of v3.
        if !route.path.starts_with(routes::PREFIX) {
            continue;
        }
        let operations = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_lowercase()] = operation(&route, &mut shared);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Assay",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "VirusTotal's API v3, served by Assay.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": crate::gate::KEY_HEADER } },
            "parameters": shared.parameters,
            "responses": shared.responses,
            "schemas": schemas(),
        },
    })
}

/// Parts of operations by their names, each once.
#[derive(Default)]
struct Shared {
    parameters: BTreeMap<String, Value>,
    responses: BTreeMap<String, Value>,
}

impl Shared {
    /// The reference to a response; equal names are equal responses.
    fn response(&mut self, name: String, response: Value) -> Value {
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        self.responses.insert(name, response);
        reference
    }

    /// The reference to a parameter. Where another parameter has `name` already, the operation makes the difference.
    fn parameter(&mut self, name: String, operation: &str, parameter: Value) -> Value {
        let taken = self.parameters.get(&name).is_some_and(|other| *other != parameter);
        let name = if taken { format!("{name}.{operation}") } else { name };
        let reference = json!({ "$ref": format!("#/components/parameters/{name}") });
        self.parameters.insert(name, parameter);
        reference
    }
}

fn operation(route: &Route, shared: &mut Shared) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "description": description(route),
        "parameters": parameters(route, shared),
        "responses": responses(route, shared),
        "security": if route.access == Access::Open { json!([]) } else { json!([{ "key": [] }]) },
    });
    if let Some(body) = body(route.takes) {
        operation["requestBody"] = body;
    }
    operation
}

fn body(takes: Takes) -> Option<Value> {
    let document = || json!({ "application/json": { "schema": { "type": "object" } } });
    match takes {
        Takes::Nothing => None,
        Takes::Upload => {
            let schema = json!({ "type": "object", "required": ["file"], "properties": {
                "file": { "type": "string", "contentMediaType": "application/octet-stream", "description": "The file" },
                "password": { "type": "string",
                              "description": "Opens a protected ZIP with one file; that file is stored" },
            }});
            Some(json!({ "required": true, "content": { "multipart/form-data": { "schema": schema } } }))
        }
        Takes::Form => {
            let schema = json!({ "type": "object", "required": ["url"], "properties": {
                "url": { "type": "string", "description": "The URL, or several, one on a line" } } });
            let content = json!({ "application/x-www-form-urlencoded": { "schema": schema },
                                  "multipart/form-data": { "schema": schema } });
            Some(json!({ "required": true, "content": content }))
        }
        Takes::Document => Some(json!({ "required": true, "content": document() })),
        Takes::MaybeDocument => Some(json!({ "required": false, "content": document() })),
    }
}

fn description(route: &Route) -> String {
    let access = match route.access {
        Access::Open => "Needs no key.".to_owned(),
        Access::Key => "Any key.".to_owned(),
        Access::Needs(privilege) => format!("Needs the privilege `{privilege}`."),
    };
    let cost = match route.cost {
        Cost::Free => "Costs nothing.".to_owned(),
        Cost::Requests(1) => "Costs one API request.".to_owned(),
        Cost::Requests(count) => format!("Costs {count} API requests."),
        Cost::UnlessNew => "Costs one API request, nothing for a file that was never seen before.".to_owned(),
        Cost::Download => "Costs one API request, or one download of the month.".to_owned(),
    };
    format!("{access} {cost}")
}

fn parameters(route: &Route, shared: &mut Shared) -> Value {
    let mut list = Vec::new();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let collection = route.path.split('/').nth(3).unwrap_or_default();
        let object = OBJECTS.iter().find(|object| object.kind.collection() == collection && name == "id");
        let text = object.map_or("From the address that was answered before", |object| object.id);
        let parameter = json!({ "name": name, "in": "path", "required": true, "description": text,
                                "schema": { "type": "string", "minLength": 1 } });
        list.push(shared.parameter(format!("{collection}.{name}"), &route.operation, parameter));
    }
    for (name, text) in route.query {
        let schema = if *name == "limit" {
            json!({ "type": "integer", "minimum": 1, "maximum": 40 })
        } else {
            json!({ "type": "string" })
        };
        let parameter =
            json!({ "name": name, "in": "query", "required": false, "description": text, "schema": schema });
        list.push(shared.parameter((*name).to_owned(), &route.operation, parameter));
    }
    list.into()
}

/// The errors that a route can answer.
pub(crate) fn errors(route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::BadRequest, Code::InvalidArgument];
    if route.access != Access::Open {
        codes.extend([Code::AuthenticationRequired, Code::WrongCredentials, Code::UserNotActive]);
    }
    if route.access != Access::Open {
        // The address that a call comes from, a role, a privilege.
        codes.push(Code::Forbidden);
    }
    if route.feature.is_some() {
        codes.push(Code::NotFound);
    }
    if route.cost != Cost::Free && route.access != Access::Open {
        codes.push(Code::QuotaExceeded);
    }
    codes.extend(route.errors);
    codes.push(Code::Transient);
    codes.sort_by_key(|code| (code.status(), code.wire()));
    codes.dedup();
    codes
}

fn responses(route: &Route, shared: &mut Shared) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), shared.response(answer_name(route.answers), success(route)));
    if route.answers == Answers::Bytes {
        let bytes = json!({ "application/octet-stream": {} });
        for (status, text) in [("206", "Part of the file"), ("416", "No such part of the file")] {
            let response = json!({ "description": text, "content": bytes });
            responses.insert(status.to_owned(), shared.response(format!("{status}.Bytes"), response));
        }
    }
    let errors = errors(route);
    for codes in errors.chunk_by(|one, other| one.status() == other.status()) {
        let status = codes[0].status().to_string();
        let name: Vec<&str> = codes.iter().map(|code| code.wire().trim_end_matches("Error")).collect();
        let told: Vec<String> = codes.iter().map(|code| format!("`{}`:{}", code.wire(), code.meaning())).collect();
        let response = json!({ "description": told.join(" · "), "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Error" } } } });
        let reference = shared.response(format!("{status}.{}", name.join(".")), response);
        responses.insert(status, reference);
    }
    responses.into()
}

/// What an answer is called among the shared ones.
fn answer_name(answers: Answers) -> String {
    match answers {
        Answers::Object(kind) => format!("Object.{kind}"),
        Answers::Objects(kind) => format!("Objects.{kind}"),
        Answers::One(kind) => format!("One.{kind}"),
        other => format!("{other:?}"),
    }
}

fn success(route: &Route) -> Value {
    let any = || json!({ "type": "object", "required": ["type", "id"] });
    let object = |kind: &str| {
        let known = kind.parse().ok().and_then(of);
        known.map_or_else(any, |object| json!({ "$ref": format!("#/components/schemas/{}", object.title) }))
    };
    let data = match route.answers {
        Answers::Bytes => {
            return json!({ "description": "The bytes of the file",
                           "content": { "application/octet-stream": {} } });
        }
        Answers::Done => {
            let schema = json!({ "type": "object" });
            return json!({ "description": "Done", "content": { "application/json": { "schema": schema } } });
        }
        Answers::Picture => return json!({ "description": "The picture", "content": { "image/png": {} } }),
        Answers::Page => return json!({ "description": "The page", "content": { "text/html": {} } }),
        Answers::Document => {
            let content = json!({ "application/json": {}, "text/csv": {} });
            return json!({ "description": "The document", "content": content });
        }
        Answers::Truth => json!({ "type": "boolean" }),
        Answers::List => json!({ "type": "array", "items": { "type": "object" } }),
        Answers::Words => json!({ "type": "array", "items": { "type": "string" } }),
        Answers::Object(kind) => object(kind),
        Answers::Objects(kind) => json!({ "type": "array", "items": { "anyOf": [object(kind), any()] } }),
        Answers::One(kind) => json!({ "anyOf": [object(kind), { "type": "null" }] }),
        Answers::Descriptors => json!({ "type": "array", "items": any() }),
        Answers::OneDescriptor => json!({ "anyOf": [any(), { "type": "null" }] }),
        Answers::Analysis => any(),
        Answers::Text => json!({ "type": "string" }),
        Answers::Dictionary => json!({ "type": "object" }),
    };
    let schema = json!({ "type": "object", "required": ["data"], "properties": {
        "data": data, "meta": { "type": "object" }, "links": { "type": "object" } } });
    json!({ "description": "Done", "content": { "application/json": { "schema": schema } } })
}

fn schemas() -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::openapi3().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    }));
    let mut schemas = Map::new();
    let mut of_objects = BTreeSet::new();
    for object in OBJECTS {
        let reference = (object.schema)(&mut generator);
        let name = referenced(&reference);
        let shape = json!({ "type": "object", "required": ["type", "id", "attributes"], "properties": {
            "type": { "const": object.kind.wire() }, "id": { "type": "string" },
            "links": { "type": "object" },
            "attributes": { "$ref": format!("#/components/schemas/{}", attributes_name(&name)) },
            "relationships": { "type": "object" }, "context_attributes": { "type": "object" } } });
        schemas.insert(object.title.to_owned(), shape);
        of_objects.insert(name);
    }
    for (name, mut schema) in generator.take_definitions(true) {
        // `attributes=` may leave any of them out.
        if let (Some(members), true) = (schema.as_object_mut(), of_objects.contains(&name)) {
            members.remove("required");
        }
        schemas.insert(attributes_name(&name), schema);
    }
    schemas.insert(
        "Error".to_owned(),
        json!({ "type": "object", "required": ["error"], "properties": { "error": {
            "type": "object", "required": ["code", "message"],
            "properties": { "code": { "type": "string" }, "message": { "type": "string" } } } } }),
    );
    schemas.into()
}

/// The name of the definition that a schema refers to.
fn referenced(schema: &schemars::Schema) -> String {
    let reference = schema.get("$ref").and_then(Value::as_str).unwrap_or_default();
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A definition's name in the document, where an object may have the same name.
fn attributes_name(name: &str) -> String {
    let clashes = OBJECTS.iter().any(|object| object.title == name);
    if clashes { format!("{name}Attributes") } else { name.to_owned() }
}
