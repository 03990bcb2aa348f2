//! Against the plain way, which measures first.

use super::*;
use crate::report::json::writer::write;
use proptest::prelude::*;
use serde_json::Value;

/// The same in the plain way: each list and object is measured first.
fn plain(value: &Value, depth: usize, column: usize, out: &mut String) {
    let one_line = one_line(value);
    let (open, close, entries): (_, _, Vec<(String, &Value)>) = match value {
        Value::Array(list) => ('[', ']', list.iter().map(|entry| (String::new(), entry)).collect()),
        Value::Object(map) => {
            ('{', '}', map.iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect())
        }
        _ => return out.push_str(&one_line),
    };
    if entries.is_empty() || (depth > 1 && fits(Wrapping((column + one_line.len()) as u32))) {
        return out.push_str(&one_line);
    }
    let indent = " ".repeat(INDENT.0 as usize * (depth + 1));
    out.push(open);
    for (n, (key, value)) in entries.iter().enumerate() {
        out.push_str(if n == 0 { "\n" } else { ",\n" });
        out.push_str(&indent);
        out.push_str(key);
        plain(value, depth + 1, indent.len() + key.len(), out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(INDENT.0 as usize * depth));
    out.push(close);
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), one_line(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<u8>().prop_map(Value::from),
        (0_usize..30).prop_map(|n| Value::from("x".repeat(n))),
        (90_usize..110).prop_map(|n| Value::from("y".repeat(n))),
    ];
    scalar.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{0,9}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn what_is_deeper_than_any_report_stays_on_its_line() {
    let mut value = Value::from("x".repeat(WIDTH.0 as usize));
    for depth in 0..60 {
        value = serde_json::json!({"in": [value], "depth": depth});
    }
    let mut layout = Layout::default();
    for _ in 0..2 {
        layout.clear();
        write(&value, Some(0), "", &mut layout).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(layout.text()).unwrap(), value);
        let indent = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
        let deepest = layout.text().split(|byte| *byte == b'\n').map(indent).max();
        assert_eq!(deepest, Some((DEEPEST + INDENT).0 as usize / 2 * 2));
    }
}

proptest! {
    #[test]
    fn lines_break_where_measuring_first_breaks_them(
        values in proptest::collection::vec(value(), 1..4),
        depth in 0_usize..4,
    ) {
        let mut layout = Layout::default();
        for value in values {
            let mut expected = " ".repeat(INDENT.0 as usize * depth);
            write(&value, Some(depth), &expected, &mut layout).unwrap();
            plain(&value, depth, expected.len(), &mut expected);
            prop_assert_eq!(core::str::from_utf8(layout.text()).unwrap(), expected);
            layout.clear();
        }
    }
}
