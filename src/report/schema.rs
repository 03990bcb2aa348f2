//! The JSON Schemas of the report, generated from the document's types.
//!
//! They are committed beside this file, for those who read reports by machine:
//! `schema-v1.json` for `--format json`, `schema-v1-line.json` for one line of
//! `--format ndjson`. A test regenerates and compares them.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::document::Report;
use super::ndjson::AnyLine;

/// The schema of a whole report.
#[must_use]
pub fn report() -> Schema {
    generate::<Report>("urn:rdpwhy:report:1")
}

/// The schema of one line of NDJSON.
#[must_use]
pub fn line() -> Schema {
    generate::<AnyLine<'_>>("urn:rdpwhy:report:1:line")
}

fn generate<T: JsonSchema>(id: &str) -> Schema {
    let settings =
        SchemaSettings::draft2020_12().for_serialize().with_transform(AbsentIsNotNull).with_transform(OneLine);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), Value::from(id));
    schema
}

/// What was not seen is absent: a property that may be left out is never null.
/// (A property that must be there, such as `verdict`, may be.)
#[derive(Clone)]
struct AbsentIsNotNull;

impl Transform for AbsentIsNotNull {
    fn transform(&mut self, schema: &mut Schema) {
        let required: Vec<Value> = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            for (name, property) in properties {
                if !required.iter().any(|r| r == name.as_str()) {
                    forbid_null(property);
                }
            }
        }
        transform_subschemas(self, schema);
    }
}

/// Descriptions come from comments in the source, wrapped for their width.
#[derive(Clone)]
struct OneLine;

impl Transform for OneLine {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        transform_subschemas(self, schema);
    }
}

/// `{"type": ["string", "null"]}` and `{"anyOf": [X, {"type": "null"}]}` are
/// how schemars writes an option.
fn forbid_null(property: &mut Value) {
    let Some(property) = property.as_object_mut() else { return };
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|t| t != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            property.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|t| t != "null"));
        if let [Value::Object(one)] = choices.as_slice() {
            let one = one.clone();
            property.remove("anyOf");
            property.extend(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{json, ndjson, samples};

    /// `UPDATE_SCHEMA=1` rewrites the committed files.
    fn committed(name: &str, schema: &Schema) {
        let generated = json::pretty(schema).unwrap();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report").join(name);
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            rewrite(&path, &generated);
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == generated, "{name} does not describe the types: run the tests with UPDATE_SCHEMA=1");
    }

    #[expect(clippy::disallowed_methods, reason = "blessing a committed file")]
    fn rewrite(path: &std::path::Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_committed_schemas_describe_the_types() {
        committed("schema-v1.json", &report());
        committed("schema-v1-line.json", &line());
    }

    #[test]
    fn every_property_is_described() {
        fn walk(value: &Value, at: &str, missing: &mut Vec<String>) {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                for (name, property) in properties {
                    if property.get("description").is_none() {
                        missing.push(format!("{at}.{name}"));
                    }
                }
            }
            for (key, inner) in value.as_object().into_iter().flatten() {
                walk(inner, &format!("{at}/{key}"), missing);
            }
        }
        let mut missing = Vec::new();
        walk(report().as_value(), "", &mut missing);
        walk(line().as_value(), "", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    fn written(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn documents_and_lines_are_valid_and_come_back_whole() {
        let whole = jsonschema::validator_for(report().as_value()).unwrap();
        let lines = jsonschema::validator_for(line().as_value()).unwrap();
        for (name, document) in samples::all() {
            let text = written(|out| json::write(&document, out));
            let value: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<_> = whole.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new(), "{name}");
            assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), document, "{name}");
            for text in written(|out| ndjson::write(&document, out)).lines() {
                let value: Value = serde_json::from_str(text).unwrap();
                let errors: Vec<_> = lines.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
                assert_eq!(errors, Vec::<String>::new(), "{name}");
            }
        }
    }

    #[test]
    fn strangers_are_refused() {
        let whole = jsonschema::validator_for(report().as_value()).unwrap();
        let valid = serde_json::to_value(samples::healthy()).unwrap();
        type Edit = fn(&mut Value);
        let edits: [(&str, Edit); 5] = [
            ("an unknown field", |v| v["surprise"] = 1.into()),
            ("another version", |v| v["schema_version"] = 2.into()),
            ("an unknown stage", |v| v["connections"][0]["stage"] = "tls2".into()),
            ("null for what was not seen", |v| v["captures"][0]["sha256"] = Value::Null),
            ("a time without its zone", |v| v["connections"][0]["start"] = "2024-05-17T09:31:02".into()),
        ];
        assert!(whole.is_valid(&valid));
        for (what, edit) in edits {
            let mut broken = valid.clone();
            edit(&mut broken);
            assert!(!whole.is_valid(&broken), "{what} passes");
        }
        let lines = jsonschema::validator_for(line().as_value()).unwrap();
        let healthy = samples::healthy();
        let mut one = serde_json::to_value(ndjson::lines(&healthy).next().unwrap()).unwrap();
        assert!(lines.is_valid(&one));
        one["surprise"] = 1.into();
        assert!(!lines.is_valid(&one), "an unknown field passes in a line");
    }
}
