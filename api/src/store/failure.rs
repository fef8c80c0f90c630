//! How a step fails: what a database says becomes what a store says.

use sqlx::{
    error::{DatabaseError, ErrorKind},
    migrate::MigrateError,
    postgres::PgDatabaseError,
};

use super::{Outcome, Refusal, StoreError};

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        const LOCK_NOT_AVAILABLE: &str = "55P03";
        let code = error.as_database_error().and_then(DatabaseError::code);
        if code.as_deref() == Some(LOCK_NOT_AVAILABLE) {
            return Self::Locked(error.into());
        }
        let defect = match &error {
            Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => is_defect(error.code()),
                None => !matches!(error.kind(), ErrorKind::Other),
            },
            Error::Decode(_)
            | Error::Encode(_)
            | Error::ColumnDecode { .. }
            | Error::ColumnNotFound(_)
            | Error::ColumnIndexOutOfBounds { .. }
            | Error::TypeNotFound { .. }
            | Error::RowNotFound => true,
            _ => false,
        };
        if defect {
            Self::Defect(error.into())
        } else {
            Self::Unavailable(error.into())
        }
    }
}

/// Whether an SQLSTATE says that we did something wrong: bad data, a broken constraint, bad SQL. A
/// table, column or function that is not there is none: the schema is not the one of this build.
/// Everything else — connections, resources, time-outs, a shutdown, a collision — passes.
fn is_defect(code: &str) -> bool {
    const MISSING: [&str; 3] = ["42P01", "42703", "42883"];
    const DEFECTS: [&str; 3] = ["22", "23", "42"];
    DEFECTS.iter().any(|class| code.starts_with(class)) && !MISSING.contains(&code)
}

/// Whether it was given up because it collided with another transaction, and may be tried again.
pub(super) fn is_collision(error: &StoreError) -> bool {
    const COLLISIONS: [&str; 2] = ["40001", "40P01"];
    let StoreError::Unavailable(source) = error else {
        return false;
    };
    let code = source
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .and_then(DatabaseError::code);
    code.is_some_and(|code| COLLISIONS.contains(&&*code))
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        Self::Defect(error.into())
    }
}

/// Why a step ends early.
pub(super) enum Stop {
    Refused(Refusal),
    Failed(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: Into<StoreError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Tells a refusal from a failure.
pub(super) fn outcome<T>(result: Result<T, Stop>) -> Result<Outcome<T>, StoreError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}
