//! The commands that the product uses, with Redis' semantics and words.

use std::{collections::BTreeMap, sync::Arc};

use redis::Value as Answer;

use super::keyspace::{Keyspace, Slot, Stream, StreamId, Text, Value};

/// What a command gives: an answer, or an error in Redis' words.
pub(super) type Outcome = Result<Answer, String>;

/// One process's data, and what it knows of itself.
pub(super) struct Data {
    pub(super) keys: Keyspace,
    pub(super) run_id: String,
    /// The id of the history that it writes, which its replicas follow.
    pub(super) history: String,
    /// Replicas that are connected.
    pub(super) replicas: usize,
    /// Microseconds since 1970.
    pub(super) time: u64,
    /// What was published while a command ran.
    pub(super) published: Vec<(Text, Text)>,
}

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_A_NUMBER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

fn number<T: std::str::FromStr>(text: &[u8]) -> Result<T, String> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| NOT_A_NUMBER.to_owned())
}

fn bulk(text: &[u8]) -> Answer {
    Answer::BulkString(text.to_vec())
}

fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

impl Data {
    /// Milliseconds since 1970.
    fn now(&self) -> u64 {
        self.time / 1_000
    }

    /// Carries out a command.
    pub(super) fn run(&mut self, arguments: &[Text]) -> Outcome {
        let [name, rest @ ..] = arguments else {
            return Err("ERR empty command".to_owned());
        };
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        match (name.as_str(), rest) {
            ("TIME", []) => Ok(Answer::Array(vec![
                bulk((self.time / 1_000_000).to_string().as_bytes()),
                bulk((self.time % 1_000_000).to_string().as_bytes()),
            ])),
            ("PING", []) => Ok(Answer::SimpleString("PONG".to_owned())),
            ("INFO", [section]) => Ok(bulk(self.info(section).as_bytes())),
            ("GET", [key]) => Ok(self.text(key)?.map_or(Answer::Nil, |text| bulk(text))),
            ("GETEX", [key, unit, life]) if is(unit, "EX") => {
                let found = self.text(key)?.map_or(Answer::Nil, |text| bulk(text));
                self.expire(key, number::<u64>(life)?.saturating_mul(1_000))?;
                Ok(found)
            }
            ("SET", [key, value, options @ ..]) => self.set(key, value, options),
            ("DEL" | "UNLINK", keys) => {
                let there = keys.iter().filter(|key| self.remove(key)).count();
                Ok(integer(there))
            }
            ("EXISTS", keys) => {
                let now = self.now();
                let there = keys.iter().filter(|key| self.keys.get(key, now).is_some());
                Ok(integer(there.count()))
            }
            ("PEXPIRE", [key, life]) => self.expire(key, number(life)?),
            ("EXPIRE", [key, life]) => self.expire(key, number::<u64>(life)?.saturating_mul(1_000)),
            ("PTTL", [key]) => Ok(self.ttl(key)),
            ("HSET", [key, fields @ ..]) if fields.len() % 2 == 0 => self.hash_set(key, fields),
            ("HGET", [key, field]) => {
                let hash = self.hash(key)?;
                Ok(hash
                    .and_then(|hash| hash.get(field))
                    .map_or(Answer::Nil, |text| bulk(text)))
            }
            ("HMGET", [key, fields @ ..]) => {
                let hash = self.hash(key)?;
                let value = |field| hash.and_then(|hash| hash.get(field));
                let values = fields
                    .iter()
                    .map(|field| value(field).map_or(Answer::Nil, |text| bulk(text)));
                Ok(Answer::Array(values.collect()))
            }
            ("HINCRBY", [key, field, by]) => self.hash_add(key, field, number(by)?),
            ("XADD", [key, rest @ ..]) => self.stream_add(key, rest),
            ("XRANGE", [key, from, to, rest @ ..]) => self.stream_range(key, from, to, rest),
            ("XLEN", [key]) => Ok(integer(
                self.stream(key)?.map_or(0, |stream| stream.entries.len()),
            )),
            ("SPUBLISH" | "PUBLISH", [channel, message]) => {
                self.published.push((channel.clone(), message.clone()));
                Ok(Answer::Int(0))
            }
            _ => Err(format!(
                "ERR unknown command '{name}' or wrong number of arguments"
            )),
        }
    }

    fn info(&self, section: &[u8]) -> String {
        if is(section, "replication") {
            let (replicas, history) = (self.replicas, &self.history);
            format!(
                "# Replication\r\nrole:master\r\nconnected_slaves:{replicas}\r\nmaster_replid:{history}\r\n"
            )
        } else {
            format!(
                "# Server\r\nredis_version:7.0.15\r\nrun_id:{}\r\n",
                self.run_id
            )
        }
    }

    fn value(&self, key: &[u8]) -> Option<&Value> {
        self.keys.get(key, self.now()).map(|slot| &*slot.value)
    }

    fn text(&self, key: &[u8]) -> Result<Option<&Text>, String> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(WRONG_TYPE.to_owned()),
        }
    }

    fn hash(&self, key: &[u8]) -> Result<Option<&BTreeMap<Text, Text>>, String> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(WRONG_TYPE.to_owned()),
        }
    }

    fn stream(&self, key: &[u8]) -> Result<Option<&Stream>, String> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Stream(stream)) => Ok(Some(stream)),
            Some(_) => Err(WRONG_TYPE.to_owned()),
        }
    }

    /// Writes a value, and leaves alone when the key expires.
    fn update(&mut self, key: &[u8], value: Value) {
        let now = self.now();
        let expires = self.keys.get(key, now).and_then(|slot| slot.expires);
        let value = Arc::new(value);
        self.keys.set(key, Some(Slot { value, expires }), now);
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: &[Text]) -> Outcome {
        let (mut expires, mut only_new, mut give_old) = (None, false, false);
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let mut life = |unit: u64| -> Result<u64, String> {
                Ok(number::<u64>(options.next().ok_or(SYNTAX)?)?.saturating_mul(unit))
            };
            if is(option, "PX") {
                expires = Some(self.now() + life(1)?);
            } else if is(option, "EX") {
                expires = Some(self.now() + life(1_000)?);
            } else if is(option, "NX") {
                only_new = true;
            } else if is(option, "GET") {
                give_old = true;
            } else {
                return Err(SYNTAX.to_owned());
            }
        }
        let now = self.now();
        let there = self.keys.get(key, now).is_some();
        let old = if give_old {
            self.text(key)?.map_or(Answer::Nil, |text| bulk(text))
        } else if only_new && there {
            Answer::Nil
        } else {
            Answer::Okay
        };
        if !(only_new && there) {
            let value = Arc::new(Value::Text(value.to_vec()));
            self.keys.set(key, Some(Slot { value, expires }), now);
        }
        Ok(old)
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let now = self.now();
        let there = self.keys.get(key, now).is_some();
        if there {
            self.keys.set(key, None, now);
        }
        there
    }

    fn expire(&mut self, key: &[u8], life: u64) -> Outcome {
        let now = self.now();
        let Some(mut slot) = self.keys.get(key, now).cloned() else {
            return Ok(Answer::Int(0));
        };
        slot.expires = Some(now.saturating_add(life));
        self.keys.set(key, Some(slot), now);
        Ok(Answer::Int(1))
    }

    fn ttl(&self, key: &[u8]) -> Answer {
        let now = self.now();
        match self.keys.get(key, now) {
            None => Answer::Int(-2),
            Some(slot) => slot.expires.map_or(Answer::Int(-1), |at| {
                Answer::Int(i64::try_from(at - now).unwrap_or(i64::MAX))
            }),
        }
    }

    fn hash_set(&mut self, key: &[u8], fields: &[Text]) -> Outcome {
        let mut hash = self.hash(key)?.cloned().unwrap_or_default();
        let mut new = 0;
        for pair in fields.chunks_exact(2) {
            new += usize::from(hash.insert(pair[0].clone(), pair[1].clone()).is_none());
        }
        self.update(key, Value::Hash(hash));
        Ok(integer(new))
    }

    fn hash_add(&mut self, key: &[u8], field: &[u8], by: i64) -> Outcome {
        let mut hash = self.hash(key)?.cloned().unwrap_or_default();
        let before = match hash.get(field) {
            Some(text) => number::<i64>(text).map_err(|_| "ERR hash value is not an integer")?,
            None => 0,
        };
        let sum = before + by;
        hash.insert(field.to_vec(), sum.to_string().into_bytes());
        self.update(key, Value::Hash(hash));
        Ok(Answer::Int(sum))
    }

    fn stream_add(&mut self, key: &[u8], rest: &[Text]) -> Outcome {
        let (most, rest) = match rest {
            [option, exact, most, rest @ ..]
                if is(option, "MAXLEN") && (is(exact, "=") || is(exact, "~")) =>
            {
                (Some(number::<usize>(most)?), rest)
            }
            [option, most, rest @ ..] if is(option, "MAXLEN") => {
                (Some(number::<usize>(most)?), rest)
            }
            rest => (None, rest),
        };
        let [id, fields @ ..] = rest else {
            return Err(SYNTAX.to_owned());
        };
        let id = stream_id(id, 0)?;
        let mut stream = self.stream(key)?.cloned().unwrap_or_default();
        if id <= stream.last {
            return Err(
                "ERR The ID specified in XADD is equal or smaller than the target stream top item"
                    .to_owned(),
            );
        }
        stream.last = id;
        stream.entries.push_back((id, fields.to_vec()));
        while most.is_some_and(|most| stream.entries.len() > most) {
            stream.entries.pop_front();
        }
        self.update(key, Value::Stream(stream));
        Ok(bulk(format!("{}-{}", id.0, id.1).as_bytes()))
    }

    fn stream_range(&self, key: &[u8], from: &[u8], to: &[u8], rest: &[Text]) -> Outcome {
        let most = match rest {
            [] => usize::MAX,
            [option, most] if is(option, "COUNT") => number(most)?,
            _ => return Err(SYNTAX.to_owned()),
        };
        let low = match from {
            b"-" => (0, 0),
            [b'(', from @ ..] => {
                let (ms, seq) = stream_id(from, 0)?;
                (ms, seq + 1)
            }
            from => stream_id(from, 0)?,
        };
        let high = match to {
            b"+" => (u64::MAX, u64::MAX),
            to => stream_id(to, u64::MAX)?,
        };
        let Some(stream) = self.stream(key)? else {
            return Ok(Answer::Array(Vec::new()));
        };
        let within = stream
            .entries
            .iter()
            .filter(|(id, _)| (low..=high).contains(id));
        let entries = within.take(most).map(|((ms, seq), fields)| {
            let fields = fields.iter().map(|field| bulk(field)).collect();
            Answer::Array(vec![
                bulk(format!("{ms}-{seq}").as_bytes()),
                Answer::Array(fields),
            ])
        });
        Ok(Answer::Array(entries.collect()))
    }
}

fn stream_id(text: &[u8], missing: u64) -> Result<StreamId, String> {
    let invalid = || "ERR Invalid stream ID specified as stream command argument".to_owned();
    let text = std::str::from_utf8(text).map_err(|_| invalid())?;
    let (ms, seq) = text.split_once('-').unwrap_or((text, ""));
    let seq = if seq.is_empty() {
        Ok(missing)
    } else {
        seq.parse()
    };
    Ok((
        ms.parse().map_err(|_| invalid())?,
        seq.map_err(|_| invalid())?,
    ))
}

fn integer(number: usize) -> Answer {
    Answer::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Whether a command changes data, and so is refused where writes are.
pub(super) fn writes(name: &[u8]) -> bool {
    [
        "SET", "GETEX", "DEL", "UNLINK", "PEXPIRE", "EXPIRE", "HSET", "HINCRBY", "XADD", "FCALL",
        "FUNCTION",
    ]
    .iter()
    .any(|write| is(name, write))
}
