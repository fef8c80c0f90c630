//! Placeholders: the objects `{"_placeholder":true,"num":n}` that stand for the
//! attachments of a binary packet.

/// An object that is being walked through.
#[derive(Default)]
struct Object {
    /// The key whose value comes next.
    key: Key,
    is_placeholder: bool,
    /// The value of `num`, if it is a whole number.
    number: Option<usize>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Key {
    #[default]
    Other,
    Placeholder,
    Num,
}

/// Whether every placeholder in `json` names one of `attachments` attachments.
///
/// `json` has been checked to be JSON. It is walked token by token with a stack
/// of its own: no recursion, so depth is harmless, and no number is converted.
/// Of a repeated key the last value counts, as in JavaScript.
pub(super) fn placeholders_fit(json: &str, attachments: usize) -> bool {
    let mut open: Vec<Option<Object>> = Vec::new();
    let mut rest = json;
    while let Some((token, after)) = next_token(rest) {
        rest = after;
        match token.as_bytes()[0] {
            b'{' => {
                note_value(&mut open, token);
                open.push(Some(Object::default()));
            }
            b'[' => {
                note_value(&mut open, token);
                open.push(None);
            }
            b'}' | b']' => {
                if let Some(Some(object)) = open.pop()
                    && object.is_placeholder
                    && object.number.is_none_or(|number| number >= attachments)
                {
                    return false;
                }
            }
            b'"' if rest.trim_start().starts_with(':') => {
                if let Some(Some(object)) = open.last_mut() {
                    object.key = key(token);
                }
            }
            _ => note_value(&mut open, token),
        }
    }
    true
}

/// Takes note of a value, or of the start of one, if it belongs to a placeholder.
fn note_value(open: &mut [Option<Object>], token: &str) {
    if let Some(Some(object)) = open.last_mut() {
        match object.key {
            Key::Placeholder => object.is_placeholder = token == "true",
            Key::Num => object.number = token.parse().ok(),
            Key::Other => {}
        }
    }
}

fn key(token: &str) -> Key {
    let is = |name: &str| match token.contains('\\') {
        true => serde_json::from_str::<String>(token).is_ok_and(|key| key == name),
        false => &token[1..token.len() - 1] == name,
    };
    if is("_placeholder") {
        Key::Placeholder
    } else if is("num") {
        Key::Num
    } else {
        Key::Other
    }
}

/// Cuts off the next string, scalar or bracket. Commas, colons and white space
/// only separate.
fn next_token(json: &str) -> Option<(&str, &str)> {
    let is_separator = |c: char| matches!(c, ',' | ':') || c.is_ascii_whitespace();
    let json = json.trim_start_matches(is_separator);
    let end = match json.bytes().next()? {
        b'"' => string_end(json),
        b'{' | b'}' | b'[' | b']' => 1,
        _ => json
            .find(|c| is_separator(c) || matches!(c, '}' | ']'))
            .unwrap_or(json.len()),
    };
    Some(json.split_at(end))
}

/// Where the string that `json` starts with ends, its closing quote included.
fn string_end(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}
