//! What handlers take out of a request: who asks, path, query and body, each parsed into valid
//! types or refused with the field's name.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::BytesRejection},
    http::request::Parts,
};
use bytes::Bytes;
use callboard_shared::{auth::Identity, id::Seq};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IntoDeserializer},
};
use serde_json::error::Category;

use crate::{error::Problem, operations::Error};

/// Who asks; put there by the authentication that every route under `/messages` lies behind.
pub(crate) struct Caller(pub(crate) Identity);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .map(Self)
            .ok_or_else(Problem::internal)
    }
}

/// The ids in a path. What is no id names nothing: 404.
pub(crate) struct Ids<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ids = Path::from_request_parts(parts, state).await;
        ids.map(|Path(ids)| Self(ids))
            .map_err(|_| Error::no_conversation().into())
    }
}

/// The query string.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let params = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs));
        params.map(Self).map_err(|error| {
            let complaint = complaint(&error.path().to_string(), &error.inner().to_string());
            complaint.map_or_else(
                || Problem::malformed("The query is malformed."),
                Problem::from,
            )
        })
    }
}

/// A sequence number in a query string.
pub(crate) fn seq<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Seq>, D::Error> {
    let number = String::deserialize(deserializer)?.parse().ok();
    let seq = number
        .filter(|number| *number <= Seq::MAX.get())
        .map(Seq::new);
    seq.map(Some)
        .ok_or_else(|| D::Error::custom("must be a whole number below 2^53"))
}

/// One of a few words: other than serde, which also takes an object with such a key for one.
pub(crate) fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    word.map(|word| T::deserialize(word.into_deserializer()))
        .transpose()
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let body = read(request, state).await?;
        if !is_json {
            return Err(Problem::malformed(
                "Send the body as JSON, with Content-Type: application/json.",
            ));
        }
        parse(&body).map(Self)
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let body = read(request, state).await?;
        match (body.is_empty(), is_json) {
            (true, _) => Ok(Self(T::default())),
            (false, true) => parse(&body).map(Self),
            (false, false) => Err(Problem::malformed(
                "Send the body as JSON, with Content-Type: application/json, or send none.",
            )),
        }
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection: BytesRejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
            _ => Problem::malformed("The body could not be read."),
        })
}

/// `application/json` or `application/…+json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde takes an array for an object with the same values in the same order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::malformed("The body must be a JSON object."));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json);
    let parsed = parsed.map_err(|error| refused(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| refused(".", &error))?;
    Ok(parsed)
}

/// What serde did not like about a body, in words for the caller.
fn refused(path: &str, error: &serde_json::Error) -> Problem {
    if error.classify() != Category::Data {
        return Problem::malformed(format!("The body is not valid JSON: {error}."));
    }
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    complaint(path, message).map_or_else(
        || Problem::malformed("The body must be a JSON object."),
        Problem::from,
    )
}

/// What serde says of a field; none if it is about the whole.
fn complaint(path: &str, message: &str) -> Option<Error> {
    let field = |prefix| {
        message
            .strip_prefix(prefix)
            .and_then(|rest: &str| rest.strip_suffix('`'))
    };
    if let Some(missing) = field("missing field `") {
        return Some(Error::invalid(missing, "is required"));
    }
    if let Some(repeated) = field("duplicate field `") {
        return Some(Error::invalid(repeated, "must be given once"));
    }
    (path != ".").then(|| Error::invalid(path, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Content;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its parsing is looked at")]
    struct Sample {
        content: Content,
        #[serde(default)]
        ids: Vec<u8>,
    }

    fn problem(body: &str) -> String {
        format!("{:?}", parse::<Sample>(body.as_bytes()).unwrap_err())
    }

    #[test]
    fn refusals_name_the_field() {
        assert!(problem("{}").contains(r#"field: "content", message: "is required""#));
        assert!(
            problem(r#"{"content": ""}"#).contains(r#"field: "content", message: "must be 1 to"#)
        );
        assert!(problem(r#"{"content": 5}"#).contains(
            r#"field: "content", message: "invalid type: integer `5`, expected a string""#
        ));
        assert!(problem(r#"{"content": "a", "ids": [1, "x"]}"#).contains(r#"field: "ids[1]""#));
        for array in ["[]", r#"["a", [1]]"#] {
            assert!(problem(array).contains("must be a JSON object"));
        }
        assert!(problem("").contains("not valid JSON"));
        assert!(problem(r#"{"content": "a"} x"#).contains("not valid JSON"));
    }

    #[test]
    fn json_is_recognised_by_its_media_type() {
        let is = |value: &str| {
            is_json(&HeaderMap::from_iter([(
                CONTENT_TYPE,
                value.parse().unwrap(),
            )]))
        };
        assert!(is("application/json"));
        assert!(is("Application/JSON; charset=utf-8"));
        assert!(is("application/merge-patch+json"));
        assert!(!is("text/plain"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
