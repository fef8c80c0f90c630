//! Errors as HTTP: every answer that is not a success is a problem document (RFC 9457) made here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use callboard_shared::{auth::AuthError, error::ErrorCode};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, HeaderBuilder, Ref, RefOr, ResponseBuilder,
        response::Response as ResponseDoc,
    },
};

use crate::operations::{Error, FieldError};

/// How long to wait for a part that is away.
const PAUSE: Duration = Duration::from_secs(1);

/// The media type of problem documents.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A request that was not carried out.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: ErrorCode,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// Why a request was not carried out (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument<'a> {
    /// `about:blank`: the code tells problems apart.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what to do, for people.
    detail: &'a str,
    /// What is wrong, for programs.
    code: ErrorCode,
    /// Which fields are malformed or out of bounds.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

impl Problem {
    fn new(status: StatusCode, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            source: None,
        }
    }

    /// The request as a whole is malformed.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidData, detail)
    }

    /// There is no such path.
    pub(crate) fn no_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "There is no such path. See /docs for those there are.",
        )
    }

    /// The path does not take this method.
    pub(crate) fn no_method() -> Self {
        let detail = "This path does not take this method. See /docs for those it takes.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::InvalidData,
            detail,
        )
    }

    /// The body is larger than accepted.
    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::TooLarge,
            "The body is larger than the service accepts.",
        )
    }

    /// The user makes too many requests.
    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let detail = "Too many requests. Wait as long as Retry-After says.";
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::RateLimited,
            detail,
        );
        Self {
            retry_after: Some(wait),
            ..problem
        }
    }

    /// The answer took too long.
    pub(crate) fn timed_out() -> Self {
        let detail =
            "The answer took too long. Try again; the same clientMessageId makes that safe.";
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Unavailable,
            detail,
        );
        Self {
            retry_after: Some(PAUSE),
            ..problem
        }
    }

    /// A defect.
    pub(crate) fn internal() -> Self {
        let detail = "Something went wrong on our side.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Internal,
            detail,
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Invalid(_) => StatusCode::BAD_REQUEST,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::Busy | Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut problem = Self::new(status, error.code(), error.to_string());
        problem.retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(PAUSE);
        match error {
            Error::Invalid(field) => problem.errors.push(field),
            Error::Unavailable(source) | Error::Internal(source) => problem.source = Some(source),
            Error::NotFound(_) | Error::Forbidden(_) | Error::Busy => {}
        }
        problem
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let detail = format!(
            "Authentication error: {error}. Send a valid token as Authorization: Bearer <token>."
        );
        Self::new(StatusCode::UNAUTHORIZED, error.code(), detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Some(source) = &self.source {
            let error: &dyn std::error::Error = &**source;
            tracing::error!(error, code = self.code.as_str(), "a request failed");
        }
        let document = ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up: earlier would be too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = match self.code {
                ErrorCode::TokenMissing => "Bearer",
                _ => r#"Bearer error="invalid_token""#,
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// What every route may answer, for the API's description.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<ResponseDoc>> {
        let problems = [
            (
                400,
                "`invalid_data`: something in the request is malformed or out of bounds; `errors` names the fields.",
            ),
            (401, "`token_missing`, `invalid_token` or `token_expired`."),
            (403, "`forbidden`: the caller may not do this."),
            (
                404,
                "`not_found`: there is no such thing, or the caller does not take part in it.",
            ),
            (413, "`too_large`: the body is larger than accepted."),
            (429, "`rate_limited`: too many requests; see `Retry-After`."),
            (500, "`internal`: a defect."),
            (
                503,
                "`unavailable`: a part is away; see `Retry-After`. Sending again with the same `clientMessageId` is safe.",
            ),
        ];
        problems
            .into_iter()
            .map(|(status, description)| (status.to_string(), document(status, description).into()))
            .collect()
    }
}

fn document(status: u16, description: &str) -> ResponseDoc {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content);
    let response = match status {
        429 | 503 => {
            let header = HeaderBuilder::new()
                .description(Some("Seconds to wait."))
                .build();
            response.header("Retry-After", header)
        }
        _ => response,
    };
    response.build()
}
