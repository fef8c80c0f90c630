//! Settings: how they are read and what is said about bad ones.
//!
//! Each part of the product has its own section (a `clap::Args` struct beside the code that uses
//! it); every flag is also an environment variable. What is wrong is said in one line that names the
//! variable, what is wrong with it and what is accepted.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, SocketAddr},
    num::ParseIntError,
    path::PathBuf,
    time::Duration,
};

use clap::{
    Args,
    error::{ContextKind, ContextValue, ErrorKind},
};
use http::uri::Authority;

/// A setting that cannot be used. The program exits with status 2.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {problem}; expected {accepted}")]
pub struct ConfigError {
    variable: String,
    problem: String,
    accepted: String,
}

impl ConfigError {
    /// Says which variable, what is wrong with it and what is accepted.
    pub fn new(
        variable: impl Into<String>,
        problem: impl Into<String>,
        accepted: impl Into<String>,
    ) -> Self {
        Self {
            variable: variable.into(),
            problem: problem.into(),
            accepted: accepted.into(),
        }
    }
}

/// The value of a variable that must be set.
///
/// # Errors
///
/// If it is not.
pub fn required<T>(variable: &str, value: Option<T>, accepted: &str) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::new(variable, "it is not set", accepted))
}

/// One line for what clap found wrong with a value of `command`; `None` if it is about something
/// else (an unknown flag, `--help`), which clap says better itself.
#[must_use]
pub fn one_line(command: &clap::Command, error: &clap::Error) -> Option<String> {
    if let (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    {
        let missing = missing.first()?.split([' ', '=']).next()?;
        let argument = argument(command, missing.trim_start_matches('-'));
        let name = argument.and_then(variable);
        let help = argument
            .and_then(clap::Arg::get_help)
            .map(ToString::to_string);
        let accepted = help.map_or_else(|| "a value".to_owned(), |help| help.to_lowercase());
        let name = name.unwrap_or_else(|| missing.to_owned());
        return Some(ConfigError::new(name, "it is not set", accepted).to_string());
    }
    if !matches!(
        error.kind(),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue
    ) {
        return None;
    }
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = context(ContextKind::InvalidArg)?.split([' ', '=']).next()?;
    let argument = argument(command, flag.trim_start_matches('-'));
    let name = argument.and_then(variable);
    let secret = argument.is_some_and(clap::Arg::is_hide_env_values_set);
    let problem = match context(ContextKind::InvalidValue)? {
        "" => "it is empty".to_owned(),
        _ if secret => "it is not valid".to_owned(),
        value => format!("{value:?} is not valid"),
    };
    let accepted = match (error.get(ContextKind::ValidValue), error.source()) {
        (Some(ContextValue::Strings(values)), _) if !values.is_empty() => values.join(" or "),
        (_, Some(reason)) => accepted(reason),
        _ => "another value".to_owned(),
    };
    let name = name.unwrap_or_else(|| flag.to_owned());
    Some(ConfigError::new(name, problem, accepted).to_string())
}

/// What a value should have been, in the words of what read it. Where that is clap reading a number,
/// they say what is wrong instead.
fn accepted(reason: &(dyn Error + 'static)) -> String {
    if reason.is::<ParseIntError>() {
        return "a whole number".to_owned();
    }
    let reason = reason.to_string();
    let range = reason.split_once(" is not in ").map(|(_, range)| range);
    match range.and_then(|range| range.split_once("..=")) {
        Some((first, last)) => format!("a whole number from {first} to {last}"),
        None => reason,
    }
}

/// The argument of a flag.
fn argument<'a>(command: &'a clap::Command, flag: &str) -> Option<&'a clap::Arg> {
    let mut own = command.get_arguments();
    let found = own.find(|argument| argument.get_long() == Some(flag));
    found.or_else(|| {
        let mut subcommands = command.get_subcommands();
        subcommands.find_map(|command| argument(command, flag))
    })
}

fn variable(argument: &clap::Arg) -> Option<String> {
    let name = argument.get_env()?;
    Some(name.to_string_lossy().into_owned())
}

/// A span of time: seconds (`25`, `0.3`) or with units (`300ms`, `2m`, `1h`).
///
/// # Errors
///
/// What is accepted.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    parsed
        .filter(|span| *span <= MAX_DURATION)
        .ok_or("seconds, or a number with a unit (such as 25, 300ms, 2m, 1h), at most a year")
}

/// The longest span of time that a setting takes.
const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);

/// A span of time that is not zero.
///
/// # Errors
///
/// What is accepted.
pub fn positive_duration(text: &str) -> Result<Duration, &'static str> {
    duration(text)
        .ok()
        .filter(|span| *span >= Duration::from_millis(1))
        .ok_or("seconds above zero, or a number with a unit (such as 25, 300ms, 2m, 1h), at most a year")
}

/// A size in bytes: plain (`100000`) or with a unit (`100kB`, `1MiB`).
///
/// # Errors
///
/// What is accepted.
pub fn size(text: &str) -> Result<usize, &'static str> {
    let bytes = text
        .parse::<bytesize::ByteSize>()
        .ok()
        .map(|size| size.as_u64());
    bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|bytes| (1..=1 << 30).contains(bytes))
        .ok_or("bytes, 1 to 1 GiB, or a number with a unit (such as 100000, 100kB, 1MiB)")
}

/// A number of things, at least one.
///
/// # Errors
///
/// What is accepted.
pub fn count(text: &str) -> Result<usize, &'static str> {
    text.parse::<u32>()
        .ok()
        .filter(|count| *count > 0)
        .and_then(|count| usize::try_from(count).ok())
        .ok_or("a whole number from 1 to 4294967295")
}

/// A number of things a minute, at least one.
///
/// # Errors
///
/// What is accepted.
pub fn rate(text: &str) -> Result<std::num::NonZeroU32, &'static str> {
    text.parse()
        .map_err(|_| "a whole number from 1 to 4294967295")
}

/// An address to listen on.
///
/// # Errors
///
/// What is accepted.
pub fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "an address and a port (such as 127.0.0.1:5001, [::1]:5001 or 0.0.0.0:5001)")
}

/// A text that says something.
///
/// # Errors
///
/// What is accepted.
pub fn filled(text: &str) -> Result<String, &'static str> {
    let filled = !text.trim().is_empty();
    filled
        .then(|| text.to_owned())
        .ok_or("a text that is not empty; leave it unset to do without")
}

/// A folder, by its path.
///
/// # Errors
///
/// What is accepted.
pub fn folder(text: &str) -> Result<PathBuf, &'static str> {
    let filled = !text.is_empty();
    filled
        .then(|| text.into())
        .ok_or("the path of a folder that callboard may write to")
}

/// A host and a port, as one part of a fleet reaches another.
///
/// # Errors
///
/// What is accepted.
pub fn authority(text: &str) -> Result<Authority, &'static str> {
    text.parse::<Authority>()
        .ok()
        .filter(|authority| authority.port_u16().is_some_and(|port| port > 0))
        .filter(|authority| !text.contains('@') && !is_unspecified(authority.host()))
        .ok_or("a host and a port that others reach (such as 10.0.0.7:5011 or api.internal:5011)")
}

/// Whether a host is the address that one listens on to listen everywhere: nobody is there.
fn is_unspecified(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address
        .parse()
        .is_ok_and(|address: IpAddr| address.is_unspecified())
}

/// A TCP port.
///
/// # Errors
///
/// What is accepted.
pub fn port(text: &str) -> Result<u16, &'static str> {
    text.parse()
        .map_err(|_| "a port from 0 to 65535 (0: any free one)")
}

/// A browser origin: scheme, host and, unless it is the scheme's own, port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As browsers send it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A browser origin; a trailing slash is forgiven.
///
/// # Errors
///
/// What is accepted.
pub fn origin(text: &str) -> Result<Origin, &'static str> {
    let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
    let host = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .unwrap_or("");
    if host.is_empty()
        || !host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]_".contains(&byte))
    {
        return Err(
            "origins, comma separated (such as http://localhost:3000,https://app.example.com)",
        );
    }
    Ok(Origin(text))
}

/// Which pages may talk to the service.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Browsers")]
pub struct OriginSettings {
    /// Allowed browser origins, comma separated.
    #[arg(long, env = "CLIENT_URL", value_delimiter = ',', default_value = "http://localhost:3000", value_parser = origin)]
    pub client_url: Vec<Origin>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_repeated() {
        let flag = |name| clap::Arg::new(name).long(name).value_parser(port);
        let command = clap::Command::new("callboard").subcommand(
            clap::Command::new("api")
                .arg(flag("open"))
                .arg(flag("hidden").env("HIDDEN").hide_env_values(true)),
        );
        let line = |flag: &str| {
            let arguments = ["callboard", "api", flag, "secret"];
            let error = command.clone().try_get_matches_from(arguments);
            one_line(&command, &error.unwrap_err()).unwrap()
        };
        assert!(line("--open").starts_with("--open: \"secret\" is not valid; expected a port"));
        assert!(line("--hidden").starts_with("HIDDEN: it is not valid; expected a port"));
    }

    #[test]
    fn a_number_that_clap_reads_is_asked_for_in_words() {
        let number = clap::value_parser!(u32).range(1..=1_000);
        let count = clap::Arg::new("count").long("count").value_parser(number);
        let command = clap::Command::new("callboard").arg(count);
        for (value, expected) in [
            ("0", "a whole number from 1 to 1000"),
            ("-1", "a whole number from 1 to 1000"),
            ("many", "a whole number"),
        ] {
            let flag = format!("--count={value}");
            let error = command.clone().try_get_matches_from(["callboard", &flag]);
            let line = one_line(&command, &error.unwrap_err()).unwrap();
            let whole = format!("--count: {value:?} is not valid; expected {expected}");
            assert_eq!(line, whole);
        }
    }

    #[test]
    fn durations_are_seconds_or_have_units() {
        assert_eq!(duration("25"), Ok(Duration::from_secs(25)));
        assert_eq!(duration("0.3"), Ok(Duration::from_millis(300)));
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for refused in ["", "-1", "soon", "NaN", "1e30"] {
            assert!(duration(refused).is_err(), "{refused} was accepted");
        }
        assert!(positive_duration("0").is_err());
    }

    #[test]
    fn sizes_are_bytes_or_have_units() {
        assert_eq!(size("100000"), Ok(100_000));
        assert_eq!(size("100 kB"), Ok(100_000));
        assert_eq!(size("1MiB"), Ok(1 << 20));
        for refused in ["", "0", "-1", "lots", "9TiB"] {
            assert!(size(refused).is_err(), "{refused} was accepted");
        }
    }

    #[test]
    fn an_authority_has_a_port() {
        assert_eq!(authority("api.internal:5011").unwrap(), "api.internal:5011");
        assert!(authority("[::1]:5011").is_ok());
        for refused in [
            "",
            "api",
            "http://api:5011",
            "me@api:5011",
            "api:port",
            "api:70000",
            "api:0",
            "0.0.0.0:5011",
            "[::]:5011",
        ] {
            assert!(authority(refused).is_err(), "{refused} was accepted");
        }
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        assert_eq!(
            origin(" https://App.example.com/ ").unwrap().as_str(),
            "https://app.example.com"
        );
        assert_eq!(
            origin("http://[::1]:3000").unwrap().as_str(),
            "http://[::1]:3000"
        );
        for refused in [
            "",
            "*",
            "localhost:3000",
            "https://",
            "https://a/b",
            "ftp://a",
        ] {
            assert!(origin(refused).is_err(), "{refused} was accepted");
        }
    }
}
